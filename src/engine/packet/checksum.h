/* The Internet checksum (RFC 1071). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Returns the ones' complement sum, not folded, of `sum` and some more bytes. The number of bytes
 * that are in `sum` already has to be even. The sum is in the byte order of memory: what
 * checksum_fold() returns is stored as it is. Fast: some 18 bytes a cycle. */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length);
/* Folds a sum to 16 bits. The result is not complemented. */
uint16_t checksum_fold(uint64_t sum);
/* TCP's and UDP's pseudo-header below an IPv4 header. */
uint64_t checksum_pseudo(const uint8_t *ip_header, uint8_t protocol, uint32_t transport_length);

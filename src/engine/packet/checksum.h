/* The Internet checksum (RFC 1071). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The ones' complement sum, not folded, of bytes and what was summed before. The bytes summed
 * before have to be even in number. In the byte order of memory: to be stored as it comes out of
 * checksum_fold(). Fast: some 18 bytes a cycle. */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length);
/* To 16 bits, not complemented. */
uint16_t checksum_fold(uint64_t sum);
/* TCP's and UDP's pseudo-header below an IPv4 header. */
uint64_t checksum_pseudo(const uint8_t *ip_header, uint8_t protocol, uint32_t transport_length);

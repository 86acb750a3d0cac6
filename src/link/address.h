/* IP addresses as a person types them. */
#pragma once

#include <stdint.h>

/* Reads a.b.c.d from all of `text`, each octet 0-255, in decimal without leading zeros (inet_aton()
 * takes those for octal). The address is in host byte order. Writes *ret_address on success only.
 * Returns 0, or -1. */
int address_parse_ipv4(const char *text, uint32_t *ret_address);

/* The same for IPv6, in any form of RFC 4291 section 2.2 but the one with dots, and without a zone.
 * The address is as it is on the wire. */
int address_parse_ipv6(const char *text, uint8_t ret_address[static 16]);

/* IP addresses as a person types them, and IPv4 addresses in the place of IPv6 ones. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    ADDRESS_TEXT_SIZE = 16, /* a.b.c.d and a NUL */
};

/* Reads a.b.c.d from all of `text`, each octet 0-255, in decimal without leading zeros (inet_aton()
 * takes those for octal; inet_pton() refuses them). The address is in host byte order. Writes
 * *ret_address on success only. Returns 0, or -1. */
int address_parse_ipv4(const char *text, uint32_t *ret_address);

/* The same for IPv6, in any form of RFC 4291 section 2.2 but the one with dots, and without a zone.
 * The address is as it is on the wire. */
int address_parse_ipv6(const char *text, uint8_t ret_address[static 16]);

/* Writes a.b.c.d and a NUL. The address is in host byte order. */
void address_ipv4_to_text(uint32_t address, char ret_text[static ADDRESS_TEXT_SIZE]);

/* The IPv4-mapped form of an IPv4 address (host byte order): ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
void address_map_ipv4(uint32_t address, uint8_t ret_address[static 16]);
bool address_is_mapped(const uint8_t address[static 16]);

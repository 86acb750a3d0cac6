/* The address and port of a peer's UDP socket, as in 192.0.2.1:51820 and [2001:db8::1]:51820. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    ENDPOINT_TEXT_SIZE = 56, /* "[", the address, "]:", the port, and a NUL */
};

struct endpoint {
    uint32_t address;     /* IPv4, host byte order; 0 if it is IPv6 */
    uint8_t address6[16]; /* IPv6, as it is on the wire; zeros if it is IPv4 */
    bool ipv6;
    uint16_t port; /* host byte order; 0 if the endpoint is not known, and then all else is 0 */
};

enum endpoint_flaw {
    ENDPOINT_GOOD,
    ENDPOINT_MALFORMED,  /* neither a.b.c.d:port nor [IPv6]:port */
    ENDPOINT_NO_PEER,    /* well-formed, but an address that no single machine has */
    ENDPOINT_LINK_LOCAL, /* of fe80::/10, or with a %zone */
    ENDPOINT_MAPPED,     /* an IPv4 address as an IPv6 one, ::ffff:0:0/96 */
};

/* Reads a.b.c.d:port or [IPv6]:port from all of `text`: an address as address.h has it, and a port,
 * 1-65535, in decimal without leading zeros. Refused are addresses at which no peer can be:
 * 0.0.0.0/8 ("this network", RFC 791) and ::, multicast (224.0.0.0/4, ff00::/8), and the limited
 * broadcast address; and the two flaws above that only IPv6 has. Loopback is taken: two containers
 * of one machine may be linked. Writes *ret_endpoint if ENDPOINT_GOOD is returned, and only then.
 */
enum endpoint_flaw endpoint_parse(const char *text, struct endpoint *ret_endpoint);

/* Writes the text of a known endpoint, and a NUL. */
void endpoint_to_text(const struct endpoint *endpoint, char ret_text[static ENDPOINT_TEXT_SIZE]);

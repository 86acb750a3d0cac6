/* Where a peer's UDP socket is: an address and a port, as in 192.0.2.1:51820. */
#pragma once

#include <stdint.h>

struct endpoint {
    uint32_t address; /* IPv4, host byte order */
    uint16_t port;    /* host byte order, never 0 */
};

enum endpoint_flaw {
    ENDPOINT_GOOD,
    ENDPOINT_MALFORMED, /* not a.b.c.d:port */
    ENDPOINT_NO_PEER,   /* well-formed, but an address that no single machine has */
};

/* Reads a.b.c.d:port from all of `text`, each octet 0-255 and the port 1-65535, in decimal without
 * leading zeros (inet_aton() takes those for octal). Unspecified ("this network", 0.0.0.0/8,
 * RFC 791), multicast (224.0.0.0/4) and limited broadcast addresses are refused, since no peer can
 * be there; loopback is not: two containers of one machine may be linked. Writes *ret_endpoint if
 * ENDPOINT_GOOD is returned, and only then. */
enum endpoint_flaw endpoint_parse(const char *text, struct endpoint *ret_endpoint);

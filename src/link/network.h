/* Networks, as in 192.0.2.0/24 and 2001:db8::/32. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/endpoint.h"

enum {
    NETWORK_TEXT_SIZE = 52, /* longest address, "/128", and a NUL */
};

struct network {
    bool ipv6;
    uint8_t address[16]; /* as it is on the wire; of IPv4 the first four, and the rest zeros */
    uint8_t prefix_length;
};

enum network_flaw {
    NETWORK_GOOD,
    NETWORK_MALFORMED, /* neither a.b.c.d/length nor IPv6/length */
    NETWORK_HOST_BITS, /* the address has bits behind the prefix */
};

/* Reads all of `text`: an address as address.h has it, a '/' and the length of the prefix, 0 to 32
 * or 128, in decimal without leading zeros. All bits behind the prefix have to be zero: an address
 * with other bits may be a mistake. Writes *ret_network if NETWORK_GOOD is returned, and only then.
 */
enum network_flaw network_parse(const char *text, struct network *ret_network);

/* Writes "10.0.0.15/32" or "2001:db8::/32". */
void network_to_text(const struct network *network, char ret_text[static NETWORK_TEXT_SIZE]);

/* Returns whether a known endpoint is in the network. */
bool network_contains(const struct network *network, const struct endpoint *endpoint);

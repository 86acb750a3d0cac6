/* The model of a link: the name and the addresses of a net and a host.
 *
 * There are 8388608 nets, each a /31 of 10.0.0.0/8 (RFC 3021), and a net has two ends, host 0 and
 * host 1. A network device is one end of a link and is called <prefix>-<net>-<host>.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "link/address.h"

enum {
    LINK_NET_MAX = 8388607,
    LINK_HOST_MAX = 1,
    LINK_PREFIX_LENGTH = 31, /* of a net, in bits */
    LINK_NAME_SIZE = 16,     /* IFNAMSIZ of <linux/if.h>: 15 characters and a NUL */
};

struct link_end {
    uint32_t net;  /* 0..LINK_NET_MAX */
    uint32_t host; /* 0..LINK_HOST_MAX */
};

/* A range of nets, `first` and `last` included. */
struct link_nets {
    uint32_t first;
    uint32_t last;
};

/* Returns the other end of the same link. */
struct link_end link_other_end(struct link_end end);

/* Return the IPv4 address of an end, and the lower address of a net's /31, in host byte order. */
uint32_t link_address(struct link_end end);
uint32_t link_subnet(uint32_t net);

/* Writes an end's address as text. */
void link_address_to_text(struct link_end end, char ret_text[static ADDRESS_TEXT_SIZE]);

/* Writes the device name with its NUL. Returns 0, or -1 if it would not fit, and then writes
 * nothing. */
int link_name(const char *prefix, struct link_end end, char ret_name[static LINK_NAME_SIZE]);

/* Reads a device name that link_name() has made with this prefix. Returns 0, or -1 if it is no such
 * name. */
int link_name_parse(const char *prefix, const char *name, struct link_end *ret_end);

/* Returns the largest net whose name fits with a prefix of `prefix_length` characters, or -1 if no
 * name fits. */
int32_t link_net_limit(size_t prefix_length);

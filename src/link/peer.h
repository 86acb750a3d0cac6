/* The peer of a link, as an end of the link is told it. */
#pragma once

#include <stdint.h>

#include "link/endpoint.h"
#include "link/key.h"

enum {
    PEER_KEEPALIVE_KEPT =
        -1, /* in the place of seconds: stays as it is, which is 0 for a new peer */
};

struct peer {
    struct key public_key;
    struct endpoint endpoint;        /* not known: stays as it is, which may be not known as well */
    uint32_t allowed_address;        /* IPv4, host byte order: the peer's address within the link */
    const struct key *preshared_key; /* NULL: stays as it is; all zeros: none */
    int32_t keepalive;               /* seconds, 0-65535; 0: off; or PEER_KEEPALIVE_KEPT */
};

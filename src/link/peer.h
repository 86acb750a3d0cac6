/* What the end of a link is told of the other. */
#pragma once

#include <stdint.h>

#include "link/endpoint.h"
#include "link/key.h"

enum {
    PEER_KEEPALIVE_KEPT = -1, /* in the place of seconds: as it is, which is 0 for a new peer */
};

struct peer {
    struct key public_key;
    struct endpoint endpoint;        /* not known: as it is, which may be unknown as well */
    uint32_t allowed_address;        /* IPv4, host byte order: the one /32 that is behind it */
    const struct key *preshared_key; /* NULL: as it is; all zeros: none */
    int32_t keepalive;               /* seconds, 0-65535; 0: off; or PEER_KEEPALIVE_KEPT */
};

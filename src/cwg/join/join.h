/* `cwg join`: links two containers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/machine/addresses.h"
#include "cwg/name/end.h"

enum {
    JOIN_KEEPALIVE_SECONDS = 25, /* shorter than the memory of most NATs */
};

struct join_options {
    bool json;
    bool psk;
    bool keep;     /* the agents of both machines keep the link, */
    char link[64]; /* by this name; "": one is made of the ends' */
    bool has_net;
    uint32_t net;
    uint16_t port[2];               /* 0: any */
    char endpoint[2][ADDRESS_SIZE]; /* "" if not given */
    int nat;                        /* 1 or 2: this end is behind a NAT; 0: find out */
    int mtu;                        /* 0: that of the path */
    struct end end[2];
};

/* Joins, and prints the result or the failure. Returns the exit status. */
int join(const struct join_options *options);

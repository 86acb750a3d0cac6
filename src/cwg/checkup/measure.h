/* How large packets may be on the way between two machines. Each sends datagrams of some sizes that
 * no router may take apart, and acknowledges those of the other that have come. So what passes is
 * seen, whether a router tells of the rest or nobody does. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/base/failure.h"
#include "link/endpoint.h"
#include "link/key.h"

enum {
    MEASURE_LINK_MIN = 576, /* the MTUs that a link may have */
    MEASURE_LINK_MAX = 65455,
    MEASURE_AROUND = 80, /* what a link adds to a packet, at most: IPv6, UDP, WireGuard */
    MEASURE_AROUND_IPV4 = 60,
};

/* What is to be measured. Both machines are told the same cookie: neither answers a datagram
 * without it. */
struct measure {
    struct endpoint to; /* where the other one listens; port 0: it begins */
    struct key cookie;
    int link_mtu;
};

/* All sizes are those of whole IP packets. */
struct measured {
    int whole;  /* the largest, up to the link's MTU + 80, that came in one piece; 0: none has that
                 * the smallest link needs */
    bool split; /* the link's longest packet came, whole or taken apart */
    int told;   /* the MTU of the path as this kernel knows it afterwards; 0: it doesn't tell */
};

/* Opens a socket for one measurement, at any port. Returns a descriptor, or -1. */
int measure_open(bool ipv6, uint16_t *ret_port, struct failure *failure);

/* Measures, for 15 seconds at most, while the other machine does the same. Until the other one has
 * answered to a random number, only small datagrams go there, for three seconds. Returns 0, or -1:
 * "silent" if nothing came from there. */
int measure_run(int fd, const struct measure *measure, struct measured *ret_measured,
                struct failure *failure);

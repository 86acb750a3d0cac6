/* The limit on the time that handshakes take (the paper, section 5.3): under load, a sender has to
 * prove by a cookie that it receives at its address, and may then come only so often. Pure. Times
 * are in nanoseconds of CLOCK_BOOTTIME. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/io/remote.h"

enum {
    RATELIMIT_PER_WINDOW = 16, /* handshake messages in a window; more are a load */
    RATELIMIT_SOURCES = 64,
};

struct ratelimit_source {
    uint8_t network[16]; /* an address, of IPv6 the first 64 bits, as remote_to_source() has it */
    int64_t since;       /* up to when its allowance is used up */
};

struct ratelimit {
    int64_t window; /* when the present one began */
    unsigned int messages;
    int64_t under_until;
    struct ratelimit_source source[RATELIMIT_SOURCES];
    struct ratelimit_source peer; /* kept for the network that the peer is in */
};

/* Counts a handshake message with a right mac1. Returns whether this end is under load. */
bool ratelimit_note(struct ratelimit *limit, int64_t now);

/* Returns whether a sender that has proved its address may be heard now: twenty times a second,
 * five at once. While RATELIMIT_SOURCES networks come that often, no other network is heard but
 * that of `peer`, the peer's last address. */
bool ratelimit_allow(struct ratelimit *limit, const uint8_t source[static REMOTE_SOURCE_SIZE],
                     const uint8_t peer[static REMOTE_SOURCE_SIZE], int64_t now);

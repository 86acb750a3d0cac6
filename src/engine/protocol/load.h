/* How much of our time handshakes may take (the paper, section 5.3): whether we are under load,
 * when a sender has to prove by a cookie that it receives at its address; and how often one that
 * did may then come. Pure. Times are in nanoseconds of CLOCK_BOOTTIME. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/io/remote.h"

enum {
    LOAD_PER_WINDOW = 16, /* handshake messages in a window, from which on we are under load */
    LOAD_SOURCES = 64,
};

struct load_source {
    uint8_t network[16]; /* an address, of IPv6 the first 64 bits, as remote_to_source() has it */
    int64_t since;       /* how far back its allowance is used up */
};

struct load {
    int64_t window; /* when the present one began */
    unsigned int messages;
    int64_t under_until;
    struct load_source source[LOAD_SOURCES];
    struct load_source peer; /* kept for the network that the peer is in */
};

/* To be told of each handshake message with a right mac1. Returns whether we are under load. */
bool load_note(struct load *load, int64_t now);

/* Whether a sender, known to be where it says, may be heard: twenty times a second, five at once.
 * While LOAD_SOURCES networks come that often, no other may but `peer`'s: where the peer was last.
 */
bool load_allow(struct load *load, const uint8_t source[static REMOTE_SOURCE_SIZE],
                const uint8_t peer[static REMOTE_SOURCE_SIZE], int64_t now);

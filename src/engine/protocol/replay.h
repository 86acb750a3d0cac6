/* The sliding window that lets each counter through once (RFC 6479), 8192 bits. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    REPLAY_BITS = 8192,
    REPLAY_WORDS = REPLAY_BITS / 64,
    REPLAY_WINDOW = REPLAY_BITS - 64, /* one word is always being refilled */
};

struct replay {
    uint64_t next; /* one more than the greatest counter that was let through */
    uint64_t word[REPLAY_WORDS];
};

void replay_init(struct replay *replay);

/* Notes the counter of a packet whose tag was right. Returns false if the counter was seen before,
 * is too old to know, or is past the last that may be used (2^64 - 2^13 - 2; the paper,
 * section 6.2). */
bool replay_accept(struct replay *replay, uint64_t counter);

/* What time it is. */
#pragma once

#include <stdint.h>

enum {
    CLOCK_TIMESTAMP_SIZE = 12, /* TAI64N: 8 bytes of seconds, 4 of nanoseconds, big-endian */
};

/* Nanoseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps and never jumps. */
int64_t clock_now(void);

/* A random number of nanoseconds, up to a third of a second: two peers are not to act in step. */
int64_t clock_jitter(void);

/* The time of day for an initiation, TAI64N (the paper, section 5.4.2), in steps of some 17 ms, so
 * that it tells little. It is later than any that `last` has held, which it then does: the wall
 * clock may have been set back, and the peer refuses what isn't newer. */
void clock_timestamp(uint64_t last[static 1], uint8_t ret_timestamp[static CLOCK_TIMESTAMP_SIZE]);

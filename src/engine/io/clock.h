/* Clocks. */
#pragma once

#include <stdint.h>

enum {
    CLOCK_TIMESTAMP_SIZE = 12, /* TAI64N: 8 bytes of seconds, 4 of nanoseconds, big-endian */
};

/* Returns CLOCK_BOOTTIME in nanoseconds: it goes on while the machine sleeps, and never jumps. */
int64_t clock_nanoseconds(void);

/* Returns a random number of nanoseconds, up to a third of a second, by which timers are put off:
 * two peers must not act in step. */
int64_t clock_jitter(void);

/* Writes the time of day for an initiation, TAI64N (the paper, section 5.4.2), in steps of some 17
 * ms, so that it tells little of the clock. It is later than *last, which becomes this time: the
 * wall clock may have been set back, and the peer refuses a time that isn't newer. */
void clock_timestamp(uint64_t last[static 1], uint8_t ret_timestamp[static CLOCK_TIMESTAMP_SIZE]);

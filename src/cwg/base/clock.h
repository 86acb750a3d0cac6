/* The clock. */
#pragma once

#include <stdint.h>

/* Milliseconds of CLOCK_BOOTTIME, which nobody can set. It goes on while the machine sleeps: the
 * other machines, their sessions, and the keys of a link get older meanwhile. */
int64_t clock_now(void);

/* The time in milliseconds from now until `deadline`, at least 0: a timeout for poll(2), which
 * doesn't count the time that the machine sleeps. */
int clock_until(int64_t deadline);

/* Milliseconds since 1970, by the clock that people set. */
int64_t clock_today(void);

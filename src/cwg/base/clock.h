/* The clock. */
#pragma once

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, which nobody can set. */
int64_t clock_now(void);

/* The time in milliseconds from now until `deadline`, at least 0: a timeout for poll(2). */
int clock_until(int64_t deadline);

/* Milliseconds since 1970, by the clock that people set. */
int64_t clock_today(void);

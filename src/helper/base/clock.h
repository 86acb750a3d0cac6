/* Clocks, and waits. */
#pragma once

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, which nobody can set. */
int64_t clock_now(void);

/* Milliseconds since 1970, by CLOCK_REALTIME, which root can set. */
int64_t clock_wall(void);

/* Waits `milliseconds`, or less if a signal interrupts it: callers look at the clock again. */
void clock_pause(int64_t milliseconds);

/* Waits until `fd` has one of `events` (poll(2)), for `milliseconds` at most; 0 looks without
 * waiting. Returns 1, 0 after that time, or -1 with errno. */
int clock_await(int fd, short events, int64_t milliseconds);

/* Time left to wait for engines that don't answer, for all engines of one container together. Each
 * wait is taken off, so that a container with many such engines can't delay the helper any longer.
 * Each engine gets a moment in any case. */
struct patience {
    int64_t milliseconds;
};

#define PATIENCE ((struct patience){.milliseconds = 2000})

/* How time passes while we wait. */
#pragma once

#include <stdint.h>

/* Milliseconds of the clock that nobody sets. */
int64_t clock_now(void);

/* Milliseconds since 1970, by the clock that people set. */
int64_t clock_wall(void);

/* Waits that long. Less if it is interrupted: whoever waits looks at the clock. */
void clock_pause(int64_t milliseconds);

/* Waits until a descriptor has one of the events of poll(2), for that long at most: 0 doesn't wait.
 * Returns 1, 0 if the time is over, or -1 with errno. */
int clock_await(int fd, short events, int64_t milliseconds);

/* How long engines that don't answer may be waited for, all of one container's together: what is
 * waited is taken off, so that a container with many of them can't keep us for longer. Each is
 * given a moment in any case. */
struct patience {
    int64_t milliseconds;
};

#define PATIENCE ((struct patience){.milliseconds = 2000})

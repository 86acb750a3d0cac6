/* How time passes while we wait. */
#pragma once

#include <stdint.h>

/* Milliseconds of the clock that nobody sets. */
int64_t clock_now(void);

/* Milliseconds since 1970, by the clock that people set. */
int64_t clock_wall(void);

/* Waits that long. Less if it is interrupted: whoever waits looks at the clock. */
void clock_pause(int64_t milliseconds);

#include "helper/base/clock.h"

#include <time.h>

enum {
    MILLISECONDS = 1000,       /* in a second */
    NANOSECONDS = 1000 * 1000, /* in a millisecond */
};

int64_t clock_now(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MILLISECONDS + now.tv_nsec / NANOSECONDS;
}

int64_t clock_wall(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MILLISECONDS + now.tv_nsec / NANOSECONDS;
}

void clock_pause(int64_t milliseconds)
{
    const struct timespec pause = {
        .tv_sec = milliseconds / MILLISECONDS,
        .tv_nsec = milliseconds % MILLISECONDS * NANOSECONDS,
    };

    if (milliseconds > 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

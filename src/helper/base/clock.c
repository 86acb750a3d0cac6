#include "helper/base/clock.h"

#include <poll.h>
#include <time.h>

enum {
    MILLISECONDS = 1000,       /* in a second */
    NANOSECONDS = 1000 * 1000, /* in a millisecond */
};

static int64_t look_at(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * MILLISECONDS + now.tv_nsec / NANOSECONDS;
}

int64_t clock_now(void)
{
    return look_at(CLOCK_MONOTONIC);
}

int64_t clock_wall(void)
{
    return look_at(CLOCK_REALTIME);
}

/* ppoll() passes over a descriptor of -1. */
void clock_pause(int64_t milliseconds)
{
    (void)clock_await(-1, 0, milliseconds);
}

int clock_await(int fd, short events, int64_t milliseconds)
{
    const int64_t left = milliseconds > 0 ? milliseconds : 0;
    const struct timespec most = {
        .tv_sec = left / MILLISECONDS,
        .tv_nsec = left % MILLISECONDS * NANOSECONDS,
    };
    struct pollfd polled = {.fd = fd, .events = events};

    return ppoll(&polled, 1, &most, NULL);
}

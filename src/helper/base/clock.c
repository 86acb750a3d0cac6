#include "helper/base/clock.h"

#include <poll.h>
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

static struct timespec span(int64_t milliseconds)
{
    return (struct timespec){
        .tv_sec = milliseconds / MILLISECONDS,
        .tv_nsec = milliseconds % MILLISECONDS * NANOSECONDS,
    };
}

void clock_pause(int64_t milliseconds)
{
    const struct timespec pause = span(milliseconds);

    if (milliseconds > 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

int clock_await(int fd, short events, int64_t milliseconds)
{
    const struct timespec most = span(milliseconds > 0 ? milliseconds : 0);
    struct pollfd polled = {.fd = fd, .events = events};

    return ppoll(&polled, 1, &most, NULL);
}

#include "cwg/base/clock.h"

#include <limits.h>
#include <time.h>

int64_t clock_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_today(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int clock_until(int64_t deadline)
{
    const int64_t left = deadline - clock_now();

    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

#include "engine/io/clock.h"

#include <endian.h>
#include <string.h>
#include <time.h>

#include "engine/io/random.h"

/* The steps of the kernel's driver, in nanoseconds: the power of two below a fiftieth of a second.
 */
#define STEP UINT64_C(16777216)

int64_t clock_nanoseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t clock_jitter(void)
{
    uint32_t random = 0;

    (void)random_bytes(&random, sizeof(random));
    return random % (1000000000 / 3);
}

void clock_timestamp(uint64_t last[static 1], uint8_t ret_timestamp[static CLOCK_TIMESTAMP_SIZE])
{
    struct timespec time;
    uint64_t wall, seconds;
    uint32_t nanoseconds;

    clock_gettime(CLOCK_REALTIME, &time);
    wall = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
    if (wall < *last + STEP)
        wall = *last + STEP;
    *last = wall;
    seconds = htobe64(UINT64_C(0x400000000000000a) + wall / 1000000000);
    nanoseconds = htobe32((uint32_t)(wall % 1000000000 & ~(STEP - 1)));
    memcpy(ret_timestamp, &seconds, sizeof(seconds));
    memcpy(ret_timestamp + sizeof(seconds), &nanoseconds, sizeof(nanoseconds));
}

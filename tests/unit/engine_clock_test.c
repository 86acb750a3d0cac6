#include "engine/io/clock.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

enum { DRAWS = 3000 };

static const int64_t second = 1000000000;

static int64_t read_clock(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time))
        unit_trouble("clock_gettime");
    return time.tv_sec * second + time.tv_nsec;
}

TEST(now)
{
    int64_t before = read_clock(CLOCK_BOOTTIME), between = clock_nanoseconds();

    expect(between >= before && between <= read_clock(CLOCK_BOOTTIME), "boot time");
}

static void look_after_sleep(void *context)
{
    const int64_t slept = *(const int64_t *)context;
    const int64_t awake = read_clock(CLOCK_MONOTONIC); /* before the other one is read */
    const int64_t ahead = clock_nanoseconds() - awake;

    expect(ahead >= slept, "%lld s ahead of the time awake", (long long)(ahead / second));
}

/* Where the machine has slept for a day, as a time namespace has it for children: that counts. */
TEST_AS_ROOT(after_sleep)
{
    static const char offset[] = "boottime 86400 0\n";
    int64_t slept = 86400 * second;
    int file;

    if (unshare(CLONE_NEWTIME)) {
        expect(errno == EINVAL, "unshare"); /* the kernel has no such namespaces */
        return;
    }
    file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, offset, sizeof(offset) - 1) != sizeof(offset) - 1)
        unit_trouble("/proc/self/timens_offsets");
    (void)close(file);
    unit_in_child(look_after_sleep, &slept);
}

TEST(jitter)
{
    int64_t least = second, most = 0;

    for (int i = 0; i < DRAWS; i++) {
        int64_t value = clock_jitter();

        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    expect(least >= 0 && least < second / 30, "from %lld", (long long)least);
    expect(most <= second / 3 && most > second * 3 / 10, "to %lld", (long long)most);
}

struct timestamp {
    uint64_t seconds;
    uint32_t nanoseconds;
};

static struct timestamp stamp(uint64_t *last, uint8_t bytes[static CLOCK_TIMESTAMP_SIZE])
{
    struct timestamp read;

    clock_timestamp(last, bytes);
    memcpy(&read.seconds, bytes, 8);
    memcpy(&read.nanoseconds, bytes + 8, 4);
    read.seconds = be64toh(read.seconds);
    read.nanoseconds = be32toh(read.nanoseconds);
    return read;
}

TEST(timestamp)
{
    uint8_t bytes[CLOCK_TIMESTAMP_SIZE];
    uint64_t last = 0;
    uint64_t before = (uint64_t)(read_clock(CLOCK_REALTIME) / second) + (1ULL << 62) + 10;
    struct timestamp read = stamp(&last, bytes);

    expect(read.seconds >= before && read.seconds <= before + 2, "TAI64");
    expect(read.nanoseconds < second && read.nanoseconds % (1 << 24) == 0, "steps");
}

/* What was sent last, beside the clock. */
static const struct {
    int64_t ahead; /* nanoseconds */
} lasts[] = {
    {0},          {1},         {1 << 24},       {-(1 << 24)},
    {-(1 << 23)}, {999999999}, {3600000000000}, {86400000000000000},
};

/* Each is later than the one before, whatever the clock says, and as their bytes are compared. */
TEST(increasing)
{
    for (size_t i = 0; i < COUNT(lasts); i++) {
        uint64_t last = (uint64_t)(read_clock(CLOCK_REALTIME) + lasts[i].ahead), first = last;
        uint8_t bytes[2][CLOCK_TIMESTAMP_SIZE];

        (void)stamp(&last, bytes[0]);
        expect(last > first, "case %zu: last", i);
        for (int k = 1; k < 200; k++) {
            struct timestamp read = stamp(&last, bytes[k % 2]);

            expect(memcmp(bytes[k % 2], bytes[1 - k % 2], CLOCK_TIMESTAMP_SIZE) > 0,
                   "case %zu, number %d", i, k);
            expect(read.nanoseconds < second, "case %zu, number %d: nanoseconds", i, k);
        }
        expect(last < first + 300 * (1ULL << 24), "case %zu: a leap", i);
    }
}

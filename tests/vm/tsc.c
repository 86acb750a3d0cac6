// Prints the frequency of this machine's time stamp counter, in kHz.
//
//     tsc
#define _GNU_SOURCE 1
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

enum {
    TRIES = 1000,
    APART_NS = 100 * 1000 * 1000,
    NS_PER_MS = 1000 * 1000,
};

struct reading {
    uint64_t ticks;
    int64_t ns;
};

static int64_t clock_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

// Reads counter and clock at the same moment. Something may come between the two. The reading that
// took the fewest ticks counts.
static struct reading read_both(void)
{
    struct reading best = {0};
    uint64_t fewest = UINT64_MAX;

    for (int i = 0; i < TRIES; i++) {
        const uint64_t before = __rdtsc();
        const int64_t ns = clock_ns();
        const uint64_t took = __rdtsc() - before;

        if (took < fewest) {
            fewest = took;
            best = (struct reading){.ticks = before + took / 2, .ns = ns};
        }
    }
    return best;
}

int main(void)
{
    const struct timespec apart = {.tv_nsec = APART_NS};
    const struct reading first = read_both();
    struct reading second;

    (void)nanosleep(&apart, NULL);
    second = read_both();
    printf("%" PRIu64 "\n",
           (second.ticks - first.ticks) * NS_PER_MS / (uint64_t)(second.ns - first.ns));
    return 0;
}

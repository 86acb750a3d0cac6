#include "engine/protocol/replay.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define LIMIT (UINT64_MAX - 8192) /* the first counter that may not be used */

enum {
    STEPS_MAX = 16,
    MODEL_SIZE = 60000,
};

/* A counter, and whether it's let through. */
struct step {
    uint64_t counter;
    bool accepted;
};

static const struct {
    const char *what;
    struct step steps[STEPS_MAX];
    size_t count;
} cases[] = {
    {"in order, each once", {{0, 1}, {1, 1}, {2, 1}, {2, 0}, {1, 0}, {0, 0}, {3, 1}}, 7},
    {"zero late", {{1, 1}, {0, 1}, {0, 0}, {1, 0}}, 4},
    {"the ends of words",
     {{63, 1}, {64, 1}, {63, 0}, {64, 0}, {62, 1}, {65, 1}, {127, 1}, {128, 1}, {127, 0}, {0, 1}},
     10},
    {"the window's far end, from its front", {{REPLAY_WINDOW, 1}, {0, 1}, {0, 0}}, 3},
    {"one behind it", {{REPLAY_WINDOW + 1, 1}, {0, 0}, {1, 1}, {1, 0}}, 4},
    {"the whole of the words in one step",
     {{5, 1}, {5 + REPLAY_BITS, 1}, {5, 0}, {5 + REPLAY_BITS, 0}, {6 + REPLAY_BITS, 1}},
     5},
    {"the same bit, many rounds later",
     {{7, 1}, {7 + 100 * (uint64_t)REPLAY_BITS, 1}, {7, 0}, {8 + 99 * (uint64_t)REPLAY_BITS, 0}},
     4},
    {"words between are emptied",
     {{70, 1}, {8000, 1}, {8192 + 200, 1}, {8192 + 70, 1}, {8192 + 70, 0}},
     5},
    {"one word on, one counter at a time",
     {{63, 1},
      {8191, 1},
      {8192, 1},
      {63, 0},
      {64, 1},
      {8192 + 63, 1},
      {8192 + 64, 1},
      {127, 0},
      {128, 1},
      {8192, 0}},
     10},
    {"a great step and back",
     {{UINT64_C(1) << 40, 1},
      {(UINT64_C(1) << 40) - REPLAY_WINDOW, 1},
      {(UINT64_C(1) << 40) - REPLAY_WINDOW - 1, 0},
      {0, 0}},
     4},
    {"the last counter, and those past it",
     {{LIMIT - 1, 1},
      {LIMIT, 0},
      {LIMIT + 1, 0},
      {UINT64_MAX, 0},
      {LIMIT - 1, 0},
      {LIMIT - 2, 1},
      {LIMIT - 1 - REPLAY_WINDOW, 1},
      {LIMIT - 2 - REPLAY_WINDOW, 0}},
     8},
    {"those past the last leave no trace",
     {{UINT64_MAX, 0}, {LIMIT, 0}, {0, 1}, {1, 1}, {LIMIT - 1, 1}, {2, 0}},
     6},
    {"32 bits are not all",
     {{UINT32_MAX, 1},
      {UINT64_C(1) << 32, 1},
      {UINT32_MAX, 0},
      {0, 0},
      {(UINT64_C(1) << 32) + 1, 1}},
     5},
};

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct replay replay;

        memset(&replay, 0xff, sizeof(replay));
        replay_init(&replay);
        for (size_t step = 0; step < cases[i].count; step++)
            expect(replay_accept(&replay, cases[i].steps[step].counter) ==
                       cases[i].steps[step].accepted,
                   "%s: step %zu", cases[i].what, step);
    }
}

/* From the greatest down: the window, and no more. */
TEST(backwards)
{
    for (uint64_t start = 100000; start < 100130; start++) {
        struct replay replay;
        uint64_t counter = start;

        replay_init(&replay);
        while (replay_accept(&replay, counter))
            counter--;
        expect(start - counter == REPLAY_WINDOW + 1, "from %llu: %llu", (unsigned long long)start,
               (unsigned long long)(start - counter));
        while (counter < start && !replay_accept(&replay, counter + 1))
            counter++;
        expect(counter == start, "from %llu, again: %llu", (unsigned long long)start,
               (unsigned long long)counter);
    }
}

/* Whatever is refused changes nothing. */
TEST(refused)
{
    struct replay replay;
    struct replay before;

    replay_init(&replay);
    for (uint64_t i = 0; i < 20000; i += 3)
        replay_accept(&replay, i);
    before = replay;
    for (uint64_t i = 0; i < 20000; i++) {
        if (i % 3 == 0 || i + REPLAY_WINDOW < 19998)
            expect(!replay_accept(&replay, i), "%llu taken", (unsigned long long)i);
    }
    expect(!replay_accept(&replay, UINT64_MAX), "the greatest taken");
    expect(memcmp(&replay, &before, sizeof(before)) == 0, "changed");
}

/* Against a list of all that was seen. */
TEST(random_walk)
{
    static bool seen[MODEL_SIZE];
    struct replay replay;
    uint32_t greatest = 0;
    bool any = false;

    replay_init(&replay);
    for (uint32_t i = 0; i < 200000; i++) {
        uint32_t middle = i / 4;
        uint32_t counter = middle + unit_random_below(9999);
        bool wanted;

        if (unit_random_below(8) > 0)
            counter = middle + unit_random_below(64);
        wanted = !seen[counter] && (!any || counter + REPLAY_WINDOW >= greatest);
        expect(replay_accept(&replay, counter) == wanted, "step %u: %u, greatest %u", i, counter,
               greatest);
        seen[counter] = true;
        any = true;
        if (counter > greatest)
            greatest = counter;
    }
}

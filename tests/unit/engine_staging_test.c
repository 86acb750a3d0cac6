#include "engine/io/staging.h"

#include <stdlib.h>
#include <string.h>

#include "engine/io/tun.h"
#include "unit.h"

enum {
    STEPS = 20000,
    MODEL_MAX = STAGING_FRAMES + 1,
};

static struct staging staging;
static uint8_t frame[TUN_FRAME_MAX];

/* Frames that are told apart by their length and first byte. */
static void add(size_t length, uint8_t first)
{
    uint8_t *bytes = malloc(length ? length : 1);

    if (!bytes)
        unit_trouble("malloc");
    memset(bytes, first, length);
    staging_add(&staging, bytes, length);
    free(bytes);
}

static bool take(size_t length, uint8_t first)
{
    memset(frame, ~first, sizeof(frame));
    return staging_take(&staging, frame) == length && frame[0] == first &&
           frame[length - 1] == first;
}

TEST(order)
{
    staging_clear(&staging);
    expect(staging_take(&staging, frame) == 0, "nothing");
    add(100, 1);
    add(1, 2);
    add(TUN_FRAME_MAX, 3);
    expect(staging.frames == 3, "%u", staging.frames);
    expect(take(100, 1) && take(1, 2), "the first two");
    add(5, 4);
    expect(take(TUN_FRAME_MAX, 3) && take(5, 4), "the last two");
    expect(staging_take(&staging, frame) == 0 && staging.bytes == 0, "the end");
    add(100, 1);
    staging_clear(&staging);
    expect(staging.frames == 0 && staging_take(&staging, frame) == 0, "cleared");
    add(0, 1);
    expect(staging.frames == 0, "an empty frame");
    add(STAGING_BYTES + 1, 1);
    expect(staging.frames == 0, "one that never fits");
    /* at least two of the longest */
    add(TUN_FRAME_MAX, 1);
    add(TUN_FRAME_MAX, 2);
    expect(take(TUN_FRAME_MAX, 1) && take(TUN_FRAME_MAX, 2), "two of the longest");
}

TEST(limits)
{
    staging_clear(&staging);
    for (unsigned int i = 0; i < 2 * STAGING_FRAMES; i++)
        add(10, (uint8_t)i);
    expect(staging.frames == STAGING_FRAMES && staging.bytes == STAGING_FRAMES * 10u, "frames");
    expect(take(10, STAGING_FRAMES & 0xff), "the oldest that is left");
    staging_clear(&staging);
    for (uint8_t i = 0; i < 10; i++)
        add(60000, i);
    expect(staging.bytes <= STAGING_BYTES && staging.frames == STAGING_BYTES / 60000, "bytes");
    expect(take(60000, 10 - STAGING_BYTES / 60000), "the oldest that is left");
}

/* Beside a plain model: a list of lengths and first bytes. */
TEST(model)
{
    static struct {
        size_t length;
        uint8_t first;
    } list[MODEL_MAX];
    size_t count = 0, bytes = 0;

    staging_clear(&staging);
    for (int step = 0; step < STEPS; step++) {
        size_t length = 1 + unit_random_below(step % 3 ? 3000 : TUN_FRAME_MAX);
        uint8_t first = (uint8_t)unit_random();

        if (unit_random_below(16) == 0 && count > 0) {
            expect(take(list[0].length, list[0].first), "step %d", step);
            bytes -= list[0].length;
            memmove(list, list + 1, --count * sizeof(list[0]));
        }
        add(length, first);
        list[count].length = length;
        list[count++].first = first;
        bytes += length;
        while (count > STAGING_FRAMES || bytes > STAGING_BYTES) {
            bytes -= list[0].length;
            memmove(list, list + 1, --count * sizeof(list[0]));
        }
        expect(staging.frames == count && staging.bytes == bytes, "step %d: %u, %zu", step,
               staging.frames, count);
    }
}

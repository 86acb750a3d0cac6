#include "engine/load.h"

#include <string.h>

#include "engine/session.h"
#include "unit.h"

#define MS (SECONDS / 1000)

static const int64_t start = 1000 * SECONDS;

static bool note_many(struct load *load, int count, int64_t now)
{
    bool under = false;

    for (int i = 0; i < count; i++)
        under = load_note(load, now);
    return under;
}

static void under_load(void)
{
    struct load load = {0};

    expect(!note_many(&load, LOAD_PER_WINDOW, start), "as many as may be");
    expect(!note_many(&load, LOAD_PER_WINDOW, start + 100 * MS), "in the next window");
    expect(load_note(&load, start + 199 * MS), "one more");
    /* for a second after the last that was too much */
    expect(load_note(&load, start + 1100 * MS), "still");
    expect(!load_note(&load, start + 1199 * MS), "no longer");
    expect(note_many(&load, LOAD_PER_WINDOW + 1, start + 2000 * MS), "again");
    expect(load_note(&load, start + 2999 * MS) && !load_note(&load, start + 3000 * MS), "a second");
    /* slow ones never are */
    load = (struct load){0};
    for (int i = 0; i < 1000; i++)
        expect(!load_note(&load, start + i * 7 * MS), "number %d", i);
    /* fast ones always are, once they have begun */
    (void)note_many(&load, 100, start + 10000 * MS);
    for (int i = 0; i < 1000; i++)
        expect(load_note(&load, start + 10000 * MS + i * 5 * MS), "number %d", i);
}

struct source {
    uint8_t bytes[REMOTE_SOURCE_SIZE];
};

static struct source ipv4(uint32_t address, uint16_t port)
{
    return (struct source){{[10] = 0xff,
                            0xff,
                            (uint8_t)(address >> 24),
                            (uint8_t)(address >> 16),
                            (uint8_t)(address >> 8),
                            (uint8_t)address,
                            (uint8_t)(port >> 8),
                            (uint8_t)port}};
}

static struct source ipv6(uint8_t network, uint8_t host)
{
    return (struct source){{0x20, 0x01, 0x0d, 0xb8, [7] = network, [15] = host, 1, 1}};
}

static int allowed(struct load *load, struct source source, int tries, int64_t now)
{
    int count = 0;

    for (int i = 0; i < tries; i++)
        count += load_allow(load, source.bytes, now);
    return count;
}

static void allowance(void)
{
    struct load load = {0};
    struct source one = ipv4(0xc0000201, 1000);

    expect(allowed(&load, one, 10, start) == 5, "five at once");
    expect(allowed(&load, one, 1, start + 49 * MS) == 0, "early");
    expect(allowed(&load, one, 2, start + 50 * MS) == 1, "one more");
    expect(allowed(&load, one, 9, start + 150 * MS) == 2, "two more");
    expect(allowed(&load, one, 9, start + 10000 * MS) == 5, "never more than five");
    /* to be refused costs nothing */
    for (int i = 0; i < 1000; i++)
        (void)load_allow(&load, one.bytes, start + 10000 * MS);
    expect(allowed(&load, one, 9, start + 10100 * MS) == 2, "after many tries");
}

static const struct {
    struct source one;
    struct source other;
    bool same;
} networks[] = {
    {{{[10] = 0xff, 0xff, 192, 0, 2, 1, 1, 1}}, {{[10] = 0xff, 0xff, 192, 0, 2, 1, 9, 9}}, true},
    {{{[10] = 0xff, 0xff, 192, 0, 2, 1, 1, 1}}, {{[10] = 0xff, 0xff, 192, 0, 2, 2, 1, 1}}, false},
    {{{0x20, 1, [7] = 5, [15] = 1}}, {{0x20, 1, [7] = 5, [8] = 7, [15] = 2}}, true},
    {{{0x20, 1, [7] = 5, [15] = 1}}, {{0x20, 1, [7] = 6, [15] = 1}}, false},
};

static void sources(void)
{
    for (size_t i = 0; i < COUNT(networks); i++) {
        struct load load = {0};

        expect(allowed(&load, networks[i].one, 9, start) == 5, "case %zu", i);
        expect(allowed(&load, networks[i].other, 9, start) == (networks[i].same ? 0 : 5),
               "case %zu", i);
    }
}

/* So many sources that one's place is needed: it's that of who has been away longest. */
static void many_sources(void)
{
    struct load load = {0};

    for (uint32_t i = 0; i < LOAD_SOURCES; i++)
        expect(allowed(&load, ipv4(i, 1), 9, start + i) == 5, "source %u", i);
    for (uint32_t i = 0; i < LOAD_SOURCES; i++)
        expect(allowed(&load, ipv4(i, 1), 9, start + 100) == 0, "source %u: again", i);
    expect(allowed(&load, ipv4(1000, 1), 9, start + 100) == 5, "a new one");
    expect(allowed(&load, ipv4(LOAD_SOURCES - 1, 1), 9, start + 100) == 0, "the last one's place");
    expect(allowed(&load, ipv6(1, 1), 9, start + 100) == 5, "IPv6");
}

int main(void)
{
    static const struct test tests[] = {
        {.name = "under_load", .run = under_load},
        {.name = "allowance", .run = allowance},
        {.name = "sources", .run = sources},
        {.name = "many_sources", .run = many_sources},
    };

    return unit_run("engine_load", tests, COUNT(tests));
}

#include "engine/protocol/ratelimit.h"

#include <string.h>

#include "engine/protocol/session.h"
#include "unit.h"

#define MS (SECONDS / 1000)

static const int64_t start = 1000 * SECONDS;

static bool note_many(struct ratelimit *limit, int count, int64_t now)
{
    bool under = false;

    for (int i = 0; i < count; i++)
        under = ratelimit_note(limit, now);
    return under;
}

TEST(under_load)
{
    struct ratelimit limit = {0};

    expect(!note_many(&limit, RATELIMIT_PER_WINDOW, start), "as many as may be");
    expect(!note_many(&limit, RATELIMIT_PER_WINDOW, start + 100 * MS), "in the next window");
    expect(ratelimit_note(&limit, start + 199 * MS), "one more");
    /* for a second after the last that was too much */
    expect(ratelimit_note(&limit, start + 1100 * MS), "still");
    expect(!ratelimit_note(&limit, start + 1199 * MS), "no longer");
    expect(note_many(&limit, RATELIMIT_PER_WINDOW + 1, start + 2000 * MS), "again");
    expect(ratelimit_note(&limit, start + 2999 * MS) && !ratelimit_note(&limit, start + 3000 * MS),
           "a second");
    /* slow ones never are */
    limit = (struct ratelimit){0};
    for (int i = 0; i < 1000; i++)
        expect(!ratelimit_note(&limit, start + i * 7 * MS), "number %d", i);
    /* fast ones always are, once they have begun */
    (void)note_many(&limit, 100, start + 10000 * MS);
    for (int i = 0; i < 1000; i++)
        expect(ratelimit_note(&limit, start + 10000 * MS + i * 5 * MS), "number %d", i);
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

static struct source some(uint32_t number)
{
    return ipv4(0x0a000000 | number, 1);
}

static struct source ipv6(uint8_t network, uint8_t host)
{
    return (struct source){{0x20, 0x01, 0x0d, 0xb8, [7] = network, [15] = host, 1, 1}};
}

static const struct source nobody = {{[10] = 0xff, 0xff}}; /* where a peer isn't known to be */

static int allowed_beside(struct source peer, struct ratelimit *limit, struct source source,
                          int tries, int64_t now)
{
    int count = 0;

    for (int i = 0; i < tries; i++)
        count += ratelimit_allow(limit, source.bytes, peer.bytes, now);
    return count;
}

static int allowed(struct ratelimit *limit, struct source source, int tries, int64_t now)
{
    return allowed_beside(nobody, limit, source, tries, now);
}

TEST(allowance)
{
    struct ratelimit limit = {0};
    struct source one = ipv4(0xc0000201, 1000);

    expect(allowed(&limit, one, 10, start) == 5, "five at once");
    expect(allowed(&limit, one, 1, start + 49 * MS) == 0, "early");
    expect(allowed(&limit, one, 2, start + 50 * MS) == 1, "one more");
    expect(allowed(&limit, one, 9, start + 150 * MS) == 2, "two more");
    expect(allowed(&limit, one, 9, start + 10000 * MS) == 5, "never more than five");
    /* to be refused costs nothing */
    for (int i = 0; i < 1000; i++)
        (void)allowed(&limit, one, 1, start + 10000 * MS);
    expect(allowed(&limit, one, 9, start + 10100 * MS) == 2, "after many tries");
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

TEST(sources)
{
    for (size_t i = 0; i < COUNT(networks); i++) {
        struct ratelimit limit = {0};

        expect(allowed(&limit, networks[i].one, 9, start) == 5, "case %zu", i);
        expect(allowed(&limit, networks[i].other, 9, start) == (networks[i].same ? 0 : 5),
               "case %zu", i);
    }
}

/* As many as have room; the next has to wait until one of them has been away for long enough. */
TEST(many_sources)
{
    struct ratelimit limit = {0};

    for (uint32_t i = 0; i < RATELIMIT_SOURCES; i++)
        expect(allowed(&limit, some(i), 9, start + i) == 5, "source %u", i);
    for (uint32_t i = 0; i < RATELIMIT_SOURCES; i++)
        expect(allowed(&limit, some(i), 9, start + 100) == 0, "source %u: again", i);
    expect(allowed(&limit, some(1000), 9, start + 100) == 0, "a new one");
    expect(allowed(&limit, some(7), 1, start + 249 * MS) == 1, "one of them");
    expect(allowed(&limit, some(1000), 9, start + 249 * MS) == 0, "a new one, early");
    expect(allowed(&limit, some(1000), 9, start + 251 * MS) == 5, "a new one, later");
    expect(allowed(&limit, some(1000), 9, start + 251 * MS) == 0, "that one again");
    expect(allowed(&limit, ipv6(1, 1), 9, start + 251 * MS) == 5, "IPv6");
    expect(allowed(&limit, some(7), 9, start + 251 * MS) == 4, "one that was not away");
}

/* However many they are, and whoever's turn it is: not more than the places there are. */
TEST(more_sources_than_places)
{
    struct ratelimit limit = {0};
    int count = 0;

    for (int ms = 0; ms < 1000; ms++) {
        for (uint32_t i = 0; i < RATELIMIT_SOURCES + 1; i++)
            count += allowed(&limit, some(i), 1, start + ms * MS);
    }
    expect(count <= RATELIMIT_SOURCES * (5 + 20), "%d in a second", count);
    expect(count >= RATELIMIT_SOURCES * 20, "%d in a second: too few", count);
}

/* The peer is heard beside all of them, as often as anybody; and nobody else by its place. */
TEST(peers_place)
{
    struct source peer = ipv4(0xc0000201, 1000), moved = ipv6(9, 1);
    struct ratelimit limit = {0};

    for (uint32_t i = 0; i < RATELIMIT_SOURCES; i++)
        expect(allowed_beside(peer, &limit, some(i), 9, start) == 5, "source %u", i);
    expect(allowed_beside(peer, &limit, some(1000), 9, start) == 0, "a new one");
    expect(allowed_beside(peer, &limit, peer, 9, start) == 5, "the peer");
    expect(allowed_beside(peer, &limit, peer, 9, start) == 0, "the peer, too often");
    expect(allowed_beside(peer, &limit, ipv4(0xc0000201, 7), 9, start + 50 * MS) == 1, "its port");
    expect(allowed_beside(peer, &limit, some(1000), 9, start + 50 * MS) == 0, "still a new one");
    /* it has moved: the place is for where it is now */
    expect(allowed_beside(moved, &limit, ipv6(9, 2), 9, start + 50 * MS) == 5, "the peer, moved");
    expect(allowed_beside(moved, &limit, moved, 9, start + 50 * MS) == 0, "moved, too often");
    expect(allowed_beside(moved, &limit, peer, 9, start + 50 * MS) == 0, "where it was");
}

#include "helper/netns/netdev.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define HEAD                                                                                       \
    "Inter-|   Receive                                                |  Transmit\n"               \
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
#define LO "    lo:       0       0    0    0    0     0          0         0        0       0\n"

static const struct {
    const char *text;
    size_t seen;
    bool found;
} cases[] = {
    {"", 0, false},
    {HEAD, sizeof(HEAD) - 1, false},
    {HEAD LO, sizeof(HEAD LO) - 1, false},
    {HEAD LO "wg-7-0: 0 0\n", sizeof(HEAD LO "wg-7-0: 0 0\n") - 1, true},
    {HEAD "wg-7-0: 0 0\n" LO, sizeof(HEAD "wg-7-0: 0 0\n") - 1, true},
    {HEAD LO "wg-8388607-1: 0\n", sizeof(HEAD LO "wg-8388607-1: 0\n") - 1, true},
    {"wg-0-0:\n", 8, true},
    {"     wg-0-0:\n", 13, true},
    /* cut off, anywhere */
    {"wg-7-0: 0 0", 0, false},
    {"wg-7-0", 0, false},
    {LO "wg-7-0: 0 0", sizeof(LO) - 1, false},
    /* other names */
    {"wg-7-2: 0\n", 10, false},
    {"wg-07-0: 0\n", 11, false},
    {"wg-8388608-0: 0\n", 16, false},
    {"xwg-7-0: 0\n", 11, false},
    {"wg-7-0x: 0\n", 11, false},
    {"wg-7-0 : 0\n", 11, false},
    {"wg-7-0\n", 7, false},
    {"eth0: wg-7-0:\n", 14, false},
    {"eth0: 0 wg-7-0: 0\n", 18, false},
    {"wg-7-0000000000000000000000000000: 0\n", 37, false},
    {"\n", 1, false},
    {":\n", 2, false},
    {":wg-7-0:\n", 9, false},
    {"\n\n  \nwg-7-1:\n", 13, true},
};

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t length = strlen(cases[i].text), seen = 1000;
        char *copy = unit_copy(cases[i].text, length);
        bool found = netdev_has_link(copy, length, &seen);

        expect(found == cases[i].found && seen == cases[i].seen, "case %zu: %d, %zu", i, found,
               seen);
        free(copy);
    }
}

/* In pieces of any size a link is found as in the whole, if what is left is put before the next. */
TEST(pieces)
{
    static const char text[] = HEAD LO "  eth0: 0 0\nwg-7-0: 0 0\n" LO;

    for (size_t size = 1; size <= sizeof(text); size++) {
        char piece[sizeof(text)];
        size_t kept = 0;
        bool found = false;

        for (size_t at = 0; at < strlen(text) && !found;) {
            size_t more = strlen(text) - at < size ? strlen(text) - at : size, seen;

            memcpy(piece + kept, text + at, more);
            at += more;
            found = netdev_has_link(piece, kept + more, &seen);
            kept = kept + more - seen;
            memmove(piece, piece + seen, kept);
        }
        expect(found, "pieces of %zu", size);
    }
}

#include "helper/netns/procfs.h"

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
} lists[] = {
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

TEST(has_link)
{
    for (size_t i = 0; i < COUNT(lists); i++) {
        size_t length = strlen(lists[i].text), seen = 1000;
        char *copy = unit_copy(lists[i].text, length);
        bool found = procfs_has_link(copy, length, &seen);

        expect(found == lists[i].found && seen == lists[i].seen, "case %zu: %d, %zu", i, found,
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
            found = procfs_has_link(piece, kept + more, &seen);
            kept = kept + more - seen;
            memmove(piece, piece + seen, kept);
        }
        expect(found, "pieces of %zu", size);
    }
}

static const struct {
    const char *text;
    unsigned int first_at;
} statuses[] = {
    {"NSpid:\t1\n", 1},
    {"NSpid:\t4711\t1\n", 2},
    {"NSpid:\t4711\t12\t1\n", 3},
    {"Name:\tsh\nPid:\t4711\nNSpid:\t4711\t1\nNSpgid:\t4711\t1\n", 2},
    /* others than the first */
    {"NSpid:\t4711\n", 0},
    {"NSpid:\t4711\t2\n", 0},
    {"NSpid:\t1\t2\n", 0},
    {"NSpid:\t4711\t1\t8\n", 0},
    {"NSpid:\t4711\t11\n", 0},
    {"NSpid:\t4711\t21\n", 0},
    /* other lines, and names that pretend to be one */
    {"", 0},
    {"\n", 0},
    {"NSpid:\n", 0},
    {"Pid:\t1\n", 0},
    {"NSpgid:\t4711\t1\n", 0},
    {"NStgid:\t4711\t1\nNSpid:\t4711\t7\n", 0},
    {"Name:\tNSpid:\t4711\t1\nNSpid:\t4711\t7\n", 0},
    {"Name:\t\\nNSpid:\t4711\t1\nNSpid:\t4711\t7\n", 0},
    /* no such line of the kernel's */
    {"NSpid:1\n", 0},
    {"NSpid:\t4711\t\n", 0},
    {"NSpid\t4711\t1\n", 0},
};

static void check_first_at(size_t number, const char *text, size_t length, unsigned int expected)
{
    char *copy = unit_copy(text, length);

    expect(procfs_first_at(copy, length) == expected, "case %zu: %u", number,
           procfs_first_at(copy, length));
    free(copy);
}

TEST(first_at)
{
    for (size_t i = 0; i < COUNT(statuses); i++)
        check_first_at(i, statuses[i].text, strlen(statuses[i].text), statuses[i].first_at);
}

TEST(cut_off)
{
    static const char text[] = "Name:\tsh\nNSpid:\t4711\t1\t11\t1\nNSpgid:\t4711\t1\n";
    const size_t end = (size_t)(strstr(text, "\nNSpgid") - text) + 1;

    for (size_t length = 0; length <= strlen(text); length++)
        check_first_at(length, text, length, length < end ? 0 : 4);
}

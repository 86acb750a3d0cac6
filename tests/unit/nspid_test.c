#include "helper/netns/nspid.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const struct {
    const char *text;
    unsigned int first_at;
} cases[] = {
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
    {"NSpid: 4711\t1\n", 0},
    {"NSpid:4711\t1\n", 0},
    {"NSpid:\t\n", 0},
    {"NSpid:\t4711\t\n", 0},
    {"NSpid:\t4711\t1 \n", 0},
    {"NSpid:\t4711\t-1\n", 0},
    {"NSpid:\t4711\tx\t1\n", 0},
    {"NSpid:\tx\t1\n", 0},
    {"NSpid\t4711\t1\n", 0},
};

static void check(size_t number, const char *text, size_t length, unsigned int expected)
{
    char *copy = unit_copy(text, length);

    expect(nspid_first_at(copy, length) == expected, "case %zu: %u", number,
           nspid_first_at(copy, length));
    free(copy);
}

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        check(i, cases[i].text, strlen(cases[i].text), cases[i].first_at);
}

TEST(cut_off)
{
    static const char text[] = "Name:\tsh\nNSpid:\t4711\t1\t11\t1\nNSpgid:\t4711\t1\n";
    const size_t end = (size_t)(strstr(text, "\nNSpgid") - text) + 1;

    for (size_t length = 0; length <= strlen(text); length++)
        check(length, text, length, length < end ? 0 : 4);
}

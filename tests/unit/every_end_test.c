/* Every link that there is: its name, its address, and back. Expected values are worked out in
 * another way than in link.c: digits by hand, addresses by counting. There are 16777216, so this
 * program is built without sanitizers; link_test.c has the borders with them. */
#include "link/link.h"

#include <string.h>

#include "unit.h"

/* Adds 1 to a number written in ASCII digits, at most 7 of them. */
static void count_up(char digits[static 8])
{
    size_t last = strlen(digits);

    while (last > 0 && digits[last - 1] == '9')
        digits[--last] = '0';
    if (last > 0) {
        digits[last - 1]++;
        return;
    }
    memmove(digits + 1, digits, strlen(digits) + 1);
    digits[0] = '1';
}

static void check_end(uint32_t net, uint32_t host, uint32_t subnet, const char *name)
{
    struct link_end end = {.net = net, .host = host};
    struct link_end other = link_other_end(end);
    struct link_end parsed = {.net = 99, .host = 99};
    char text[LINK_NAME_SIZE];
    bool good = link_subnet(net) == subnet && link_address(end) == (subnet | host) &&
                other.net == net && other.host == (host ^ 1) && link_name("wg", end, text) == 0 &&
                strcmp(text, name) == 0 && link_name_parse("wg", name, &parsed) == 0 &&
                parsed.net == net && parsed.host == host;

    if (!good)
        unit_unexpected(__FILE__, __LINE__, "net %u, host %u", net, host);
}

/* All 16777216 ends: names, addresses, and back again. */
TEST(every_end)
{
    char digits[8] = "0";
    uint32_t subnet = 0x0a000000;

    for (uint32_t net = 0; net <= 8388607; net++, subnet += 2, count_up(digits)) {
        char name[16] = "wg-";
        char *tail = stpcpy(name + 3, digits);

        memcpy(tail, "-0", 3);
        check_end(net, 0, subnet, name);
        tail[1] = '1';
        check_end(net, 1, subnet, name);
    }
    unit_count(UINT32_C(2) * 8388608);
    expect(subnet == 0x0b000000, "the nets don't fill 10.0.0.0/8: end at %08x", subnet);
    expect(strcmp(digits, "8388608") == 0, "counted to %s", digits);
}

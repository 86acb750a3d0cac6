/* The model of a link; every_end_test.c goes over all that there are. Expected values are worked
 * out in another way than in link.c: digits by hand, limits by trying. */
#include "link/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const struct {
    uint32_t net;
    uint32_t host;
    uint32_t address;
} addresses[] = {
    {0, 0, 0x0a000000},       {0, 1, 0x0a000001},       {1, 0, 0x0a000002},
    {1, 1, 0x0a000003},       {127, 1, 0x0a0000ff},     {128, 0, 0x0a000100},
    {32767, 1, 0x0a00ffff},   {32768, 0, 0x0a010000},   {4194304, 0, 0x0a800000},
    {8388607, 0, 0x0afffffe}, {8388607, 1, 0x0affffff},
};

TEST(known_addresses)
{
    for (size_t i = 0; i < COUNT(addresses); i++) {
        struct link_end end = {.net = addresses[i].net, .host = addresses[i].host};

        expect(link_address(end) == addresses[i].address, "case %zu: %08x", i, link_address(end));
        expect(link_subnet(end.net) == (addresses[i].address & 0xfffffffe), "case %zu: %08x", i,
               link_subnet(end.net));
    }
}

/* With each length of prefix the limit is the last net whose name fits: the next one's doesn't. */
TEST(limit_of_each_prefix)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"
                                  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi";
    static const int32_t known[] = {
        [1] = 8388607, [2] = 8388607, [3] = 8388607, [4] = 8388607, [5] = 8388607, [6] = 999999,
        [7] = 99999,   [8] = 9999,    [9] = 999,     [10] = 99,     [11] = 9,      [12] = -1,
    };

    for (size_t length = 1; length <= 100; length++) {
        int32_t limit = link_net_limit(length);
        char prefix[101] = {0};
        char name[LINK_NAME_SIZE] = "untouched";

        memcpy(prefix, letters, length);
        if (length < COUNT(known))
            expect(limit == known[length], "prefix of %zu: limit %d", length, limit);
        for (uint32_t host = 0; host <= 1; host++) {
            struct link_end next = {.net = (uint32_t)(limit + 1), .host = host};
            struct link_end last = {.net = (uint32_t)limit, .host = host};

            if (next.net <= LINK_NET_MAX) {
                expect(link_name(prefix, next, name) == -1, "prefix of %zu: %u fits", length,
                       next.net);
                expect(strcmp(name, "untouched") == 0, "prefix of %zu: wrote %s", length, name);
            }
            if (limit < 0)
                continue;
            expect(link_name(prefix, last, name) == 0, "prefix of %zu: %d doesn't fit", length,
                   limit);
            expect(strlen(name) <= 15, "prefix of %zu: %s", length, name);
            memcpy(name, "untouched", 10);
        }
    }
}

/* Every net that ends or begins a length, with every prefix: the name, whether it fits, and back.
 */
TEST(lengths_of_names)
{
    static const char *const prefixes[] = {
        "w",       "wg",       "wgx",       "wg_x",       "wg.xy",       "wg-x-y",
        "wg0-1-2", "12345678", "abcdefghi", "abcdefghij", "abcdefghijk", "abcdefghijkl"};
    static const uint32_t nets[] = {0,    1,    9,     10,    11,     99,     100,     101,    999,
                                    1000, 9999, 10000, 99999, 100000, 999999, 1000000, 8388607};

    for (size_t p = 0; p < COUNT(prefixes); p++) {
        for (size_t n = 0; n < 2 * COUNT(nets); n++) {
            struct link_end end = {.net = nets[n / 2], .host = n % 2};
            struct link_end parsed = {.net = 77, .host = 77};
            char name[LINK_NAME_SIZE] = "untouched";
            char wanted[64];
            int length =
                snprintf(wanted, sizeof(wanted), "%s-%u-%u", prefixes[p], end.net, end.host);
            bool fits = length <= 15;
            int result = link_name(prefixes[p], end, name);

            expect(result == (fits ? 0 : -1), "%s: %d", wanted, result);
            expect(strcmp(name, fits ? wanted : "untouched") == 0, "%s: %s", wanted, name);
            result = link_name_parse(prefixes[p], wanted, &parsed);
            expect(result == (fits ? 0 : -1), "%s parsed: %d", wanted, result);
            expect(parsed.net == (fits ? end.net : 77) && parsed.host == (fits ? end.host : 77),
                   "%s parsed: %u %u", wanted, parsed.net, parsed.host);
        }
    }
}

static const struct {
    const char *prefix;
    const char *const *names; /* ends with NULL */
} bad_names[] = {
    {"wg",
     TEXTS("", "w", "wg", "wg-", "wg--", "wg---", "wg-1", "wg-1-", "wg--0", "wg-01-0", "wg-00-0",
           "wg-1-00", "wg-1-01", "wg-1-2", "wg-1-9", "wg-1-10", "wg-1-11", "wg-1--0", "wg-1--1",
           "wg--1-0", "wg-+1-0", "wg-1-+0", "wg- 1-0", "wg-1 -0", "wg-1- 0", "wg-1-0 ", " wg-1-0",
           "wg-1-0\n", "wg-1-0x", "wg-1-0-", "wg-1-0-0", "wg-1x-0", "wg-x1-0", "wg-x-0", "wg-1-x",
           "wg-0x1-0", "wg-1e3-0", "wg-1.0-0", "wg-8388608-0", "wg-8388608-1", "wg-9999999-0",
           "wg-83886070-0", "wg-999999999-0", "wg-4294967296-0", "wg-4294967297-1",
           "wg-00000000-00", "wg-8388607-0000", "wg-1234567-0-0-0", "wg-1-0@if2", "WG-1-0",
           "Wg-1-0", "wG-1-0", "wh-1-0", "vg-1-0", "wgg-1-0", "w-1-0", "g-1-0", "-1-0", "1-0",
           "wg1-0", "wg1-1-0", "wg_1_0", "wg_1-0", "wg-1_0", "wg:1:0", "eth0", "lo", "wg0",
           "wg\xe2\x80\x90"
           "1-0",
           "wg-\xd9\xa1-0", "wg-1-0\x7f", "wg-\x1b[1m-0",
           "wg-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-0")},
    {"w", TEXTS("wg-1-0")},
    {"wgx", TEXTS("wg-1-0")},
    {"wg-1", TEXTS("wg-1-0")},
    {"wg-1-0", TEXTS("wg-1-0")},
    {"wg-1-0-", TEXTS("wg-1-0")},
    {"a-b", TEXTS("a-1-0")},
    {"a", TEXTS("a-b-1-0")},
    {"a.b", TEXTS("a-b-1-0")},
    {"a.b", TEXTS("axb-1-0")},
    {"abcdefghijk", TEXTS("abcdefghijk-10-0")},
    {"abcdefghijkl", TEXTS("abcdefghijkl-1-0")},
};

static void check_no_name(const char *prefix, const char *name)
{
    char *copy = unit_copy(name, strlen(name) + 1);
    struct link_end end = {.net = 77, .host = 78};

    expect(link_name_parse(prefix, copy, &end) == -1, "\"%s\" is one with prefix %s", name, prefix);
    expect(end.net == 77 && end.host == 78, "\"%s\": wrote %u %u", name, end.net, end.host);
    free(copy);
}

TEST(names_that_are_none)
{
    for (size_t i = 0; i < COUNT(bad_names); i++) {
        for (const char *const *name = bad_names[i].names; *name; name++)
            check_no_name(bad_names[i].prefix, *name);
    }
}

/* One wrong byte anywhere: all 255 values at each place of a name. What parses is what link_name()
 * makes of the result, and nothing else. */
TEST(every_wrong_byte)
{
    static const char name[] = "wg-1204567-1";

    for (size_t place = 0; place < sizeof(name) - 1; place++) {
        for (int byte = 1; byte < 256; byte++) {
            char changed[sizeof(name)];
            char again[LINK_NAME_SIZE];
            struct link_end end;

            memcpy(changed, name, sizeof(name));
            changed[place] = (char)byte;
            if (link_name_parse("wg", changed, &end))
                expect(byte < '0' || byte > '9' || place < 3 || place == 10 ||
                           (place == 3 && (byte == '0' || byte > '8')) ||
                           (place == 11 && byte > '1'),
                       "byte %d at %zu refused", byte, place);
            else
                expect(link_name("wg", end, again) == 0 && strcmp(again, changed) == 0,
                       "byte %d at %zu taken", byte, place);
        }
    }
}

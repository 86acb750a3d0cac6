/* Addresses and networks as a person types them. What is a good IPv4 or IPv6 address is also looked
 * at in endpoint_test. */
#include "link/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/address.h"
#include "unit.h"

static const struct {
    const char *text;
    enum network_flaw flaw;
    bool ipv6;
    uint8_t address[16];
    uint8_t prefix_length;
} cases[] = {
    {"192.0.2.0/24", NETWORK_GOOD, false, {192, 0, 2}, 24},
    {"0.0.0.0/0", NETWORK_GOOD, false, {0}, 0},
    {"255.255.255.255/32", NETWORK_GOOD, false, {255, 255, 255, 255}, 32},
    {"128.0.0.0/1", NETWORK_GOOD, false, {128}, 1},
    {"10.0.0.2/31", NETWORK_GOOD, false, {10, 0, 0, 2}, 31},
    {"198.51.100.128/25", NETWORK_GOOD, false, {198, 51, 100, 128}, 25},
    {"::/0", NETWORK_GOOD, true, {0}, 0},
    {"2001:db8::/32", NETWORK_GOOD, true, {0x20, 0x01, 0x0d, 0xb8}, 32},
    {"2001:DB8:0:0:0:0:0:0/32", NETWORK_GOOD, true, {0x20, 0x01, 0x0d, 0xb8}, 32},
    {"::1/128", NETWORK_GOOD, true, {[15] = 1}, 128},
    {"fe00::/7", NETWORK_GOOD, true, {0xfe}, 7},
    /* bits behind the prefix */
    {"192.0.2.1/24", NETWORK_HOST_BITS, false, {0}, 0},
    {"192.0.2.0/22", NETWORK_HOST_BITS, false, {0}, 0},
    {"0.0.0.1/0", NETWORK_HOST_BITS, false, {0}, 0},
    {"10.0.0.1/31", NETWORK_HOST_BITS, false, {0}, 0},
    {"198.51.100.128/24", NETWORK_HOST_BITS, false, {0}, 0},
    {"2001:db8::1/32", NETWORK_HOST_BITS, true, {0}, 0},
    {"2001:db8::/28", NETWORK_HOST_BITS, true, {0}, 0},
    {"::1/127", NETWORK_HOST_BITS, true, {0}, 0},
    {"8000::/0", NETWORK_HOST_BITS, true, {0}, 0},
};

static const char *const *const malformed = TEXTS(
    "", "/", "/24", "-", "192.0.2.0", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/024", "192.0.2.0/00",
    "192.0.2.0/+24", "192.0.2.0/-1", "192.0.2.0/4294967320", "192.0.2.0/24/24", "192.0.2.0/24 ",
    " 192.0.2.0/24", "192.0.2/24", "192.0.2.0.0/24", "192.0.2./24", "192.0.02.0/24",
    "192.0.2.256/32", "192.0.2.0000/24", "192.0.2.0/255.255.255.0", "0xc0.0.2.0/24",
    "2001:db8::", "2001:db8::/129", "2001:db8::/032", "2001:db8:::/32", "2001:db8::g/32",
    "[2001:db8::]/32", "fe80::%eth0/64", "::ffff:192.0.2.0/120",
    "0000:0000:0000:0000:0000:0000:0000:00000/128", "1:2:3:4:5:6:7:8:9/128");

/* In memory of exactly its size; on failure nothing is written. */
static enum network_flaw parse(const char *text, struct network *network)
{
    struct network untouched = *network;
    char *copy = unit_copy(text, strlen(text) + 1);
    enum network_flaw flaw = network_parse(copy, network);

    expect(!flaw || memcmp(network, &untouched, sizeof(untouched)) == 0, "'%s': written", text);
    free(copy);
    return flaw;
}

TEST(table)
{
    struct network network;

    memset(&network, 0x5a, sizeof(network));
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum network_flaw flaw = parse(cases[i].text, &network);

        expect(flaw == cases[i].flaw, "'%s': flaw %d", cases[i].text, flaw);
        if (!cases[i].flaw)
            expect(network.ipv6 == cases[i].ipv6 &&
                       network.prefix_length == cases[i].prefix_length &&
                       memcmp(network.address, cases[i].address, 16) == 0,
                   "'%s'", cases[i].text);
    }
    for (const char *const *text = malformed; *text; text++)
        expect(parse(*text, &network) == NETWORK_MALFORMED, "'%s'", *text);
}

static const struct {
    const char *network;
    const char *endpoint;
    bool inside;
} places[] = {
    {"192.0.2.0/24", "192.0.2.0:1", true},
    {"192.0.2.0/24", "192.0.2.255:1", true},
    {"192.0.2.0/24", "192.0.3.0:1", false},
    {"192.0.2.0/24", "192.0.1.255:1", false},
    {"192.0.2.8/30", "192.0.2.11:1", true},
    {"192.0.2.8/30", "192.0.2.12:1", false},
    {"192.0.2.8/30", "192.0.2.7:1", false},
    {"192.0.2.1/32", "192.0.2.1:1", true},
    {"192.0.2.1/32", "192.0.2.2:1", false},
    {"0.0.0.0/0", "198.51.100.7:1", true},
    {"0.0.0.0/1", "127.0.0.1:1", true},
    {"0.0.0.0/1", "128.0.0.1:1", false},
    {"0.0.0.0/0", "[2001:db8::1]:1", false},
    {"::/0", "[2001:db8::1]:1", true},
    {"::/0", "192.0.2.1:1", false},
    {"2001:db8::/32", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:1", true},
    {"2001:db8::/32", "[2001:db9::]:1", false},
    {"2001:db8::/33", "[2001:db8:7fff::1]:1", true},
    {"2001:db8::/33", "[2001:db8:8000::1]:1", false},
    {"2001:db8::1/128", "[2001:db8::1]:1", true},
    {"2001:db8::1/128", "[2001:db8::2]:1", false},
    /* the same 4 bytes at the start are another thing */
    {"32.1.13.184/32", "[2001:db8::]:1", false},
    {"2001:db8::/32", "32.1.13.184:1", false},
};

TEST(contained)
{
    for (size_t i = 0; i < COUNT(places); i++) {
        const char *text = places[i].endpoint;
        struct network network;
        struct endpoint endpoint;

        expect(network_parse(places[i].network, &network) == NETWORK_GOOD &&
                   endpoint_parse(text, &endpoint) == ENDPOINT_GOOD,
               "case %zu is malformed", i);
        expect(network_contains(&network, &endpoint) == places[i].inside, "case %zu: %s, %s", i,
               places[i].network, text);
    }
}

/* Of each length the first and the last address, and those beside them. */
TEST(every_length)
{
    for (unsigned int bits = 1; bits <= 32; bits++) {
        uint32_t size = bits == 32 ? 0 : UINT32_MAX >> bits;
        uint32_t first = UINT32_C(0xc0000201) & ~size;
        struct endpoint at[] = {{.address = first, .port = 1},
                                {.address = first + size, .port = 1},
                                {.address = first - 1, .port = 1},
                                {.address = first + size + 1, .port = 1}};
        struct network network;
        char text[32];

        (void)snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", first >> 24, first >> 16 & 255,
                       first >> 8 & 255, first & 255, bits);
        expect(network_parse(text, &network) == NETWORK_GOOD, "%s", text);
        for (size_t i = 0; i < COUNT(at); i++)
            expect(network_contains(&network, &at[i]) == (i < 2), "%s, case %zu", text, i);
    }
}

TEST(cut_off_addresses)
{
    static const char ipv4[] = "192.0.2.17", ipv6[] = "2001:db8::17";
    uint8_t bytes[16];
    uint32_t address;

    expect(address_parse_ipv4(ipv4, &address) == 0 && address == 0xc0000211, "ipv4");
    expect(address_parse_ipv6(ipv6, bytes) == 0 && bytes[15] == 0x17, "ipv6");
    for (size_t length = 0; length < strlen("192.0.2."); length++) {
        char *cut = unit_copy(ipv4, length + 1);

        cut[length] = '\0';
        expect(address_parse_ipv4(cut, &address) == -1, "'%s'", cut);
        free(cut);
    }
}

TEST(texts)
{
    static const struct {
        struct network network;
        const char *text;
    } known[] = {
        {{.address = {10, 0, 0, 15}, .prefix_length = 32}, "10.0.0.15/32"},
        {{.prefix_length = 0}, "0.0.0.0/0"},
        {{.ipv6 = true}, "::/0"},
        {{.ipv6 = true, .address = {0x20, 1, 0x0d, 0xb8}, .prefix_length = 33}, "2001:db8::/33"},
        {{.ipv6 = true,
          .address = {[10] = 0xff, [11] = 0xff, 255, 255, 255, 255},
          .prefix_length = 128},
         "::ffff:255.255.255.255/128"},
    };

    for (size_t i = 0; i < COUNT(known); i++) {
        char text[NETWORK_TEXT_SIZE];

        network_to_text(&known[i].network, text);
        expect(strcmp(text, known[i].text) == 0, "case %zu: %s", i, text);
    }
}

#include "link/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Texts that are refused, and why. */
static const struct {
    enum endpoint_flaw flaw;
    const char *const *texts; /* ends with NULL */
} refused[] = {
    /* addresses that no machine has */
    {ENDPOINT_NO_PEER,
     TEXTS("0.0.0.0:51820", "0.0.0.1:51820", "0.1.2.3:1", "0.255.255.255:65535", "224.0.0.0:51820",
           "224.0.0.1:51820", "232.1.2.3:51820", "239.255.255.255:51820", "255.255.255.255:51820",
           "255.255.255.255:65535")},
    /* ports */
    {ENDPOINT_MALFORMED,
     TEXTS("192.0.2.1:0", "0.0.0.0:0", "192.0.2.1:65536", "192.0.2.1:65537", "192.0.2.1:70000",
           "192.0.2.1:99999", "192.0.2.1:117356", "1.2.3.4:4294967297", "192.0.2.1:051820",
           "192.0.2.1:00001", "192.0.2.1:01", "192.0.2.1:-1", "192.0.2.1:+1", "192.0.2.1:",
           "192.0.2.1", "192.0.2.1:1:2", "192.0.2.1::1", "192.0.2.1:1.", "192.0.2.1:0x50",
           "192.0.2.1:http", "192.0.2.1:80 ", "192.0.2.1: 80", "192.0.2.1 :80", "192.0.2.1:80\n")},
    /* octets */
    {ENDPOINT_MALFORMED,
     TEXTS("256.0.0.1:1", "1.256.0.1:1", "1.0.256.1:1", "1.0.0.256:1", "4294967297.1.1.1:1",
           "01.0.0.1:1", "192.0.2.01:1", "0xc0.0.2.1:1", "-1.0.0.1:1", " 1.0.0.1:1")},
    /* how many octets, and what is between them */
    {ENDPOINT_MALFORMED,
     TEXTS("", ":", ".", "...", "...:", "...:1", ":51820", "51820", "1:1", "1.2:1", "1.2.3:1",
           "1.2.3.4.5:1", ".2.3.4:1", "1..3.4:1", "1.2..4:1", "1.2.3.:1", "1.2.3.4.:1",
           ".1.2.3.4:1", "1:2:3:4:1", "1.2.3.4.1", "1.2.3:4.5", "1:2.3.4:5", "1.2.3.4/1",
           "1.2.3.4/32:1", "3221225985:51820", "0xc0000201:51820")},
    /* too long by one, and by many */
    {ENDPOINT_MALFORMED,
     TEXTS("255.255.255.255:655350", "255.255.255.2555:65535", "192.0.2.1:51820               ",
           "192.0.2.1:51820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
    /* other things that a caller may think of */
    {ENDPOINT_MALFORMED, TEXTS("localhost:51820", "::1:51820", "[1.2.3.4]:1", "1.2.3.4:1%eth0",
                               "%s%s%s%n:1", "\xd9\xa1.2.3.4:1", "1.2.3.4:1\x7f")},
    /* IPv6 */
    {ENDPOINT_NO_PEER, TEXTS("[::]:51820", "[0:0:0:0:0:0:0:0]:51820", "[0::0]:1", "[ff00::]:51820",
                             "[ff01::1]:51820", "[ff02::1]:51820", "[ff0e::1]:51820",
                             "[FF02::FB]:5353", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:51820")},
    {ENDPOINT_LINK_LOCAL,
     TEXTS("[fe80::]:51820", "[fe80::1]:51820", "[FE80::1]:51820", "[fe80:0:0:0:1:2:3:4]:51820",
           "[fe9f::1]:51820", "[feaf::1]:51820", "[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:51820",
           "[fe80::1%eth0]:51820", "[fe80::1%25eth0]:51820", "[fe80::1%1]:51820",
           "[fe80::1%]:51820", "[2001:db8::1%eth0]:51820", "[::1%lo]:51820", "[ff02::1%eth0]:51820",
           "[::%eth0]:51820", "[fe80::1%a%b]:51820", "[fe80::1%eth0]]:51820",
           "[fe80::1%[eth0]:51820",
           "[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%abcdefghijklmno]:5182")},
    {ENDPOINT_MAPPED,
     TEXTS("[::ffff:c633:6407]:51820", "[::FFFF:0:0]:51820", "[::ffff:ffff:ffff]:51820",
           "[0:0:0:0:0:ffff:1:1]:51820", "[0000:0000:0000:0000:0000:ffff:7f00:0001]:51820")},
    {ENDPOINT_MALFORMED,
     TEXTS("", "[", "[]", "[:", "[]:", "[]:51820", "[:]:51820", "[:::]:51820", "[1]:51820",
           "[1:]:51820", "[:1]:51820", "[::1", "[::1]", "[::1]:", "[::1]51820", "[::1] :51820",
           "[::1]: 51820", "[::1]:51820 ", "[ ::1]:51820", "[::1 ]:51820", " [::1]:51820",
           "[::1]:51820\n", "[::1]:0", "[::1]:00", "[::1]:051820", "[::1]:65536", "[::1]:-1",
           "[::1]:+1", "[::1]:0x50", "[::1]:http", "[::1]:4294967297", "[::1]:1:1", "[::1]::1",
           "[::1]]:1", "[[::1]]:1", "[::1]:1]", "[::1].1", "(::1):1", "::1", "::1:51820",
           "2001:db8::1:51820", "2001:db8::1]:51820", "[2001:db8::1:51820", "x[::1]:51820",
           "[1:2:3:4:5:6:7]:51820", "[1:2:3:4:5:6:7:8:9]:51820", "[1:2:3:4:5:6:7:8::]:51820",
           "[::1:2:3:4:5:6:7:8]:51820", "[1::2::3]:51820", "[1:::2]:51820", "[12345::]:51820",
           "[00001::]:51820", "[g::1]:51820", "[2001:db8::g]:51820", "[0x1::]:51820",
           "[-1::]:51820", "[1.2.3.4]:51820", "[::1.2.3.4]:51820", "[::ffff:198.51.100.7]:51820",
           "[64:ff9b::198.51.100.7]:51820", "[2001:db8::1/64]:51820", "[2001:db8::1]/64:51820",
           "[localhost]:51820", "[example.org]:51820", "[v1.fe80::a]:51820", "[%eth0]:51820",
           "[%]:51820", "[eth0]:51820", "[fe80::1]%eth0:51820", "[fe80::1]:51820%eth0",
           "[fe80::1%eth0]51820", "[fe80::1%eth0]:0", "[fe80::g%eth0]:1", "[1.2.3.4%eth0]:1", "-",
           "--", "[-]:51820", "[::\xd9\xa1]:51820", "[\xef\xbc\x92::1]:51820",
           "[\x1b[31m::1]:51820", "[%s%s%n]:1",
           "[2001:db8::1]:51820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
           "[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%abcdefghijklmnop]:51820",
           "[0000000000000000000000000000000000000000000000000000000000001]:1")},
};

/* Reads a text in memory of exactly its size. On failure nothing may be written. */
static enum endpoint_flaw parse(const char *text, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint, before;
    enum endpoint_flaw flaw;
    char *copy = unit_copy(text, strlen(text) + 1);

    memset(&endpoint, 0xa5, sizeof(endpoint));
    memcpy(&before, &endpoint, sizeof(endpoint));
    flaw = endpoint_parse(copy, &endpoint);
    free(copy);
    if (flaw == ENDPOINT_GOOD)
        *ret_endpoint = endpoint;
    else
        expect(memcmp(&endpoint, &before, sizeof(endpoint)) == 0, "\"%s\": written", text);
    return flaw;
}

TEST(refused_texts)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        for (const char *const *text = refused[i].texts; *text; text++) {
            struct endpoint endpoint;
            enum endpoint_flaw flaw = parse(*text, &endpoint);

            expect(flaw == refused[i].flaw, "\"%s\": %d, not %d", *text, flaw, refused[i].flaw);
        }
    }
}

static void check(const char *text, enum endpoint_flaw flaw, uint32_t address, unsigned int port)
{
    struct endpoint endpoint = {.port = 0};
    enum endpoint_flaw found = parse(text, &endpoint);
    char again[ENDPOINT_TEXT_SIZE];

    expect(found == flaw, "\"%s\": %d, not %d", text, found, flaw);
    if (found != ENDPOINT_GOOD)
        return;
    expect(!endpoint.ipv6 && endpoint.address == address && endpoint.port == port,
           "\"%s\": read %08x %u", text, endpoint.address, endpoint.port);
    endpoint_to_text(&endpoint, again);
    expect(strcmp(again, text) == 0, "\"%s\": written %s", text, again);
}

TEST(good)
{
    static const struct {
        const char *text;
        uint32_t address;
        uint16_t port;
    } cases[] = {
        {"192.0.2.1:51820", 0xc0000201, 51820},       {"127.255.255.255:51820", 0x7fffffff, 51820},
        {"255.255.255.254:65535", 0xfffffffe, 65535}, {"255.255.254.255:65535", 0xfffffeff, 65535},
        {"255.254.255.255:65535", 0xfffeffff, 65535}, {"254.255.255.255:65535", 0xfeffffff, 65535},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].text, ENDPOINT_GOOD, cases[i].address, cases[i].port);
}

static enum endpoint_flaw judge(const unsigned int octets[static 4])
{
    bool broadcast = octets[0] == 255 && octets[1] == 255 && octets[2] == 255 && octets[3] == 255;

    return octets[0] == 0 || (octets[0] >= 224 && octets[0] <= 239) || broadcast ? ENDPOINT_NO_PEER
                                                                                 : ENDPOINT_GOOD;
}

/* Every first octet with every other, and many ports. */
TEST(every_octet)
{
    for (unsigned int first = 0; first < 256; first++) {
        for (unsigned int other = 0; other < 256; other++) {
            unsigned int octets[] = {first, other, other, other};
            unsigned int port = 1 + unit_random_below(65535);
            char text[32];

            (void)snprintf(text, sizeof(text), "%u.%u.%u.%u:%u", first, other, other, other, port);
            check(text, judge(octets), first * 0x1000000 + other * 0x10000 + other * 0x100 + other,
                  port);
        }
    }
}

TEST(every_port)
{
    for (unsigned int port = 0; port < 70000; port++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "198.51.100.7:%u", port);
        check(text, port >= 1 && port <= 65535 ? ENDPOINT_GOOD : ENDPOINT_MALFORMED, 0xc6336407,
              port);
    }
}

/* A good one with one byte replaced: what is still good is what its own numbers print as. */
TEST(every_wrong_byte)
{
    static const char text[] = "192.10.2.31:51820";

    for (size_t place = 0; place < sizeof(text) - 1; place++) {
        for (int byte = 1; byte < 256; byte++) {
            char changed[sizeof(text)];
            char again[32];
            struct endpoint endpoint;

            memcpy(changed, text, sizeof(text));
            changed[place] = (char)byte;
            if (endpoint_parse(changed, &endpoint) != ENDPOINT_GOOD) {
                /* a digit in the place of a digit is wrong only where it makes a zero lead, or an
                 * octet or the port too large */
                expect(byte < '0' || byte > '9' || text[place] < '0' || text[place] > '9' ||
                           byte == '0' || place == 0 || place == 12,
                       "byte %d at %zu refused", byte, place);
                continue;
            }
            (void)snprintf(again, sizeof(again), "%u.%u.%u.%u:%u", endpoint.address >> 24,
                           endpoint.address >> 16 & 255, endpoint.address >> 8 & 255,
                           endpoint.address & 255, endpoint.port);
            expect(strcmp(again, changed) == 0, "byte %d at %zu: %s", byte, place, again);
        }
    }
}

/* A text is cut short anywhere: never read beyond its end. */
TEST(every_prefix)
{
    static const char text[] = "255.255.255.254:65535";

    for (size_t length = 0; length < sizeof(text) - 1; length++) {
        char cut[sizeof(text)] = {0};

        memcpy(cut, text, length);
        if (length < 17)
            check(cut, ENDPOINT_MALFORMED, 0, 0);
        else
            check(cut, ENDPOINT_GOOD, 0xfffffffe, (unsigned int)strtoul(cut + 16, NULL, 10));
    }
}

/* IPv6. */

/* What is read, in words of 16 bits, and the address as inet_ntop(3) writes it. */
static const struct {
    const char *text;
    uint16_t words[8];
    uint16_t port;
    const char *again;
} good_ipv6_cases[] = {
    {"[2001:db8::1]:51820", {0x2001, 0xdb8, [7] = 1}, 51820, "2001:db8::1"},
    {"[2001:DB8::1]:51820", {0x2001, 0xdb8, [7] = 1}, 51820, "2001:db8::1"},
    {"[2001:0db8:0000:0000:0000:0000:0000:0001]:1", {0x2001, 0xdb8, [7] = 1}, 1, "2001:db8::1"},
    {"[2001:db8:0:0:0:0:0:1]:65535", {0x2001, 0xdb8, [7] = 1}, 65535, "2001:db8::1"},
    {"[2001:db8:0:0::0:1]:9", {0x2001, 0xdb8, [7] = 1}, 9, "2001:db8::1"},
    {"[::1]:51820", {[7] = 1}, 51820, "::1"},
    {"[0:0:0:0:0:0:0:1]:10", {[7] = 1}, 10, "::1"},
    {"[1::]:51820", {1}, 51820, "1::"},
    {"[::2]:51820", {[7] = 2}, 51820, "::2"},
    {"[1:2:3:4:5:6:7:8]:51820", {1, 2, 3, 4, 5, 6, 7, 8}, 51820, "1:2:3:4:5:6:7:8"},
    {"[1:2:3:4:5:6:7::]:51820", {1, 2, 3, 4, 5, 6, 7}, 51820, "1:2:3:4:5:6:7:0"},
    {"[::2:3:4:5:6:7:8]:51820", {[1] = 2, 3, 4, 5, 6, 7, 8}, 51820, "0:2:3:4:5:6:7:8"},
    {"[1::8]:51820", {1, [7] = 8}, 51820, "1::8"},
    {"[1:0:0:4:0:0:0:8]:51820", {1, [3] = 4, [7] = 8}, 51820, "1:0:0:4::8"},
    {"[fc00::1]:51820", {0xfc00, [7] = 1}, 51820, "fc00::1"},
    {"[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     {0xfdff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff},
     65535,
     "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"[feff::1]:51820", {0xfeff, [7] = 1}, 51820, "feff::1"},
    {"[fec0::1]:51820", {0xfec0, [7] = 1}, 51820, "fec0::1"},
    {"[fe7f:ffff::1]:51820", {0xfe7f, 0xffff, [7] = 1}, 51820, "fe7f:ffff::1"},
    {"[64:ff9b::c633:6407]:443", {0x64, 0xff9b, [6] = 0xc633, 0x6407}, 443, "64:ff9b::c633:6407"},
    {"[::c633:6407]:443", {[6] = 0xc633, 0x6407}, 443, "::198.51.100.7"},
    {"[::fffe:c633:6407]:443", {[5] = 0xfffe, 0xc633, 0x6407}, 443, "::fffe:c633:6407"},
    {"[::1:ffff:c633:6407]:443", {[4] = 1, 0xffff, 0xc633, 0x6407}, 443, "::1:ffff:c633:6407"},
    {"[abcd:EF01:2345:6789:AbCd:eF01:2345:6789]:51820",
     {0xabcd, 0xef01, 0x2345, 0x6789, 0xabcd, 0xef01, 0x2345, 0x6789},
     51820,
     "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
};

static enum endpoint_flaw parse_ipv6(const char *text, struct endpoint *ret_endpoint)
{
    enum endpoint_flaw flaw = parse(text, ret_endpoint);

    if (flaw == ENDPOINT_GOOD)
        expect(ret_endpoint->ipv6 && ret_endpoint->address == 0 && ret_endpoint->port != 0,
               "\"%s\"", text);
    return flaw;
}

TEST(good_ipv6)
{
    for (size_t i = 0; i < COUNT(good_ipv6_cases); i++) {
        const char *text = good_ipv6_cases[i].text;
        struct endpoint endpoint = {0}, again = {0};
        char wanted[ENDPOINT_TEXT_SIZE], written[ENDPOINT_TEXT_SIZE];

        expect(parse_ipv6(text, &endpoint) == ENDPOINT_GOOD, "%s", text);
        for (size_t word = 0; word < 8; word++)
            expect((endpoint.address6[2 * word] << 8 | endpoint.address6[2 * word + 1]) ==
                       good_ipv6_cases[i].words[word],
                   "%s: word %zu", text, word);
        expect(endpoint.port == good_ipv6_cases[i].port, "%s: port %u", text, endpoint.port);
        (void)snprintf(wanted, sizeof(wanted), "[%s]:%u", good_ipv6_cases[i].again, endpoint.port);
        endpoint_to_text(&endpoint, written);
        expect(strcmp(written, wanted) == 0, "%s: written %s", text, written);
        /* inet_ntop() writes the last 32 bits of ::/96 with dots, and those we don't read */
        if (!strchr(written, '.'))
            expect(parse_ipv6(written, &again) == ENDPOINT_GOOD &&
                       memcmp(&again, &endpoint, sizeof(again)) == 0,
                   "%s again", text);
    }
}

/* Every first two bytes of an address: which of them are whose. */
TEST(every_prefix_ipv6)
{
    for (unsigned int first = 0; first < 65536; first++) {
        enum endpoint_flaw flaw = ENDPOINT_GOOD;
        struct endpoint endpoint;
        char text[64];

        if (first >= 0xff00)
            flaw = ENDPOINT_NO_PEER;
        else if (first >= 0xfe80 && first <= 0xfebf)
            flaw = ENDPOINT_LINK_LOCAL;
        (void)snprintf(text, sizeof(text), "[%x::%x]:%u", first, 1 + unit_random_below(65535),
                       1 + unit_random_below(65535));
        expect(parse_ipv6(text, &endpoint) == flaw, "%s", text);
        (void)snprintf(text, sizeof(text), "[%x::1%%eth0]:1", first);
        expect(parse_ipv6(text, &endpoint) == ENDPOINT_LINK_LOCAL, "%s", text);
    }
}

TEST(every_port_ipv6)
{
    for (unsigned int port = 0; port < 70000; port++) {
        bool good = port >= 1 && port <= 65535;
        struct endpoint endpoint = {0};
        char text[32];

        (void)snprintf(text, sizeof(text), "[2001:db8::1]:%u", port);
        expect(parse_ipv6(text, &endpoint) == (good ? ENDPOINT_GOOD : ENDPOINT_MALFORMED), "%s",
               text);
        expect(!good || endpoint.port == port, "%s: %u", text, endpoint.port);
    }
}

/* Random addresses, with many zeros in them, there and back. */
TEST(random_ipv6)
{
    for (unsigned int i = 0; i < 20000; i++) {
        struct endpoint endpoint = {.ipv6 = true, .address6 = {0x20, 1}}, again = {0};
        char text[ENDPOINT_TEXT_SIZE];

        for (size_t byte = 2; byte < 16; byte++)
            endpoint.address6[byte] = unit_random_below(3) ? 0 : (uint8_t)unit_random();
        endpoint.port = (uint16_t)(1 + unit_random_below(65535));
        endpoint_to_text(&endpoint, text);
        expect(parse_ipv6(text, &again) == ENDPOINT_GOOD, "%s", text);
        expect(memcmp(again.address6, endpoint.address6, 16) == 0 && again.port == endpoint.port,
               "%s", text);
    }
}

/* A good one with one byte replaced, and cut short: what is still good is what it prints as, but
 * for letters' case and zeros. */
TEST(changed_ipv6)
{
    static const char text[] = "[2001:db8:10:a2::39fe]:51820";

    for (size_t place = 0; place < sizeof(text) - 1; place++) {
        struct endpoint endpoint, again;
        char changed[sizeof(text)];

        memcpy(changed, text, sizeof(text));
        changed[place] = '\0';
        if (place < 24)
            expect(parse_ipv6(changed, &endpoint) == ENDPOINT_MALFORMED, "cut at %zu", place);
        for (int byte = 1; byte < 256; byte++) {
            char printed[ENDPOINT_TEXT_SIZE];

            memcpy(changed, text, sizeof(text));
            changed[place] = (char)byte;
            if (byte == text[place] || parse_ipv6(changed, &endpoint) != ENDPOINT_GOOD)
                continue;
            expect(strchr("0123456789abcdefABCDEF:", byte), "byte %d at %zu", byte, place);
            endpoint_to_text(&endpoint, printed);
            expect(parse_ipv6(printed, &again) == ENDPOINT_GOOD &&
                       memcmp(&again, &endpoint, sizeof(again)) == 0,
                   "byte %d at %zu: %s", byte, place, printed);
        }
    }
}

#include "link/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const struct {
    const char *text;
    enum endpoint_flaw flaw;
    uint32_t address;
    uint16_t port;
} cases[] = {
    {"192.0.2.1:51820", ENDPOINT_GOOD, 0xc0000201, 51820},
    {"1.0.0.0:1", ENDPOINT_GOOD, 0x01000000, 1},
    {"1.2.3.4:1", ENDPOINT_GOOD, 0x01020304, 1},
    {"1.2.3.4:9", ENDPOINT_GOOD, 0x01020304, 9},
    {"1.2.3.4:10", ENDPOINT_GOOD, 0x01020304, 10},
    {"1.2.3.4:65535", ENDPOINT_GOOD, 0x01020304, 65535},
    {"10.0.0.0:1024", ENDPOINT_GOOD, 0x0a000000, 1024},
    {"10.255.255.255:80", ENDPOINT_GOOD, 0x0affffff, 80},
    {"127.0.0.1:51820", ENDPOINT_GOOD, 0x7f000001, 51820},
    {"127.255.255.255:51820", ENDPOINT_GOOD, 0x7fffffff, 51820},
    {"169.254.1.1:51820", ENDPOINT_GOOD, 0xa9fe0101, 51820},
    {"172.16.0.1:51820", ENDPOINT_GOOD, 0xac100001, 51820},
    {"192.168.0.255:51820", ENDPOINT_GOOD, 0xc0a800ff, 51820},
    {"223.255.255.255:65535", ENDPOINT_GOOD, 0xdfffffff, 65535},
    {"240.0.0.0:1", ENDPOINT_GOOD, 0xf0000000, 1},
    {"255.255.255.254:65535", ENDPOINT_GOOD, 0xfffffffe, 65535},
    {"255.255.254.255:65535", ENDPOINT_GOOD, 0xfffffeff, 65535},
    {"255.254.255.255:65535", ENDPOINT_GOOD, 0xfffeffff, 65535},
    {"254.255.255.255:65535", ENDPOINT_GOOD, 0xfeffffff, 65535},
    {"100.100.100.100:10000", ENDPOINT_GOOD, 0x64646464, 10000},
    /* addresses that no machine has */
    {"0.0.0.0:51820", ENDPOINT_NO_PEER, 0, 0},
    {"0.0.0.1:51820", ENDPOINT_NO_PEER, 0, 0},
    {"0.1.2.3:1", ENDPOINT_NO_PEER, 0, 0},
    {"0.255.255.255:65535", ENDPOINT_NO_PEER, 0, 0},
    {"224.0.0.0:51820", ENDPOINT_NO_PEER, 0, 0},
    {"224.0.0.1:51820", ENDPOINT_NO_PEER, 0, 0},
    {"232.1.2.3:51820", ENDPOINT_NO_PEER, 0, 0},
    {"239.255.255.255:51820", ENDPOINT_NO_PEER, 0, 0},
    {"255.255.255.255:51820", ENDPOINT_NO_PEER, 0, 0},
    {"255.255.255.255:65535", ENDPOINT_NO_PEER, 0, 0},
    /* ports */
    {"192.0.2.1:0", ENDPOINT_MALFORMED, 0, 0},
    {"0.0.0.0:0", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:65536", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:65537", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:70000", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:99999", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:117356", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4:4294967297", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:051820", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:00001", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:01", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:-1", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:+1", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:1:2", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1::1", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:1.", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:0x50", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:http", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:80 ", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1: 80", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1 :80", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:80\n", ENDPOINT_MALFORMED, 0, 0},
    /* octets */
    {"256.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.256.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.0.256.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.0.0.256:1", ENDPOINT_MALFORMED, 0, 0},
    {"999.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"257.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"512.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"4294967297.1.1.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"01.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"192.00.2.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.02.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.01:1", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.010:1", ENDPOINT_MALFORMED, 0, 0},
    {"0300.0.2.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"0xc0.0.2.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"-1.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"+1.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.-0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {" 1.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1 .0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1. 0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"\t1.0.0.1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1,0,0,1:1", ENDPOINT_MALFORMED, 0, 0},
    /* how many octets, and what is between them */
    {"", ENDPOINT_MALFORMED, 0, 0},
    {":", ENDPOINT_MALFORMED, 0, 0},
    {".", ENDPOINT_MALFORMED, 0, 0},
    {"...", ENDPOINT_MALFORMED, 0, 0},
    {"...:", ENDPOINT_MALFORMED, 0, 0},
    {"...:1", ENDPOINT_MALFORMED, 0, 0},
    {":51820", ENDPOINT_MALFORMED, 0, 0},
    {"51820", ENDPOINT_MALFORMED, 0, 0},
    {"1:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4.5:1", ENDPOINT_MALFORMED, 0, 0},
    {".2.3.4:1", ENDPOINT_MALFORMED, 0, 0},
    {"1..3.4:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2..4:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4.:1", ENDPOINT_MALFORMED, 0, 0},
    {".1.2.3.4:1", ENDPOINT_MALFORMED, 0, 0},
    {"1:2:3:4:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4.1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3:4.5", ENDPOINT_MALFORMED, 0, 0},
    {"1:2.3.4:5", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4/1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4/32:1", ENDPOINT_MALFORMED, 0, 0},
    {"3221225985:51820", ENDPOINT_MALFORMED, 0, 0},
    {"0xc0000201:51820", ENDPOINT_MALFORMED, 0, 0},
    /* too long by one, and by many */
    {"255.255.255.255:655350", ENDPOINT_MALFORMED, 0, 0},
    {"255.255.255.2555:65535", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:51820               ", ENDPOINT_MALFORMED, 0, 0},
    {"192.0.2.1:51820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ENDPOINT_MALFORMED, 0, 0},
    /* other things that a caller may think of */
    {"localhost:51820", ENDPOINT_MALFORMED, 0, 0},
    {"example.com:51820", ENDPOINT_MALFORMED, 0, 0},
    {"::1:51820", ENDPOINT_MALFORMED, 0, 0},
    {"::ffff:1.2.3.4:1", ENDPOINT_MALFORMED, 0, 0},
    {"[1.2.3.4]:1", ENDPOINT_MALFORMED, 0, 0},
    {"udp://1.2.3.4:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4:1/udp", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4:1%eth0", ENDPOINT_MALFORMED, 0, 0},
    {"%s%s%s%n:1", ENDPOINT_MALFORMED, 0, 0},
    {"\xd9\xa1.2.3.4:1", ENDPOINT_MALFORMED, 0, 0},
    {"1\xe3\x80\x82"
     "2.3.4:1",
     ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4\xef\xbc\x9a"
     "1",
     ENDPOINT_MALFORMED, 0, 0},
    {"\x1b[2J:1", ENDPOINT_MALFORMED, 0, 0},
    {"1.2.3.4:1\x7f", ENDPOINT_MALFORMED, 0, 0},
};

static void check(size_t number, const char *text, enum endpoint_flaw flaw, uint32_t address,
                  uint16_t port)
{
    struct endpoint endpoint = {.address = 0xa5a5a5a5, .port = 0x5a5a};
    enum endpoint_flaw found;
    char *copy = unit_copy(text, strlen(text) + 1);

    found = endpoint_parse(copy, &endpoint);
    free(copy);
    if (flaw != ENDPOINT_GOOD) {
        address = 0xa5a5a5a5;
        port = 0x5a5a;
    }
    expect(found == flaw, "case %zu, \"%s\": %d, not %d", number, text, found, flaw);
    expect(endpoint.address == address && endpoint.port == port, "case %zu, \"%s\": wrote %08x %u",
           number, text, endpoint.address, endpoint.port);
}

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        check(i, cases[i].text, cases[i].flaw, cases[i].address, cases[i].port);
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
            check(first * 256 + other, text, judge(octets),
                  first * 0x1000000 + other * 0x10000 + other * 0x100 + other, (uint16_t)port);
        }
    }
}

TEST(every_port)
{
    for (unsigned int port = 0; port < 70000; port++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "198.51.100.7:%u", port);
        check(port, text, port >= 1 && port <= 65535 ? ENDPOINT_GOOD : ENDPOINT_MALFORMED,
              0xc6336407, (uint16_t)port);
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
            check(length, cut, ENDPOINT_MALFORMED, 0, 0);
        else
            check(length, cut, ENDPOINT_GOOD, 0xfffffffe, (uint16_t)strtoul(cut + 16, NULL, 10));
    }
}

/* IPv6. */

static const struct {
    const char *text;
    uint8_t address[16];
    uint16_t port;
    const char *again; /* as inet_ntop(3) writes it */
} good_cases[] = {
    {"[2001:db8::1]:51820",
     {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     51820,
     "[2001:db8::1]:51820"},
    {"[2001:DB8::1]:51820",
     {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     51820,
     "[2001:db8::1]:51820"},
    {"[2001:0db8:0000:0000:0000:0000:0000:0001]:1",
     {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     1,
     "[2001:db8::1]:1"},
    {"[2001:db8:0:0:0:0:0:1]:65535",
     {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     65535,
     "[2001:db8::1]:65535"},
    {"[2001:db8:0:0::0:1]:9",
     {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     9,
     "[2001:db8::1]:9"},
    {"[::1]:51820",
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     51820,
     "[::1]:51820"},
    {"[0:0:0:0:0:0:0:1]:10",
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     10,
     "[::1]:10"},
    {"[1::]:51820",
     {0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00},
     51820,
     "[1::]:51820"},
    {"[::2]:51820",
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x02},
     51820,
     "[::2]:51820"},
    {"[1:2:3:4:5:6:7:8]:51820",
     {0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x07, 0x00,
      0x08},
     51820,
     "[1:2:3:4:5:6:7:8]:51820"},
    {"[1:2:3:4:5:6:7::]:51820",
     {0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x07, 0x00,
      0x00},
     51820,
     "[1:2:3:4:5:6:7:0]:51820"},
    {"[::2:3:4:5:6:7:8]:51820",
     {0x00, 0x00, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x07, 0x00,
      0x08},
     51820,
     "[0:2:3:4:5:6:7:8]:51820"},
    {"[1::8]:51820",
     {0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x08},
     51820,
     "[1::8]:51820"},
    {"[1:0:0:4:0:0:0:8]:51820",
     {0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x08},
     51820,
     "[1:0:0:4::8]:51820"},
    {"[fc00::1]:51820",
     {0xfc, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     51820,
     "[fc00::1]:51820"},
    {"[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff},
     65535,
     "[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {"[feff::1]:51820",
     {0xfe, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     51820,
     "[feff::1]:51820"},
    {"[fec0::1]:51820",
     {0xfe, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     51820,
     "[fec0::1]:51820"},
    {"[fe7f:ffff::1]:51820",
     {0xfe, 0x7f, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x01},
     51820,
     "[fe7f:ffff::1]:51820"},
    {"[64:ff9b::c633:6407]:443",
     {0x00, 0x64, 0xff, 0x9b, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc6, 0x33, 0x64,
      0x07},
     443,
     "[64:ff9b::c633:6407]:443"},
    {"[::c633:6407]:443",
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc6, 0x33, 0x64,
      0x07},
     443,
     "[::198.51.100.7]:443"},
    {"[::fffe:c633:6407]:443",
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xfe, 0xc6, 0x33, 0x64,
      0x07},
     443,
     "[::fffe:c633:6407]:443"},
    {"[::1:ffff:c633:6407]:443",
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0xff, 0xc6, 0x33, 0x64,
      0x07},
     443,
     "[::1:ffff:c633:6407]:443"},
    {"[abcd:EF01:2345:6789:AbCd:eF01:2345:6789]:51820",
     {0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
      0x89},
     51820,
     "[abcd:ef01:2345:6789:abcd:ef01:2345:6789]:51820"},
};

static const struct {
    const char *text;
    enum endpoint_flaw flaw;
} bad_cases[] = {
    {"[::]:51820", ENDPOINT_NO_PEER},
    {"[0:0:0:0:0:0:0:0]:51820", ENDPOINT_NO_PEER},
    {"[0::0]:1", ENDPOINT_NO_PEER},
    {"[ff00::]:51820", ENDPOINT_NO_PEER},
    {"[ff01::1]:51820", ENDPOINT_NO_PEER},
    {"[ff02::1]:51820", ENDPOINT_NO_PEER},
    {"[ff0e::1]:51820", ENDPOINT_NO_PEER},
    {"[FF02::FB]:5353", ENDPOINT_NO_PEER},
    {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:51820", ENDPOINT_NO_PEER},
    {"[fe80::]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1]:51820", ENDPOINT_LINK_LOCAL},
    {"[FE80::1]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80:0:0:0:1:2:3:4]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe9f::1]:51820", ENDPOINT_LINK_LOCAL},
    {"[feaf::1]:51820", ENDPOINT_LINK_LOCAL},
    {"[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1%eth0]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1%25eth0]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1%1]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1%]:51820", ENDPOINT_LINK_LOCAL},
    {"[2001:db8::1%eth0]:51820", ENDPOINT_LINK_LOCAL},
    {"[::1%lo]:51820", ENDPOINT_LINK_LOCAL},
    {"[ff02::1%eth0]:51820", ENDPOINT_LINK_LOCAL},
    {"[::%eth0]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1%a%b]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1%eth0]]:51820", ENDPOINT_LINK_LOCAL},
    {"[fe80::1%[eth0]:51820", ENDPOINT_LINK_LOCAL},
    {"[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%abcdefghijklmno]:5182", ENDPOINT_LINK_LOCAL},
    {"[::ffff:c633:6407]:51820", ENDPOINT_MAPPED},
    {"[::FFFF:0:0]:51820", ENDPOINT_MAPPED},
    {"[::ffff:ffff:ffff]:51820", ENDPOINT_MAPPED},
    {"[0:0:0:0:0:ffff:1:1]:51820", ENDPOINT_MAPPED},
    {"[0000:0000:0000:0000:0000:ffff:7f00:0001]:51820", ENDPOINT_MAPPED},
    {"", ENDPOINT_MALFORMED},
    {"[", ENDPOINT_MALFORMED},
    {"[]", ENDPOINT_MALFORMED},
    {"[:", ENDPOINT_MALFORMED},
    {"[]:", ENDPOINT_MALFORMED},
    {"[]:51820", ENDPOINT_MALFORMED},
    {"[:]:51820", ENDPOINT_MALFORMED},
    {"[:::]:51820", ENDPOINT_MALFORMED},
    {"[1]:51820", ENDPOINT_MALFORMED},
    {"[1:]:51820", ENDPOINT_MALFORMED},
    {"[:1]:51820", ENDPOINT_MALFORMED},
    {"[::1", ENDPOINT_MALFORMED},
    {"[::1]", ENDPOINT_MALFORMED},
    {"[::1]:", ENDPOINT_MALFORMED},
    {"[::1]51820", ENDPOINT_MALFORMED},
    {"[::1] :51820", ENDPOINT_MALFORMED},
    {"[::1]: 51820", ENDPOINT_MALFORMED},
    {"[::1]:51820 ", ENDPOINT_MALFORMED},
    {"[ ::1]:51820", ENDPOINT_MALFORMED},
    {"[::1 ]:51820", ENDPOINT_MALFORMED},
    {" [::1]:51820", ENDPOINT_MALFORMED},
    {"[::1]:51820\n", ENDPOINT_MALFORMED},
    {"[::1]:0", ENDPOINT_MALFORMED},
    {"[::1]:00", ENDPOINT_MALFORMED},
    {"[::1]:051820", ENDPOINT_MALFORMED},
    {"[::1]:65536", ENDPOINT_MALFORMED},
    {"[::1]:-1", ENDPOINT_MALFORMED},
    {"[::1]:+1", ENDPOINT_MALFORMED},
    {"[::1]:0x50", ENDPOINT_MALFORMED},
    {"[::1]:http", ENDPOINT_MALFORMED},
    {"[::1]:4294967297", ENDPOINT_MALFORMED},
    {"[::1]:1:1", ENDPOINT_MALFORMED},
    {"[::1]::1", ENDPOINT_MALFORMED},
    {"[::1]]:1", ENDPOINT_MALFORMED},
    {"[[::1]]:1", ENDPOINT_MALFORMED},
    {"[::1]:1]", ENDPOINT_MALFORMED},
    {"[::1].1", ENDPOINT_MALFORMED},
    {"(::1):1", ENDPOINT_MALFORMED},
    {"::1", ENDPOINT_MALFORMED},
    {"::1:51820", ENDPOINT_MALFORMED},
    {"2001:db8::1:51820", ENDPOINT_MALFORMED},
    {"2001:db8::1]:51820", ENDPOINT_MALFORMED},
    {"[2001:db8::1:51820", ENDPOINT_MALFORMED},
    {"x[::1]:51820", ENDPOINT_MALFORMED},
    {"[1:2:3:4:5:6:7]:51820", ENDPOINT_MALFORMED},
    {"[1:2:3:4:5:6:7:8:9]:51820", ENDPOINT_MALFORMED},
    {"[1:2:3:4:5:6:7:8::]:51820", ENDPOINT_MALFORMED},
    {"[::1:2:3:4:5:6:7:8]:51820", ENDPOINT_MALFORMED},
    {"[1::2::3]:51820", ENDPOINT_MALFORMED},
    {"[1:::2]:51820", ENDPOINT_MALFORMED},
    {"[12345::]:51820", ENDPOINT_MALFORMED},
    {"[00001::]:51820", ENDPOINT_MALFORMED},
    {"[g::1]:51820", ENDPOINT_MALFORMED},
    {"[2001:db8::g]:51820", ENDPOINT_MALFORMED},
    {"[0x1::]:51820", ENDPOINT_MALFORMED},
    {"[-1::]:51820", ENDPOINT_MALFORMED},
    {"[1.2.3.4]:51820", ENDPOINT_MALFORMED},
    {"[::1.2.3.4]:51820", ENDPOINT_MALFORMED},
    {"[::ffff:198.51.100.7]:51820", ENDPOINT_MALFORMED},
    {"[64:ff9b::198.51.100.7]:51820", ENDPOINT_MALFORMED},
    {"[2001:db8::1/64]:51820", ENDPOINT_MALFORMED},
    {"[2001:db8::1]/64:51820", ENDPOINT_MALFORMED},
    {"[localhost]:51820", ENDPOINT_MALFORMED},
    {"[example.org]:51820", ENDPOINT_MALFORMED},
    {"[v1.fe80::a]:51820", ENDPOINT_MALFORMED},
    {"[%eth0]:51820", ENDPOINT_MALFORMED},
    {"[%]:51820", ENDPOINT_MALFORMED},
    {"[eth0]:51820", ENDPOINT_MALFORMED},
    {"[fe80::1]%eth0:51820", ENDPOINT_MALFORMED},
    {"[fe80::1]:51820%eth0", ENDPOINT_MALFORMED},
    {"[fe80::1%eth0]51820", ENDPOINT_MALFORMED},
    {"[fe80::1%eth0]:0", ENDPOINT_MALFORMED},
    {"[fe80::g%eth0]:1", ENDPOINT_MALFORMED},
    {"[1.2.3.4%eth0]:1", ENDPOINT_MALFORMED},
    {"-", ENDPOINT_MALFORMED},
    {"--", ENDPOINT_MALFORMED},
    {"[-]:51820", ENDPOINT_MALFORMED},
    {"[::\xd9\xa1]:51820", ENDPOINT_MALFORMED},
    {"[\xef\xbc\x92::1]:51820", ENDPOINT_MALFORMED},
    {"[\x1b[31m::1]:51820", ENDPOINT_MALFORMED},
    {"[%s%s%n]:1", ENDPOINT_MALFORMED},
    {"[2001:db8::1]:51820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ENDPOINT_MALFORMED},
    {"[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%abcdefghijklmnop]:51820", ENDPOINT_MALFORMED},
    {"[0000000000000000000000000000000000000000000000000000000000001]:1", ENDPOINT_MALFORMED},
};

/* In memory of exactly its size; on failure nothing is written. */
static enum endpoint_flaw parse_ipv6(const char *text, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint, before;
    enum endpoint_flaw flaw;
    char *copy = unit_copy(text, strlen(text) + 1);

    memset(&endpoint, 0xa5, sizeof(endpoint));
    memcpy(&before, &endpoint, sizeof(endpoint));
    flaw = endpoint_parse(copy, &endpoint);
    free(copy);
    if (flaw == ENDPOINT_GOOD) {
        expect(endpoint.ipv6 && endpoint.address == 0 && endpoint.port != 0, "\"%s\"", text);
        *ret_endpoint = endpoint;
    } else {
        expect(memcmp(&endpoint, &before, sizeof(endpoint)) == 0, "\"%s\": written", text);
    }
    return flaw;
}

TEST(good_ipv6)
{
    for (size_t i = 0; i < COUNT(good_cases); i++) {
        struct endpoint endpoint = {0}, again = {0};
        enum endpoint_flaw flaw = parse_ipv6(good_cases[i].text, &endpoint);
        char *text = malloc(ENDPOINT_TEXT_SIZE);

        expect(flaw == ENDPOINT_GOOD, "case %zu, %s: %d", i, good_cases[i].text, flaw);
        expect(memcmp(endpoint.address6, good_cases[i].address, 16) == 0 &&
                   endpoint.port == good_cases[i].port,
               "case %zu, %s", i, good_cases[i].text);
        endpoint_to_text(&endpoint, text);
        expect(strcmp(text, good_cases[i].again) == 0, "case %zu, %s: %s", i, good_cases[i].text,
               text);
        /* inet_ntop() writes the last 32 bits of ::/96 with dots, and those we don't read */
        if (!strchr(text, '.'))
            expect(parse_ipv6(text, &again) == ENDPOINT_GOOD &&
                       memcmp(&again, &endpoint, sizeof(again)) == 0,
                   "case %zu, %s", i, text);
        free(text);
    }
}

TEST(bad_ipv6)
{
    for (size_t i = 0; i < COUNT(bad_cases); i++) {
        struct endpoint endpoint;
        enum endpoint_flaw flaw = parse_ipv6(bad_cases[i].text, &endpoint);

        expect(flaw == bad_cases[i].flaw, "case %zu, \"%s\": %d, not %d", i, bad_cases[i].text,
               flaw, bad_cases[i].flaw);
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

/* As text, to be read again: IPv4. */
TEST(to_text)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct endpoint endpoint;
        char *text = malloc(ENDPOINT_TEXT_SIZE);

        if (endpoint_parse(cases[i].text, &endpoint) == ENDPOINT_GOOD) {
            endpoint_to_text(&endpoint, text);
            expect(strcmp(text, cases[i].text) == 0, "case %zu: %s", i, text);
        }
        free(text);
    }
}

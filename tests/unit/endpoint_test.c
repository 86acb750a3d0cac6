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
    {"[::1]:51820", ENDPOINT_MALFORMED, 0, 0},
    {"::1:51820", ENDPOINT_MALFORMED, 0, 0},
    {"[2001:db8::1]:51820", ENDPOINT_MALFORMED, 0, 0},
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

static void table(void)
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
static void every_octet(void)
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

static void every_port(void)
{
    for (unsigned int port = 0; port < 70000; port++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "198.51.100.7:%u", port);
        check(port, text, port >= 1 && port <= 65535 ? ENDPOINT_GOOD : ENDPOINT_MALFORMED,
              0xc6336407, (uint16_t)port);
    }
}

/* A good one with one byte replaced: what is still good is what its own numbers print as. */
static void every_wrong_byte(void)
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
static void every_prefix(void)
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

int main(void)
{
    static const struct test tests[] = {
        {.name = "table", .run = table},
        {.name = "every_octet", .run = every_octet},
        {.name = "every_port", .run = every_port},
        {.name = "every_wrong_byte", .run = every_wrong_byte},
        {.name = "every_prefix", .run = every_prefix},
    };

    return unit_run("endpoint", tests, COUNT(tests));
}

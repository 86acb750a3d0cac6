#include "engine/io/remote.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

/* 192.0.2.1:1 or [2001:db8::1]:1 */
static struct remote from(const char *text)
{
    struct remote remote = {0};
    char address[INET6_ADDRSTRLEN];
    uint16_t port;

    if (sscanf(text, "[%45[^]]]:%hu", address, &port) == 2 &&
        inet_pton(AF_INET6, address, &remote.address.v6.sin6_addr) == 1) {
        remote.address.v6.sin6_family = AF_INET6;
        remote.address.v6.sin6_port = htons(port);
    } else if (sscanf(text, "%45[^:]:%hu", address, &port) == 2 &&
               inet_pton(AF_INET, address, &remote.address.v4.sin_addr) == 1) {
        remote.address.v4.sin_family = AF_INET;
        remote.address.v4.sin_port = htons(port);
    } else {
        unit_trouble(text);
    }
    return remote;
}

/* What is known of a remote is the same after a way through an endpoint. */
TEST(endpoints)
{
    static const char *const texts[] = {"192.0.2.1:51820", "255.255.255.255:65535",
                                        "[2001:db8::1]:1", "[fe80::1]:2", "[::ffff:192.0.2.1]:3"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct remote remote = from(texts[i]);
        struct endpoint endpoint;
        char text[ENDPOINT_TEXT_SIZE];

        remote.local.v4.ipi_ifindex = 7;
        endpoint = remote_to_endpoint(&remote);
        endpoint_to_text(&endpoint, text);
        expect(strcmp(text, texts[i]) == 0, "case %zu: %s", i, text);
        remote = remote_from_endpoint(&endpoint);
        expect(remote_known(&remote) && remote_device(&remote) == 0, "case %zu: local", i);
        endpoint = remote_to_endpoint(&remote);
        endpoint_to_text(&endpoint, text);
        expect(strcmp(text, texts[i]) == 0, "case %zu: %s, again", i, text);
    }
}

TEST(equality)
{
    static const char *const all[] = {
        "192.0.2.1:1",     "192.0.2.1:2",     "192.0.2.2:1",          "[2001:db8::1]:1",
        "[2001:db8::1]:2", "[2001:db8::2]:1", "[::ffff:192.0.2.1]:1",
    };
    struct remote nothing = {0}, other;

    for (size_t i = 0; i < COUNT(all); i++) {
        struct remote a = from(all[i]);

        for (size_t k = 0; k < COUNT(all); k++) {
            struct remote b = from(all[k]);

            b.local.v4.ipi_ifindex = 7; /* is not looked at */
            expect(remote_equal(&a, &b) == (i == k), "case %zu, %zu", i, k);
        }
        expect(!remote_equal(&a, &nothing) && !remote_equal(&nothing, &a), "case %zu: nothing", i);
    }
    expect(!remote_known(&nothing), "nothing is known");
    other = from("[fe80::1]:1");
    nothing = other;
    other.address.v6.sin6_scope_id = 3;
    expect(!remote_equal(&other, &nothing), "scope");
}

TEST(source)
{
    static const uint8_t ipv4[REMOTE_SOURCE_SIZE] = {[10] = 0xff, 0xff, 192, 0, 2, 1, 0xca, 0x6c};
    static const uint8_t ipv6[REMOTE_SOURCE_SIZE] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1, 0xca, 0x6c};
    struct remote remote = from("192.0.2.1:51820");
    uint8_t bytes[REMOTE_SOURCE_SIZE];

    memset(bytes, 0x5a, sizeof(bytes));
    remote_to_source(&remote, bytes);
    expect(memcmp(bytes, ipv4, sizeof(bytes)) == 0, "IPv4");
    remote = from("[2001:db8::1]:51820");
    memset(bytes, 0x5a, sizeof(bytes));
    remote_to_source(&remote, bytes);
    expect(memcmp(bytes, ipv6, sizeof(bytes)) == 0, "IPv6");
}

TEST(local)
{
    struct remote remote = from("192.0.2.1:51820"), before = remote;

    remote.local.v4 = (struct in_pktinfo){.ipi_ifindex = 3, .ipi_spec_dst.s_addr = 5};
    remote_forget_local(&remote);
    expect(memcmp(&remote, &before, sizeof(before)) == 0, "IPv4");
    remote.local.v6.ipi6_ifindex = 4;
    remote.local.v6.ipi6_addr.s6_addr[3] = 4;
    remote_forget_local(&remote);
    expect(memcmp(&remote, &before, sizeof(before)) == 0, "IPv6");
}

/* Addresses of ours: device, then address. */
static const struct {
    bool ipv6;
    unsigned int device[2];
    const char *address[2];
    bool same;
} locals[] = {
    {false, {1, 1}, {"192.0.2.1", "192.0.2.1"}, true},
    {false, {1, 2}, {"192.0.2.1", "192.0.2.1"}, false},
    {false, {1, 1}, {"192.0.2.1", "192.0.2.2"}, false},
    {false, {0, 0}, {"192.0.2.1", "192.0.2.1"}, false},
    {true, {1, 1}, {"2001:db8::1", "2001:db8::1"}, true},
    {true, {1, 2}, {"2001:db8::1", "2001:db8::1"}, true},
    {true, {1, 0}, {"2001:db8::1", "2001:db8::1"}, false},
    {true, {1, 1}, {"2001:db8::1", "2001:db8::2"}, false},
    {true, {1, 1}, {"fe80::1", "fe80::1"}, true},
    {true, {1, 2}, {"fe80::1", "fe80::1"}, false},
};

TEST(same_local)
{
    struct remote nobody = {0};

    expect(!remote_same_local(&nobody, &nobody), "nobody's");
    for (size_t i = 0; i < COUNT(locals); i++) {
        struct remote remote[2] = {0};

        for (int k = 0; k < 2; k++) {
            if (locals[i].ipv6) {
                remote[k].address.v6.sin6_family = AF_INET6;
                remote[k].local.v6.ipi6_ifindex = locals[i].device[k];
                (void)inet_pton(AF_INET6, locals[i].address[k], &remote[k].local.v6.ipi6_addr);
            } else {
                remote[k].address.v4.sin_family = AF_INET;
                remote[k].local.v4.ipi_ifindex = (int)locals[i].device[k];
                (void)inet_pton(AF_INET, locals[i].address[k], &remote[k].local.v4.ipi_spec_dst);
            }
            expect(remote_device(&remote[k]) == locals[i].device[k], "case %zu: device", i);
        }
        expect(remote_same_local(&remote[0], &remote[1]) == locals[i].same, "case %zu", i);
        expect(remote_same_local(&remote[1], &remote[0]) == locals[i].same, "case %zu: back", i);
        expect(!remote_same_local(&remote[0], &nobody), "case %zu: nobody's", i);
    }
}

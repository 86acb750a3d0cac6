#include "helper/backend/engine/ctlmsg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handover/handover.h"
#include "unit.h"

#define HEX_A5 "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"

#define START "set=1\npublic_key=" HEX_A5 "\n"
#define PSK   "preshared_key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1dfeff\n"
#define ZERO  "preshared_key=0000000000000000000000000000000000000000000000000000000000000000\n"
#define LAST  "replace_allowed_ips=true\nallowed_ip=10.255.255.255/32\n\n"

static const struct key a_preshared_key = {{0,  1,  2,  3,  4,  5,  6,  7,  8,   9,  10,
                                            11, 12, 13, 14, 15, 16, 17, 18, 19,  20, 21,
                                            22, 23, 24, 25, 26, 27, 28, 29, 254, 255}};
static const struct key no_key;

static const struct {
    struct endpoint endpoint;
    const struct key *preshared_key;
    int32_t keepalive;
    const char *text;
} peers[] = {
    {{.port = 0}, NULL, PEER_KEEPALIVE_KEPT, START LAST},
    {{.port = 0}, NULL, 0, START "persistent_keepalive_interval=0\n" LAST},
    {{.port = 0}, NULL, 65535, START "persistent_keepalive_interval=65535\n" LAST},
    {{.port = 0}, &a_preshared_key, PEER_KEEPALIVE_KEPT, START PSK LAST},
    {{.port = 0}, &no_key, PEER_KEEPALIVE_KEPT, START ZERO LAST},
    {{.address = 0xc0000201, .port = 9},
     &a_preshared_key,
     1,
     START PSK "endpoint=192.0.2.1:9\npersistent_keepalive_interval=1\n" LAST},
    {{.ipv6 = true, .address6 = {0x20, 1, 0x0d, 0xb8, [15] = 1}, .port = 51820},
     NULL,
     PEER_KEEPALIVE_KEPT,
     START "endpoint=[2001:db8::1]:51820\n" LAST},
    /* the longest */
    {{.ipv6 = true,
      .address6 = {0xfd, 0x11, 0xab, 0xcd, 0xab, 0xcd, 0xab, 0xcd, 0xab, 0xcd, 0xab, 0xcd, 0xab,
                   0xcd, 0xab, 0xcd},
      .port = 65535},
     &a_preshared_key,
     65535,
     START PSK "endpoint=[fd11:abcd:abcd:abcd:abcd:abcd:abcd:abcd]:65535\n"
               "persistent_keepalive_interval=65535\n" LAST},
};

TEST(sent_peers)
{
    for (size_t i = 0; i < COUNT(peers); i++) {
        struct peer peer = {
            .endpoint = peers[i].endpoint,
            .preshared_key = peers[i].preshared_key,
            .keepalive = peers[i].keepalive,
            .allowed_address = 0x0affffff,
        };
        char *text = malloc(CTLMSG_SIZE);
        size_t length;

        memset(peer.public_key.bytes, 0xa5, KEY_SIZE);
        memset(text, 'x', CTLMSG_SIZE);
        length = ctlmsg_set_peer(text, &peer);
        expect(length == strlen(peers[i].text), "peer %zu: length %zu", i, length);
        expect(strcmp(text, peers[i].text) == 0, "peer %zu: %s", i, text);
        expect(length < CTLMSG_SIZE - 100, "peer %zu: length %zu", i, length);
        free(text);
    }
}

/* What engines write, and what they never do. That an engine of the same version is understood is
 * tested by engine_configuration_test. */

#define KEY1 "0101010101010101010101010101010101010101010101010101010101010101"
#define KEY2 "abababababababababababababababababababababababababababababababab"
#define OWN  "own_public_key=" KEY1 "\nlisten_port=51801\n"
#define PEER "public_key=" KEY2 "\n"
#define REST                                                                                       \
    "last_handshake_age_ms=1700000000\ntx_bytes=1\nrx_bytes=2\n"                                   \
    "persistent_keepalive_interval=25\n"
#define END "errno=0\n\n"

static int parse(const char *text, size_t length, struct link_status *ret_status)
{
    char *copy = unit_copy(text, length);
    int result = ctlmsg_parse(copy, length, ret_status);

    free(copy);
    return result;
}

TEST(without_peer)
{
    struct link_status status;
    const char *text = OWN END;

    expect(parse(text, strlen(text), &status) == 0, "refused");
    expect(status.has_key && status.public_key.bytes[0] == 1 && status.public_key.bytes[31] == 1,
           "key");
    expect(status.port == 51801 && status.peers == 0, "port %u, %u peers", status.port,
           status.peers);
}

TEST(with_peer)
{
    struct link_status status;
    const char *text =
        OWN PEER "has_preshared_key=true\nprotocol_version=1\nendpoint=192.0.2.2:51802\n" REST
                 "allowed_ip=10.0.0.15/32\nallowed_ip=2001:db8::/33\n" END;

    expect(parse(text, strlen(text), &status) == 0, "refused");
    expect(status.peers == 1 && status.peer_key.bytes[7] == 0xab, "peer");
    expect(status.has_preshared_key && status.keepalive == 25, "keepalive %u", status.keepalive);
    expect(status.endpoint.address == 0xc0000202 && status.endpoint.port == 51802 &&
               !status.endpoint.ipv6,
           "endpoint %x", status.endpoint.address);
    expect(status.has_handshake && status.handshake_age_ms == 1700000000, "handshake");
    expect(status.wire_sent_bytes == 1 && status.wire_received_bytes == 2, "bytes");
    expect(status.allowed_count == 2 && !status.allowed[0].ipv6 && status.allowed[1].ipv6 &&
               status.allowed[0].prefix_length == 32 && status.allowed[1].prefix_length == 33 &&
               status.allowed[0].address[3] == 15 && status.allowed[1].address[3] == 0xb8,
           "allowed IPs");
}

/* Endpoints as an engine has found them out. */
static const struct {
    const char *text;
    bool ipv6;
    uint16_t port;
} endpoints[] = {
    {"0.0.0.0:1", false, 1},
    {"255.255.255.255:65535", false, 65535},
    {"192.0.2.1:0", false, 0}, /* not known */
    {"[fe80::1]:51820", true, 51820},
    {"[::]:1", true, 1},
    {"[::ffff:192.0.2.1]:1", true, 1},
    {"[::192.0.2.1]:1", true, 1},
    {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", true, 65535},
};

static const char *const *const no_endpoints = TEXTS(
    "", ":", ":1", "[", "[]:1", "[:1", "]:1", "[192.0.2.1]:1", "2001:db8::1:1", "[fe80::1%eth0]:1",
    "[fe80::1%2]:1", "[2001:DB8::1]:1", "[2001:0db8::1]:1", "192.0.2.1:65536", "192.0.2.1:00",
    "192.0.2.1:01", "192.0.2.1:+1", "192.0.2.1:", "192.0.2.1", "192.0.2.1:1 ", " 192.0.2.1:1",
    "192.0.2.01:1", "192.0.2:1", "192.0.2.1:1\r", "192.0.2.1:99999999999999999999",
    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:655350000000000000000");

/* Reads a report with an endpoint. */
static int parse_endpoint(const char *endpoint, struct link_status *ret_status)
{
    char text[HANDOVER_MESSAGE_MAX];

    (void)snprintf(text, sizeof(text), OWN PEER "protocol_version=1\nendpoint=%s\n" REST END,
                   endpoint);
    return parse(text, strlen(text), ret_status);
}

TEST(every_endpoint)
{
    struct link_status status;

    for (size_t i = 0; i < COUNT(endpoints); i++) {
        expect(parse_endpoint(endpoints[i].text, &status) == 0, "%s", endpoints[i].text);
        expect(status.endpoint.ipv6 == endpoints[i].ipv6 &&
                   status.endpoint.port == endpoints[i].port,
               "endpoint %s: port %u", endpoints[i].text, status.endpoint.port);
    }
    for (const char *const *text = no_endpoints; *text; text++)
        expect(parse_endpoint(*text, &status) == -EBADMSG, "endpoint %s", *text);
}

/* Lines in the place of the right ones. Where `good`, they are right too. */
static const struct {
    const char *text;
    bool good;
} reports[] = {
    {OWN PEER "protocol_version=1\n" REST END, true},
    {OWN PEER "protocol_version=1\n" REST "allowed_ip=0.0.0.0/0\nallowed_ip=::/0\n" END, true},
    {"own_public_key=" KEY1 "\nlisten_port=0\n" END, true},
    {"own_public_key=" KEY1 "\nlisten_port=65535\n" END, true},
    {"", false},
    {END, false},
    {OWN, false},
    {OWN "errno=0\n", false},
    {OWN "errno=0\n\n\n", false},
    {OWN "errno=0\n\n" OWN END, false},
    {OWN "errno=00\n\n", false},
    {"own_public_key=" KEY1 "\n" END, false},
    {"listen_port=1\n" END, false},
    {"own_public_key=" KEY1 "0\nlisten_port=1\n" END, false},
    {"own_public_key=g" KEY1 "\nlisten_port=1\n" END, false},
    {"own_public_key=" KEY1 "\nlisten_port=65536\n" END, false},
    {"own_public_key=" KEY1 "\nlisten_port=01\n" END, false},
    {"own_public_key=" KEY1 "\nlisten_port=\n" END, false},
    {OWN "private_key=" KEY1 "\n" END, false},
    {OWN PEER "protocol_version=1\ntx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=0\n" END,
     true},
    {OWN PEER "protocol_version=1\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\n"
              "tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=0\n" END,
     false}, /* of an older engine */
    {OWN PEER "protocol_version=1\nlast_handshake_age_ms=3\nlast_received_age_ms=2\n"
              "unanswered_age_ms=1\nfrom_elsewhere=true\ntx_bytes=0\nrx_bytes=0\n"
              "persistent_keepalive_interval=0\n" END,
     true},
    {OWN PEER "protocol_version=1\nunanswered_age_ms=9223372036854775807\ntx_bytes=0\nrx_bytes=0\n"
              "persistent_keepalive_interval=0\n" END,
     true},
    {OWN PEER "protocol_version=1\nunanswered_age_ms=9223372036854775808\ntx_bytes=0\nrx_bytes=0\n"
              "persistent_keepalive_interval=0\n" END,
     false},
    {OWN PEER "protocol_version=1\nunanswered_age_ms=1\nlast_received_age_ms=2\ntx_bytes=0\n"
              "rx_bytes=0\npersistent_keepalive_interval=0\n" END,
     false},
    {OWN PEER "protocol_version=1\nfrom_elsewhere=false\ntx_bytes=0\nrx_bytes=0\n"
              "persistent_keepalive_interval=0\n" END,
     false},
    {OWN PEER END, false},
    {OWN PEER REST END, false},
    {OWN PEER "protocol_version=2\n" REST END, false},
    {OWN PEER "protocol_version=1\nhas_preshared_key=true\n" REST END, false},
    {OWN PEER "has_preshared_key=false\nprotocol_version=1\n" REST END, false},
    {OWN PEER "protocol_version=1\n" REST REST END, false},
    {OWN PEER "protocol_version=1\n" REST PEER "protocol_version=1\n" REST END, false},
    {OWN PEER "protocol_version=1\n" REST "allowed_ip=10.0.0.1\n" END, false},
    {OWN PEER "protocol_version=1\n"
              "last_handshake_age_ms=9223372036854775807\n"
              "tx_bytes=18446744073709551615\nrx_bytes=18446744073709551615\n"
              "persistent_keepalive_interval=65535\n" END,
     true},
    {OWN PEER "protocol_version=1\n"
              "last_handshake_age_ms=0\n"
              "tx_bytes=18446744073709551616\nrx_bytes=0\npersistent_keepalive_interval=0\n" END,
     false},
    {OWN PEER "protocol_version=1\n"
              "last_handshake_age_ms=0\n"
              "tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=65536\n" END,
     false},
};

TEST(every_report)
{
    for (size_t i = 0; i < COUNT(reports); i++) {
        struct link_status status, before;
        int result;

        memset(&status, 0xa5, sizeof(status));
        memcpy(&before, &status, sizeof(before));
        result = parse(reports[i].text, strlen(reports[i].text), &status);
        expect(result == (reports[i].good ? 0 : -EBADMSG), "report %zu: %d", i, result);
        expect(!result || memcmp(&status, &before, sizeof(status)) == 0, "report %zu: written", i);
    }
}

/* One allowed IP more than an engine has. */
TEST(too_many)
{
    for (size_t count = 0; count <= STATUS_ALLOWED_MAX + 1; count++) {
        struct link_status status;
        char text[HANDOVER_MESSAGE_MAX];
        int length = snprintf(text, sizeof(text), OWN PEER "protocol_version=1\n" REST);
        int result;

        for (size_t i = 0; i < count; i++)
            length += snprintf(text + length, sizeof(text) - (size_t)length,
                               "allowed_ip=10.0.0.%zu/32\n", i);
        length += snprintf(text + length, sizeof(text) - (size_t)length, END);
        result = parse(text, (size_t)length, &status);
        expect(result == (count <= STATUS_ALLOWED_MAX ? 0 : -EBADMSG), "%zu: %d", count, result);
        expect(result || status.allowed_count == count, "%zu allowed IPs", count);
    }
}

#define WHOLE                                                                                      \
    OWN PEER "has_preshared_key=true\nprotocol_version=1\nendpoint=[2001:db8::1]:51802\n" REST     \
             "allowed_ip=10.0.0.15/32\nallowed_ip=2001:db8::/33\n" END

/* Cut off anywhere, it is none. */
TEST(cut_off)
{
    static const char whole[] = WHOLE;
    struct link_status status;

    for (size_t length = 0; length < sizeof(whole) - 1; length++)
        expect(parse(whole, length, &status) == -EBADMSG, "%zu bytes", length);
    expect(parse(whole, sizeof(whole) - 1, &status) == 0, "all of it");
    expect(parse(whole, sizeof(whole), &status) == -EBADMSG, "with a NUL");
}

/* Each byte replaced by each other: what is taken then makes sense, and so does what is told. */
TEST(each_byte)
{
    static const char whole[] = WHOLE;
    size_t taken = 0;

    for (size_t place = 0; place < sizeof(whole) - 1; place++) {
        for (int byte = 0; byte < 256; byte++) {
            struct link_status status;
            char text[sizeof(whole)];

            memcpy(text, whole, sizeof(whole));
            text[place] = (char)byte;
            if (parse(text, sizeof(whole) - 1, &status))
                continue;
            taken++;
            if (status.peers != 1 || status.allowed_count != 2 ||
                status.allowed[0].prefix_length > 32 || status.handshake_age_ms < 0 ||
                !status.has_handshake)
                expect(false, "place %zu, byte %d", place, byte);
        }
    }
    /* Of a digit there are other digits. */
    expect(taken > 128 * 15 && taken < 3500, "%zu taken", taken);
}

static const struct {
    const char *text;
    int result;
} answers[] = {
    {"errno=0\n\n", 0},
    {"errno=98\n\n", -98},
    {"errno=22\n\n", -22},
    {"errno=4095\n\n", -4095},
};

static const char *const *const no_answers =
    TEXTS("errno=4096\n\n", "errno=10000\n\n", "errno=4294967295\n\n", "errno=\n\n", "errno=-1\n\n",
          "errno=00\n\n", "errno= 1\n\n", "errno=1 \n\n", "errno=1x\n\n", "errno=1\n",
          "errno=1\n\n\n", "errno=1\n \n", "errno=1\nerrno=2\n\n", "Errno=1\n\n", " errno=1\n\n",
          "errno:1\n\n", "own_public_key=\nerrno=0\n\n", "\n\n", "");

static void check_answer(const char *text, int wanted)
{
    char *copy = unit_copy(text, strlen(text));
    int result = ctlmsg_parse_errno(copy, strlen(text));

    expect(result == wanted, "answer '%s': %d", text, result);
    free(copy);
}

TEST(read_answers)
{
    for (size_t i = 0; i < COUNT(answers); i++)
        check_answer(answers[i].text, answers[i].result);
    for (const char *const *text = no_answers; *text; text++)
        check_answer(*text, -EPROTO);
}

/* A NUL is no digit, and no end. */
TEST(answers_with_nul)
{
    static const char texts[][10] = {"errno=\0\n\n", "errno=1\0\n\n", "errno=\0001\n\n"};
    static const size_t lengths[] = {9, 10, 10};

    for (size_t i = 0; i < COUNT(texts); i++)
        expect(ctlmsg_parse_errno(texts[i], lengths[i]) == -EPROTO, "answer %zu", i);
}

#include "helper/backend/engine/ctlmsg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define HEX_A5 "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"

static const struct {
    uint32_t address;
    uint16_t port;
    uint32_t allowed;
    const char *text;
} requests[] = {
    {0xc0000201, 51820, 0x0a00000f,
     "set=1\npublic_key=" HEX_A5 "\n"
     "endpoint=192.0.2.1:51820\nreplace_allowed_ips=true\nallowed_ip=10.0.0.15/32\n\n"},
    {0x01000000, 1, 0x0a000000,
     "set=1\npublic_key=" HEX_A5 "\n"
     "endpoint=1.0.0.0:1\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/32\n\n"},
    {0xfffffffe, 65535, 0x0affffff,
     "set=1\npublic_key=" HEX_A5 "\n"
     "endpoint=255.255.255.254:65535\nreplace_allowed_ips=true\nallowed_ip=10.255.255.255/32\n\n"},
};

TEST(sent_requests)
{
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct peer peer = {
            .keepalive = PEER_KEEPALIVE_KEPT,
            .endpoint = {.address = requests[i].address, .port = requests[i].port},
            .allowed_address = requests[i].allowed,
        };
        char *text = malloc(CTLMSG_SIZE);
        size_t length;

        memset(peer.public_key.bytes, 0xa5, KEY_SIZE);
        memset(text, 'x', CTLMSG_SIZE);
        length = ctlmsg_set_peer(text, &peer);
        expect(length == strlen(requests[i].text), "request %zu: length %zu", i, length);
        expect(strcmp(text, requests[i].text) == 0, "request %zu: %s", i, text);
        free(text);
    }
}

#define START "set=1\npublic_key=" HEX_A5 "\n"
#define PSK   "preshared_key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1dfeff\n"
#define ZERO  "preshared_key=0000000000000000000000000000000000000000000000000000000000000000\n"
#define END   "replace_allowed_ips=true\nallowed_ip=10.255.255.255/32\n\n"

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
    {{.port = 0}, NULL, PEER_KEEPALIVE_KEPT, START END},
    {{.port = 0}, NULL, 0, START "persistent_keepalive_interval=0\n" END},
    {{.port = 0}, NULL, 25, START "persistent_keepalive_interval=25\n" END},
    {{.port = 0}, NULL, 65535, START "persistent_keepalive_interval=65535\n" END},
    {{.port = 0}, &a_preshared_key, PEER_KEEPALIVE_KEPT, START PSK END},
    {{.port = 0}, &no_key, PEER_KEEPALIVE_KEPT, START ZERO END},
    {{.address = 0xc0000201, .port = 9},
     &a_preshared_key,
     1,
     START PSK "endpoint=192.0.2.1:9\npersistent_keepalive_interval=1\n" END},
    {{.ipv6 = true, .address6 = {0x20, 1, 0x0d, 0xb8, [15] = 1}, .port = 51820},
     NULL,
     PEER_KEEPALIVE_KEPT,
     START "endpoint=[2001:db8::1]:51820\n" END},
    {{.ipv6 = true, .address6 = {[15] = 1}, .port = 1},
     &no_key,
     PEER_KEEPALIVE_KEPT,
     START ZERO "endpoint=[::1]:1\n" END},
    /* the longest */
    {{.ipv6 = true,
      .address6 = {0xfd, 0x11, 0xab, 0xcd, 0xab, 0xcd, 0xab, 0xcd, 0xab, 0xcd, 0xab, 0xcd, 0xab,
                   0xcd, 0xab, 0xcd},
      .port = 65535},
     &a_preshared_key,
     65535,
     START PSK "endpoint=[fd11:abcd:abcd:abcd:abcd:abcd:abcd:abcd]:65535\n"
               "persistent_keepalive_interval=65535\n" END},
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

/* Each byte of a key, as two digits in their place. */
TEST(every_byte)
{
    for (unsigned int value = 0; value < 256; value++) {
        struct peer peer = {.keepalive = PEER_KEEPALIVE_KEPT,
                            .endpoint = {.address = 1, .port = 1}};
        char text[CTLMSG_SIZE], wanted[2 * KEY_SIZE + 1];

        for (unsigned int i = 0; i < KEY_SIZE; i++) {
            peer.public_key.bytes[i] = (uint8_t)(value + i);
            (void)snprintf(wanted + 2 * i, 3, "%02x", (value + i) & 255);
        }
        (void)ctlmsg_set_peer(text, &peer);
        expect(strncmp(text + strlen("set=1\npublic_key="), wanted, 2 * KEY_SIZE) == 0,
               "value %u: %s", value, text);
        peer.preshared_key = &peer.public_key;
        (void)ctlmsg_set_peer(text, &peer);
        expect(strncmp(strstr(text, "preshared_key=") + strlen("preshared_key="), wanted,
                       2 * KEY_SIZE) == 0,
               "value %u: %s", value, text);
    }
}

/* Answers. */

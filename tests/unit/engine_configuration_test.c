/* Requests and answers, of the ends of engine_world.h. */
#include "engine/control/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/flow/tunnel.h"
#include "engine/protocol/session.h"
#include "engine_world.h"
#include "helper/backend/engine/ctlmsg.h"
#include "unit.h"

#define OTHER   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define USELESS "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"

static struct tunnel *const tunnel = &world.end[0].tunnel;

/* Whatever is answered, the helper understands it. */
static const char *get(void)
{
    static char answer[CONFIGURATION_MAX + 1];
    struct link_status status;
    size_t length = configuration_answer(tunnel, "get=1\n\n", 7, answer);

    answer[length] = '\0';
    expect(ctlmsg_parse(answer, length, &status) == 0, "not understood: %s", answer);
    return answer;
}

static const char *peer(void)
{
    static char text[KEY_HEX_LENGTH + 1];

    key_to_hex(noise_public_key(world.end[1].tunnel.noise), text);
    return text;
}

static void connect_ends(void)
{
    world_offer_mark(0, 1, 100);
    world_pass();
    world_offer_mark(1, 2, 100);
    world_pass();
    expect(world_delivered(0, 2) == 1, "no session");
}

TEST(answers)
{
    char own[KEY_HEX_LENGTH + 1], right[CONFIGURATION_MAX];

    world_begin(1);
    key_to_hex(noise_public_key(tunnel->noise), own);
    world_renew(0);
    (void)snprintf(right, sizeof(right), "own_public_key=%s\nlisten_port=1000\nerrno=0\n\n", own);
    expect(strcmp(get(), right) == 0, "without a peer: %s", get());
    expect(world_configure(0, "set=1\npublic_key=%s\n\n", peer()) == 0, "peer");
    (void)snprintf(right, sizeof(right),
                   "own_public_key=%s\nlisten_port=1000\npublic_key=%s\nprotocol_version=1\n"
                   "tx_bytes=0\nrx_bytes=0\n"
                   "persistent_keepalive_interval=0\nerrno=0\n\n",
                   own, peer());
    expect(strcmp(get(), right) == 0, "a bare peer: %s", get());
    world_introduce(0);
    connect_ends();
    expect(world_configure(0,
                           "set=1\npublic_key=%s\npreshared_key=%064d\n"
                           "persistent_keepalive_interval=9\n\n",
                           peer(), 1) == 0,
           "more");
    expect(tunnel->timers.heard >= tunnel->handshaken && !tunnel->timers.asked, "heard");
    tunnel->now = tunnel->handshaken + 5 * SECONDS / 2;
    tunnel->timers.heard = tunnel->now - 3 * SECONDS / 2;
    tunnel->timers.asked = tunnel->now - SECONDS / 2;
    tunnel->from_elsewhere = true;
    (void)snprintf(right, sizeof(right),
                   "own_public_key=%s\nlisten_port=1000\npublic_key=%s\nhas_preshared_key=true\n"
                   "protocol_version=1\nendpoint=192.0.2.2:2000\n"
                   "last_handshake_age_ms=2500\nlast_received_age_ms=1500\n"
                   "unanswered_age_ms=500\nfrom_elsewhere=true\n"
                   "tx_bytes=292\nrx_bytes=236\npersistent_keepalive_interval=9\n"
                   "allowed_ip=10.0.0.1/32\nerrno=0\n\n",
                   own, peer());
    expect(strcmp(get(), right) == 0, "all of it: %s", get());
}

/* The longest there is fits. */
TEST(longest)
{
    world_begin(2);
    expect(world_configure(0, "set=1\npublic_key=%s\nendpoint=%s\n\n", peer(),
                           "[1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535") == 0,
           "endpoint");
    tunnel->allowed_address = UINT32_MAX;
    tunnel->sent_bytes = tunnel->received_bytes = UINT64_MAX;
    tunnel->now = INT64_MAX;
    tunnel->handshaken = tunnel->timers.heard = tunnel->timers.asked = 1;
    tunnel->from_elsewhere = true;
    expect(strlen(get()) < CONFIGURATION_MAX && strstr(get(), "255/32\nerrno=0\n\n"), "%s", get());
}

/* The engine understands what the helper says, and the helper what the engine answers: an endpoint
 * that the helper has set, and one that the engine has found out. */
TEST(understood)
{
    static const struct endpoint endpoints[] = {
        {.address = 0xc0000202, .port = 2000},
        {.ipv6 = true, .address6 = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 65535},
        {.ipv6 = true, .address6 = {0xfe, 0x80, [15] = 1}, .port = 1},
        {.ipv6 = true, .address6 = {[10] = 0xff, 0xff, 1, 2, 3, 4}, .port = 5},
    };

    for (size_t i = 0; i < COUNT(endpoints); i++) {
        struct key preshared = {{7}};
        struct peer told = {.endpoint = endpoints[i % 2],
                            .allowed_address = 0x0a000001,
                            .preshared_key = i % 2 ? &preshared : NULL,
                            .keepalive = 9};
        struct link_status status;
        char text[CTLMSG_SIZE];

        world_begin(3);
        told.public_key = *noise_public_key(world.end[1].tunnel.noise);
        expect(world_configure(0, "%.*s", (int)ctlmsg_set_peer(text, &told), text) == 0, "case %zu",
               i);
        if (i >= 2)
            tunnel->remote = remote_from_endpoint(&endpoints[i]);
        tunnel->handshaken = tunnel->now - 3 * SECONDS;
        tunnel->timers.heard = tunnel->now - 2 * SECONDS;
        tunnel->timers.asked = tunnel->now - SECONDS;
        tunnel->from_elsewhere = i % 2;
        tunnel->sent_bytes = 7;
        tunnel->received_bytes = 8;
        expect(ctlmsg_parse(get(), strlen(get()), &status) == 0, "%s", get());
        expect(memcmp(&status.endpoint, &endpoints[i], sizeof(status.endpoint)) == 0,
               "case %zu: endpoint", i);
        expect(key_equal(&status.public_key, noise_public_key(tunnel->noise)) &&
                   key_equal(&status.peer_key, &told.public_key),
               "keys");
        expect(status.port == 1000 && status.peers == 1 && status.keepalive == 9 &&
                   status.has_handshake && status.handshake_age_ms == 3000 && status.has_received &&
                   status.received_age_ms == 2000 && status.has_unanswered &&
                   status.unanswered_age_ms == 1000 && status.from_elsewhere == i % 2 &&
                   status.wire_sent_bytes == 7 && status.wire_received_bytes == 8 &&
                   status.allowed_count == 1 && status.allowed[0].prefix_length == 32 &&
                   memcmp(status.allowed[0].address, "\x0a\0\0\1", 4) == 0 &&
                   status.has_preshared_key == i % 2,
               "case %zu", i);
    }
}

/* Requests to an end that has a session with its peer, @; and whether that is left as it was, or
 * the peer is another one. */
static const struct {
    const char *request;
    int error;
    bool same;
} requests[] = {
    {"set=1\npublic_key=@\n\n", 0, true},
    {"set=1\npublic_key=@\nendpoint=192.0.2.2:2000\nallowed_ip=10.0.0.1/32\n\n", 0, true},
    {"set=1\npublic_key=" OTHER "\n\n", 0, false},
    {"set=1\n\n", EPROTO, true},
    {"set=1\npublic_key=" USELESS "\n\n", EINVAL, true},
    {"set=1\npublic_key=" OTHER "\nnonsense=1\n\n", EINVAL, true},
    {"set=1\npublic_key=" OTHER "\nnonsense\n\n", EPROTO, true},
    {"nonsense", EPROTO, true},
};

static void expect_outcome(size_t number, bool left)
{
    bool same = noise_peer(tunnel->noise) &&
                key_equal(noise_peer(tunnel->noise), noise_public_key(world.end[1].tunnel.noise));

    expect(same == left, "case %zu: another peer", number);
    expect(sessions_have(&tunnel->sessions, tunnel->sessions.current->local) == left,
           "case %zu: the session", number);
    expect((tunnel->allowed_address != 0) == left, "case %zu: allowed", number);
    expect(remote_known(&tunnel->remote) == left, "case %zu: endpoint", number);
    expect(noise_has_preshared_key(tunnel->noise) == left, "case %zu: key", number);
    if (!left)
        return;
    world_offer_mark(0, 3, 100);
    world_pass();
    expect(world_delivered(1, 3) == 1, "case %zu: the session", number);
}

/* The text with the peer's key in the place of '@'. */
static void expand(const char *text, char ret_request[static CONFIGURATION_MAX])
{
    const char *at = strchr(text, '@');

    if (at)
        (void)snprintf(ret_request, CONFIGURATION_MAX, "%.*s%s%s", (int)(at - text), text, peer(),
                       at + 1);
    else
        (void)snprintf(ret_request, CONFIGURATION_MAX, "%s", text);
}

TEST(outcomes)
{
    for (size_t i = 0; i < COUNT(requests); i++) {
        char request[CONFIGURATION_MAX];
        struct key preshared = {{1}};
        int error;

        world_begin(3);
        connect_ends();
        noise_set_preshared_key(tunnel->noise, &preshared);
        expand(requests[i].request, request);
        error = world_configure(0, "%s", request);
        expect(error == requests[i].error, "case %zu: errno %d", i, error);
        expect_outcome(i, requests[i].same);
    }
}

/* All of a request is done, or nothing. */
TEST(whole)
{
    char own[KEY_HEX_LENGTH + 1];

    world_begin(4);
    key_to_hex(noise_public_key(tunnel->noise), own);
    expect(world_configure(0, "set=1\npublic_key=%s\n\n", own) == EADDRINUSE, "own key");
    expect(noise_peer(tunnel->noise), "the peer is gone");
    expect(world_configure(0,
                           "set=1\npublic_key=%s\nendpoint=192.0.2.9:9\n"
                           "persistent_keepalive_interval=9\nallowed_ip=10.0.2.1/31\n\n",
                           peer()) == EINVAL,
           "a network");
    expect(tunnel->timers.persistent == 0 && tunnel->remote.address.v4.sin_port == htons(2000) &&
               tunnel->allowed_address == 0x0a000001,
           "half of it");
    expect(world_configure(0, "set=1\npublic_key=%s\nallowed_ip=10.0.2.1/32\n\n", peer()) == 0 &&
               tunnel->allowed_address == 0x0a000201,
           "in place of the other");
    expect(world_configure(0, "set=1\npublic_key=%s\nreplace_allowed_ips=true\n\n", peer()) == 0 &&
               tunnel->allowed_address == 0,
           "none");
}

/* A new key for the next handshake; and keys are nowhere in an answer. */
TEST(preshared)
{
    world_begin(5);
    expect(!strstr(get(), "preshared"), "none: %s", get());
    expect(world_configure(0, "set=1\npublic_key=%s\npreshared_key=" OTHER "\n\n", peer()) == 0,
           "set");
    expect(strstr(get(), "has_preshared_key=true\n") && !strstr(get(), OTHER), "%s", get());
    expect(!strstr(get(), "private"), "%s", get());
    expect(world_configure(0, "set=1\npublic_key=%s\npreshared_key=%064d\n\n", peer(), 0) == 0,
           "none");
    expect(!strstr(get(), "preshared"), "none again: %s", get());
}

/* A keepalive that was asked for is sent at once: it's how a link is made to stand. */
TEST(persistent)
{
    world_begin(6);
    expect(world_configure(0, "set=1\npublic_key=%s\npersistent_keepalive_interval=25\n\n",
                           peer()) == 0,
           "set");
    world_pass();
    expect(world.end[0].count[MESSAGE_INITIATION] == 1 && world.end[0].count[MESSAGE_DATA] == 1,
           "at once");
}

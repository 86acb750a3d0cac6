/* Links as JSON, as a whole: who reads it has a schema. */
#include "helper/view/json_link.h"

#include <string.h>

#include "helper/base/text.h"
#include "unit.h"

static const struct link_view a_view = {
    .link = {.device = {.name = "wg-7-0",
                        .end = {7, 0},
                        .kind = KIND_KERNEL,
                        .finished = true,
                        .mtu = 1420},
             .up = true,
             .carrier = true,
             .counters.received_bytes = UINT64_MAX,
             .counters.received_packets = 1,
             .counters.sent_bytes = 2,
             .counters.sent_packets = 3,
             .counters.dropped_packets = 4},
    .answered = true,
    .status = {.has_key = true,
               .public_key = {{1}},
               .port = 51801,
               .peers = 1,
               .peer_key = {{2}},
               .endpoint = {.address = 0xc0000202, .port = 51802},
               .has_preshared_key = true,
               .keepalive = 25,
               .allowed_count = 2,
               .allowed = {{.address = {10, 0, 0, 15}, .prefix_length = 32}, {.ipv6 = true}},
               .has_handshake = true,
               .handshake = 1732445000,
               .handshake_age_ms = 12999,
               .has_received = true,
               .received_age_ms = 3000,
               .has_unanswered = true,
               .unanswered_age_ms = 2999,
               .engine_process = 4712,
               .wire_received_bytes = 5,
               .wire_sent_bytes = UINT64_MAX},
    .netns = 4026532201,
    .state = STATE_CONNECTED,
};

#define KEY1 "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY2 "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define A_LINK                                                                                     \
    "\"name\":\"wg-7-0\",\"net\":7,\"host\":0,\"address\":\"10.0.0.14\",\"backend\":\"kernel\","
#define COUNTERS                                                                                   \
    ",\"received_bytes\":18446744073709551615,\"received_packets\":1,\"sent_bytes\":2,"            \
    "\"sent_packets\":3,\"dropped_packets\":4}"

#define OWN                                                                                        \
    "\"netns\":4026532201,\"engine_pid\":4712,\"public_key\":\"" KEY1                              \
    "\",\"listen_port\":51801,\"peers\":1,\"peer\":"
#define PEER                                                                                       \
    "{\"public_key\":\"" KEY2 "\",\"endpoint\":\"192.0.2.2:51802\","                               \
    "\"allowed_ips\":[\"10.0.0.15/32\",\"::/0\"],\"more_allowed_ips\":false,"                      \
    "\"persistent_keepalive\":25,\"has_preshared_key\":true,"                                      \
    "\"latest_handshake\":1732445000,\"latest_handshake_age\":12,"                                 \
    "\"latest_received_age\":3,\"unanswered_age\":2,\"wire_received_bytes\":5,"                    \
    "\"wire_sent_bytes\":18446744073709551615}"

static void expect_json(const char *what, const struct json_place *place,
                        const struct link_view *view, const char *wanted)
{
    static struct text text;

    memset(&text, 0, sizeof(text));
    json_add_link(&text, place, view);
    expect(strcmp(text.bytes, wanted) == 0, "%s: %s", what, text.bytes);
    expect(!text.overflowed, "%s: cut off", what);
}

TEST(json_links)
{
    static const struct json_place place = {4711, "0123456789ab"}, no_container = {.pid = 1};
    static struct text text;
    struct link_view view = a_view;

    expect_json("all of it", NULL, &view,
                "{" A_LINK "\"state\":\"connected\",\"up\":true,\"mtu\":1420," OWN PEER COUNTERS);
    view.state = STATE_NO_HANDSHAKE;
    view.status.endpoint = (struct endpoint){.port = 0};
    view.status.allowed_count = 0;
    view.status.allowed_more = true;
    view.status.has_handshake = view.status.has_received = view.status.has_unanswered = false;
    view.status.engine_process = 0;
    view.status.port = 0;
    view.status.has_key = false;
    expect_json("what isn't known", &place, &view,
                "{\"pid\":4711,\"container\":\"0123456789ab\"," A_LINK
                "\"state\":\"no handshake yet\",\"up\":true,\"mtu\":1420,\"netns\":4026532201,"
                "\"engine_pid\":null,\"public_key\":null,"
                "\"listen_port\":null,\"peers\":1,\"peer\":{\"public_key\":\"" KEY2
                "\",\"endpoint\":null,\"allowed_ips\":[],\"more_allowed_ips\":true,"
                "\"persistent_keepalive\":25,\"has_preshared_key\":true,"
                "\"latest_handshake\":null,\"latest_handshake_age\":null,"
                "\"latest_received_age\":null,\"unanswered_age\":null,"
                "\"wire_received_bytes\":5,\"wire_sent_bytes\":18446744073709551615}" COUNTERS);
    view.status.has_handshake = true;
    view.status.handshake_age_ms = -1;
    json_add_link(&text, NULL, &view);
    expect(strstr(text.bytes, "\"latest_handshake\":1732445000,\"latest_handshake_age\":null,"),
           "in the future: %s", text.bytes);
    view.state = STATE_ENGINE_LOST;
    view.answered = false;
    view.link.up = false;
    expect_json("no answer", &no_container, &view,
                "{\"pid\":1,\"container\":null," A_LINK
                "\"state\":\"engine lost\",\"up\":false,\"mtu\":1420,\"netns\":4026532201,"
                "\"engine_pid\":null,\"public_key\":null,"
                "\"listen_port\":null,\"peers\":0,\"peer\":null" COUNTERS);
}

/* The longest there is has room. */
TEST(json_longest)
{
    static struct text text;
    struct link_view view = a_view;

    view.status.allowed_count = STATUS_ALLOWED_MAX;
    for (size_t i = 0; i < STATUS_ALLOWED_MAX; i++) {
        view.status.allowed[i] = (struct network){.ipv6 = true, .prefix_length = 128};
        memset(view.status.allowed[i].address, 0xff, 16);
    }
    memset(view.status.endpoint.address6, 0xff, 16);
    view.status.endpoint.ipv6 = true;
    view.netns = (ino_t)UINT64_MAX;
    view.status.handshake = view.status.handshake_age_ms = INT64_MAX;
    view.status.received_age_ms = view.status.unanswered_age_ms = INT64_MAX;
    json_add_link(&text, &(struct json_place){4194304, "0123456789abcdef"}, &view);
    expect(!text.overflowed && text.length < TEXT_SIZE / 2, "%zu bytes", text.length);
}

#define BEGIN "{\"name\":\"wg-7-0\",\"net\":7,\"host\":0,\"address\":\"10.0.0.14\",\"created\":"
#define MIDDLE                                                                                     \
    ",\"backend\":\"kernel\",\"mtu\":1420,\"netns\":4026531840,\"listen_port\":65535,"             \
    "\"public_key\":\"" KEY1 "\",\"warning\":"

TEST(json_created)
{
    static struct text text;

    struct json_created created = {
        .device = &a_view.link.device,
        .created = true,
        .port = 65535,
        .netns = 4026531840,
        .public_key = &a_view.status.public_key,
    };

    json_add_created(&text, &created);
    expect(strcmp(text.bytes, BEGIN "true" MIDDLE "null}") == 0, "%s", text.bytes);
    text.length = 0;
    created.created = false;
    created.warning = "a \"quoted\" \\ one";
    json_add_created(&text, &created);
    expect(strcmp(text.bytes, BEGIN "false" MIDDLE "\"a \\\"quoted\\\" \\\\ one\"}") == 0, "%s",
           text.bytes);
}

#include "helper/backend/status.h"

#include <stdio.h>
#include <string.h>

#include "helper/base/text.h"
#include "helper/view/json_link.h"
#include "helper/view/links.h"
#include "helper/view/moment.h"
#include "unit.h"

/* The state of a link that is finished, up and has a carrier, but for what is said. */
static const struct {
    const char *what;
    bool unfinished, down, no_carrier, lost;
    bool kernel;
    unsigned int peers;
    int64_t handshake, received, unanswered; /* milliseconds ago; 0: never */
    bool future;                             /* the handshake is that much in the future */
    bool from_elsewhere;
    uint64_t dropped, packets;
    enum link_state state;
} states[] = {
    {.what = "made", .state = STATE_WAITING},
    {.what = "made in the kernel", .kernel = true, .state = STATE_WAITING},
    {.what = "connected", .peers = 1, .state = STATE_NO_HANDSHAKE},
    {.what = "two peers", .peers = 2, .state = STATE_NO_HANDSHAKE},
    {.what = "spoken to, and never heard",
     .peers = 1,
     .unanswered = 3600000,
     .state = STATE_NO_HANDSHAKE},
    {.what = "its handshakes come here", .peers = 1, .received = 1, .state = STATE_NO_HANDSHAKE},
    {.what = "a handshake of no peer", .handshake = 1, .state = STATE_WAITING},
    {.what = "lost", .lost = true, .state = STATE_ENGINE_LOST},
    {.what = "down", .down = true, .peers = 1, .handshake = 1, .state = STATE_DOWN},
    {.what = "down and lost", .down = true, .lost = true, .state = STATE_DOWN},
    {.what = "down, no carrier",
     .down = true,
     .no_carrier = true,
     .kernel = true,
     .state = STATE_DOWN},
    {.what = "no carrier",
     .no_carrier = true,
     .kernel = true,
     .peers = 1,
     .handshake = 1,
     .state = STATE_PORT_LOST},
    {.what = "an engine's without carrier", .no_carrier = true, .peers = 1, .state = STATE_DOWN},
    {.what = "lost without carrier", .no_carrier = true, .lost = true, .state = STATE_ENGINE_LOST},
    {.what = "unfinished", .unfinished = true, .state = STATE_UNFINISHED},
    {.what = "unfinished, all else",
     .unfinished = true,
     .down = true,
     .no_carrier = true,
     .lost = true,
     .peers = 1,
     .handshake = 1,
     .state = STATE_UNFINISHED},

    /* An engine's: by what it has heard, however old the handshake is. */
    {.what = "heard now", .peers = 1, .handshake = 1, .received = 1, .state = STATE_CONNECTED},
    {.what = "heard 30 s ago",
     .peers = 1,
     .handshake = 179000,
     .received = 30000,
     .state = STATE_CONNECTED},
    {.what = "heard 30.001 s ago",
     .peers = 1,
     .handshake = 40000,
     .received = 30001,
     .state = STATE_IDLE},
    {.what = "heard a year ago",
     .peers = 1,
     .handshake = 31536000000,
     .received = 31536000000,
     .state = STATE_IDLE},
    {.what = "asked a moment ago",
     .peers = 1,
     .handshake = 1000,
     .received = 1000,
     .unanswered = 1,
     .state = STATE_CONNECTED},
    {.what = "asked 11.999 s ago",
     .peers = 1,
     .handshake = 12000,
     .received = 12000,
     .unanswered = 11999,
     .state = STATE_CONNECTED},
    {.what = "asked 12 s ago",
     .peers = 1,
     .handshake = 12001,
     .received = 12001,
     .unanswered = 12000,
     .state = STATE_SILENT},
    {.what = "asked after it was idle",
     .peers = 1,
     .handshake = 600000,
     .received = 600000,
     .unanswered = 5,
     .state = STATE_IDLE},
    {.what = "asked a day ago",
     .peers = 1,
     .handshake = 90000000,
     .received = 90000000,
     .unanswered = 86400000,
     .state = STATE_SILENT},
    {.what = "from another address",
     .peers = 1,
     .handshake = 1,
     .received = 1,
     .from_elsewhere = true,
     .dropped = 1,
     .packets = 1000,
     .state = STATE_WRONG_ADDRESS},
    {.what = "from another address, and then right",
     .peers = 1,
     .handshake = 1,
     .received = 1,
     .dropped = 1000,
     .packets = 1,
     .state = STATE_CONNECTED},
    {.what = "from another address, and then silent",
     .peers = 1,
     .handshake = 60000,
     .received = 50000,
     .unanswered = 40000,
     .from_elsewhere = true,
     .state = STATE_WRONG_ADDRESS},

    /* The kernel's: by the handshake, and what the device has counted. */
    {.what = "now", .kernel = true, .peers = 1, .handshake = 1, .state = STATE_CONNECTED},
    {.what = "11.999 s ago",
     .kernel = true,
     .peers = 1,
     .handshake = 11999,
     .state = STATE_CONNECTED},
    {.what = "12 s ago", .kernel = true, .peers = 1, .handshake = 12000, .state = STATE_IN_SESSION},
    {.what = "180 s ago",
     .kernel = true,
     .peers = 1,
     .handshake = 180000,
     .state = STATE_IN_SESSION},
    {.what = "180.001 s ago", .kernel = true, .peers = 1, .handshake = 180001, .state = STATE_IDLE},
    {.what = "a year ago",
     .kernel = true,
     .peers = 1,
     .handshake = 31536000000,
     .state = STATE_IDLE},
    {.what = "in the future",
     .kernel = true,
     .peers = 1,
     .handshake = 1000,
     .future = true,
     .state = STATE_IDLE},
    {.what = "a handshake, and one dropped",
     .kernel = true,
     .peers = 1,
     .handshake = 1000,
     .dropped = 1,
     .packets = 1,
     .state = STATE_WRONG_ADDRESS},
    {.what = "a handshake, a keepalive, two dropped",
     .kernel = true,
     .peers = 1,
     .handshake = 1000,
     .dropped = 2,
     .packets = 2,
     .state = STATE_WRONG_ADDRESS},
    {.what = "half as many",
     .kernel = true,
     .peers = 1,
     .handshake = 1000,
     .dropped = 5,
     .packets = 10,
     .state = STATE_CONNECTED},
    {.what = "more than half as many",
     .kernel = true,
     .peers = 1,
     .handshake = 1000,
     .dropped = 6,
     .packets = 11,
     .state = STATE_WRONG_ADDRESS},
};

TEST(states_of_links)
{
    for (size_t i = 0; i < COUNT(states); i++) {
        const struct link_status status = {
            .peers = states[i].peers,
            .has_handshake = states[i].handshake,
            .handshake_age_ms = states[i].future ? -states[i].handshake : states[i].handshake,
            .has_received = states[i].received,
            .received_age_ms = states[i].received,
            .has_unanswered = states[i].unanswered,
            .unanswered_age_ms = states[i].unanswered,
            .from_elsewhere = states[i].from_elsewhere,
        };
        const struct link_seen link = {
            .device = {.finished = !states[i].unfinished,
                       .kind = states[i].kernel ? KIND_KERNEL : KIND_ENGINE},
            .up = !states[i].down,
            .carrier = !states[i].no_carrier,
            .dropped_packets = states[i].dropped,
            .received_packets = states[i].packets,
        };
        enum link_state state = links_state(&link, states[i].lost ? NULL : &status);

        expect(state == states[i].state, "%s: %s", states[i].what, state_text(state));
    }
}

/* They are an interface. */
TEST(words)
{
    static const char *const texts[] = {"unfinished",
                                        "down",
                                        "engine lost",
                                        "port lost",
                                        "waiting for connect",
                                        "no handshake yet",
                                        "wrong address",
                                        "silent",
                                        "connected",
                                        "in session",
                                        "idle"};

    expect(COUNT(texts) == STATES, "%zu words", COUNT(texts));
    for (size_t i = 0; i < COUNT(texts); i++)
        expect(strcmp(state_text((enum link_state)i), texts[i]) == 0, "state %zu: %s", i,
               state_text((enum link_state)i));
}

TEST(ages)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0 seconds"},
        {1, "1 second"},
        {59, "59 seconds"},
        {60, "1 minute 0 seconds"},
        {61, "1 minute 1 second"},
        {3599, "59 minutes 59 seconds"},
        {3600, "1 hour 0 minutes"},
        {3660, "1 hour 1 minute"},
        {86399, "23 hours 59 minutes"},
        {86400, "1 day 0 hours"},
        {90000, "1 day 1 hour"},
        {INT64_MAX, "106751991167300 days 15 hours"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[MOMENT_AGE_SIZE];

        moment_age(cases[i].seconds, text);
        expect(strcmp(text, cases[i].text) == 0, "%lld: %s", (long long)cases[i].seconds, text);
    }
}

TEST(networks)
{
    static const struct {
        struct allowed_ip network;
        const char *text;
    } cases[] = {
        {{.address = {10, 0, 0, 15}, .prefix_length = 32}, "10.0.0.15/32"},
        {{.prefix_length = 0}, "0.0.0.0/0"},
        {{.ipv6 = true}, "::/0"},
        {{.ipv6 = true, .address = {0x20, 1, 0x0d, 0xb8}, .prefix_length = 33}, "2001:db8::/33"},
        {{.ipv6 = true,
          .address = {[10] = 0xff, [11] = 0xff, 255, 255, 255, 255},
          .prefix_length = 128},
         "::ffff:255.255.255.255/128"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[NETWORK_TEXT_SIZE];

        allowed_ip_to_text(&cases[i].network, text);
        expect(strcmp(text, cases[i].text) == 0, "network %zu: %s", i, text);
    }
}

/* What doesn't fit is cut off, at whichever place, and noted. */
TEST(texts)
{
    static struct text text;
    static char full[TEXT_SIZE];

    memset(full, 'x', sizeof(full) - 1);
    for (size_t room = 0; room < 12; room++) {
        for (int print = 0; print < 2; print++) {
            memset(&text, 0, sizeof(text));
            text_add(&text, full + room);
            expect(!text.overflowed && text.length == TEXT_SIZE - 1 - room, "%zu: full", room);
            if (print)
                text_print(&text, "%s-%d", "abc", 4711);
            else
                text_add(&text, "abc-4711");
            expect(text.overflowed == (room < 8), "%zu, %d: noted", room, print);
            expect(text.length == TEXT_SIZE - 1 - (room < 8 ? 0 : room - 8), "%zu, %d: length %zu",
                   room, print, text.length);
            expect(strlen(text.bytes) == text.length, "%zu, %d: end", room, print);
        }
    }
}

/* As a whole: who reads it has a schema. */

static const struct link_view a_view = {
    .link = {.device = {.name = "wg-7-0",
                        .end = {7, 0},
                        .kind = KIND_KERNEL,
                        .finished = true,
                        .mtu = 1420},
             .up = true,
             .carrier = true,
             .received_bytes = UINT64_MAX,
             .received_packets = 1,
             .sent_bytes = 2,
             .sent_packets = 3,
             .dropped_packets = 4},
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
        view.status.allowed[i] = (struct allowed_ip){.ipv6 = true, .prefix_length = 128};
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

/* What a link is said to be, by what its device, its engine or the kernel tells. */
#include "helper/view/links.h"

#include "unit.h"

enum {
    UNFINISHED = 1 << 0,
    DOWN = 1 << 1,
    NO_CARRIER = 1 << 2,
    LOST = 1 << 3,
    KERNEL = 1 << 4,
    FUTURE = 1 << 5, /* the handshake is that much in the future */
    ELSEWHERE = 1 << 6,
};

/* The state of a link that is finished, up, an engine's, and has a carrier, but for these flags. */
static const struct {
    const char *what;
    unsigned int flags;
    unsigned int peers;
    int64_t ages[3];     /* of handshake, last received, unanswered: milliseconds; 0: never */
    uint64_t packets[2]; /* dropped, received */
    enum link_state state;
} states[] = {
    {"made", 0, 0, {0, 0, 0}, {0, 0}, STATE_WAITING},
    {"made in the kernel", KERNEL, 0, {0, 0, 0}, {0, 0}, STATE_WAITING},
    {"connected", 0, 1, {0, 0, 0}, {0, 0}, STATE_NO_HANDSHAKE},
    {"two peers", 0, 2, {0, 0, 0}, {0, 0}, STATE_NO_HANDSHAKE},
    {"spoken to, and never heard", 0, 1, {0, 0, 3600000}, {0, 0}, STATE_NO_HANDSHAKE},
    {"its handshakes come here", 0, 1, {0, 1, 0}, {0, 0}, STATE_NO_HANDSHAKE},
    {"a handshake of no peer", 0, 0, {1, 0, 0}, {0, 0}, STATE_WAITING},
    {"lost", LOST, 0, {0, 0, 0}, {0, 0}, STATE_ENGINE_LOST},
    {"down", DOWN, 1, {1, 0, 0}, {0, 0}, STATE_DOWN},
    {"down and lost", DOWN | LOST, 0, {0, 0, 0}, {0, 0}, STATE_DOWN},
    {"down, no carrier", DOWN | NO_CARRIER | KERNEL, 0, {0, 0, 0}, {0, 0}, STATE_DOWN},
    {"no carrier", NO_CARRIER | KERNEL, 1, {1, 0, 0}, {0, 0}, STATE_PORT_LOST},
    {"an engine's without carrier", NO_CARRIER, 1, {0, 0, 0}, {0, 0}, STATE_DOWN},
    {"lost without carrier", NO_CARRIER | LOST, 0, {0, 0, 0}, {0, 0}, STATE_ENGINE_LOST},
    {"unfinished", UNFINISHED, 0, {0, 0, 0}, {0, 0}, STATE_UNFINISHED},
    {"unfinished, all else",
     UNFINISHED | DOWN | NO_CARRIER | LOST,
     1,
     {1, 0, 0},
     {0, 0},
     STATE_UNFINISHED},
    /* An engine's: by what it has heard, however old the handshake is. */
    {"heard now", 0, 1, {1, 1, 0}, {0, 0}, STATE_CONNECTED},
    {"heard 30 s ago", 0, 1, {179000, 30000, 0}, {0, 0}, STATE_CONNECTED},
    {"heard 30.001 s ago", 0, 1, {40000, 30001, 0}, {0, 0}, STATE_IDLE},
    {"heard a year ago", 0, 1, {31536000000, 31536000000, 0}, {0, 0}, STATE_IDLE},
    {"asked a moment ago", 0, 1, {1000, 1000, 1}, {0, 0}, STATE_CONNECTED},
    {"asked 11.999 s ago", 0, 1, {12000, 12000, 11999}, {0, 0}, STATE_CONNECTED},
    {"asked 12 s ago", 0, 1, {12001, 12001, 12000}, {0, 0}, STATE_SILENT},
    {"asked after it was idle", 0, 1, {600000, 600000, 5}, {0, 0}, STATE_IDLE},
    {"asked a day ago", 0, 1, {90000000, 90000000, 86400000}, {0, 0}, STATE_SILENT},
    {"from another address", ELSEWHERE, 1, {1, 1, 0}, {1, 1000}, STATE_WRONG_ADDRESS},
    {"from another address, and then right", 0, 1, {1, 1, 0}, {1000, 1}, STATE_CONNECTED},
    {"from another address, and then silent",
     ELSEWHERE,
     1,
     {60000, 50000, 40000},
     {0, 0},
     STATE_WRONG_ADDRESS},
    /* The kernel's: by the handshake, and what the device has counted. */
    {"now", KERNEL, 1, {1, 0, 0}, {0, 0}, STATE_CONNECTED},
    {"11.999 s ago", KERNEL, 1, {11999, 0, 0}, {0, 0}, STATE_CONNECTED},
    {"12 s ago", KERNEL, 1, {12000, 0, 0}, {0, 0}, STATE_IN_SESSION},
    {"180 s ago", KERNEL, 1, {180000, 0, 0}, {0, 0}, STATE_IN_SESSION},
    {"180.001 s ago", KERNEL, 1, {180001, 0, 0}, {0, 0}, STATE_IDLE},
    {"a year ago", KERNEL, 1, {31536000000, 0, 0}, {0, 0}, STATE_IDLE},
    {"in the future", KERNEL | FUTURE, 1, {1000, 0, 0}, {0, 0}, STATE_IDLE},
    {"a handshake, and one dropped", KERNEL, 1, {1000, 0, 0}, {1, 1}, STATE_WRONG_ADDRESS},
    {"a handshake, a keepalive, two dropped", KERNEL, 1, {1000, 0, 0}, {2, 2}, STATE_WRONG_ADDRESS},
    {"half as many", KERNEL, 1, {1000, 0, 0}, {5, 10}, STATE_CONNECTED},
    {"more than half as many", KERNEL, 1, {1000, 0, 0}, {6, 11}, STATE_WRONG_ADDRESS},
};

TEST(states_of_links)
{
    for (size_t i = 0; i < COUNT(states); i++) {
        const unsigned int flags = states[i].flags;
        const int64_t handshake = states[i].ages[0];
        const struct link_status status = {
            .peers = states[i].peers,
            .has_handshake = handshake,
            .handshake_age_ms = flags & FUTURE ? -handshake : handshake,
            .has_received = states[i].ages[1],
            .received_age_ms = states[i].ages[1],
            .has_unanswered = states[i].ages[2],
            .unanswered_age_ms = states[i].ages[2],
            .from_elsewhere = flags & ELSEWHERE,
        };
        const struct link_seen link = {
            .device = {.finished = !(flags & UNFINISHED),
                       .kind = flags & KERNEL ? KIND_KERNEL : KIND_ENGINE},
            .up = !(flags & DOWN),
            .carrier = !(flags & NO_CARRIER),
            .counters.dropped_packets = states[i].packets[0],
            .counters.received_packets = states[i].packets[1],
        };
        enum link_state state = links_state(&link, flags & LOST ? NULL : &status);

        expect(state == states[i].state, "%s: %s", states[i].what, state_text(state));
    }
}

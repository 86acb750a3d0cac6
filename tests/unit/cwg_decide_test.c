#include "cwg/agent/end/decide.h"

#include <string.h>

#include "unit.h"

/* Keys by a digit. */
static struct key key(int number)
{
    struct key result = {.bytes = {(uint8_t)number}};

    return result;
}

/* A case is a link that is up and well at both ends, but for what it changes. */
#define WELL                                                                                       \
    .wanted = true, .running = true, .device = DEVICE_SOUND, .health = HEALTH_GOOD,                \
    .key = {.bytes = {1}}, .peer = {.bytes = {2}}, .told_up = true, .told_key = {.bytes = {1}},    \
    .told_peer = {.bytes = {2}}, .heard = true, .heard_up = true, .heard_key = {.bytes = {2}},     \
    .may_probe = true

#define CASE(name, decision_, state_, ...)                                                         \
    {                                                                                              \
        name, {WELL, __VA_ARGS__}, decision_, state_                                               \
    }

#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif

static const struct {
    const char *name;
    struct facts facts;
    enum decision decision;
    enum end_state state;
} cases[] = {
    CASE("a link that works is left alone", DO_NOTHING, END_CONNECTED, .wanted = true),
    CASE("whatever the other site says: down", DO_NOTHING, END_CONNECTED, .heard_up = false),
    CASE("or nothing", DO_NOTHING, END_CONNECTED, .heard = false),
    CASE("another key, though, is a link that doesn't work any more", DO_CONNECT, END_CONNECTING,
         .heard_key = {.bytes = {3}}),
    CASE("but not the key of an end that is gone", DO_NOTHING, END_CONNECTED,
         .heard_key = {.bytes = {3}}, .heard_up = false),

    CASE("off: it is removed", DO_DESTROY, END_OFF, .wanted = false),
    CASE("a spoiled one, too", DO_DESTROY, END_OFF, .wanted = false, .device = DEVICE_SPOILED),
    CASE("and not tried too often", DO_NOTHING, END_OFF, .wanted = false, .refused = true),
    CASE("then the other site is told", DO_TELL, END_OFF, .wanted = false, .device = DEVICE_NONE),
    CASE("and then nothing is left to do", DO_NOTHING, END_OFF, .wanted = false,
         .device = DEVICE_NONE, .told_up = false),
    CASE("off without its container", DO_TELL, END_OFF, .wanted = false, .running = false),

    CASE("the container has ended: told", DO_TELL, END_NO_CONTAINER, .running = false,
         .device = DEVICE_NONE),
    CASE("and waited for", DO_NOTHING, END_NO_CONTAINER, .running = false, .device = DEVICE_NONE,
         .told_up = false),
    CASE("told again, if the record that says so is lost", DO_TELL, END_NO_CONTAINER,
         .running = false, .device = DEVICE_NONE, .told_up = false, .told_lost = true),
    CASE("so is the record of one that is off", DO_TELL, END_OFF, .wanted = false,
         .device = DEVICE_NONE, .told_up = false, .told_lost = true),

    CASE("no device: one is made", DO_CREATE, END_CREATING, .device = DEVICE_NONE),
    CASE("even if the other site wasn't told of the old one's end", DO_CREATE, END_CREATING,
         .device = DEVICE_NONE, .told_up = true),
    CASE("a spoiled one is made anew", DO_REMAKE, END_CREATING, .device = DEVICE_SPOILED),
    CASE("one whose engine can't be asked may work", DO_NOTHING, END_REFUSED,
         .device = DEVICE_UNSEEN, .health = HEALTH_NONE),
    CASE("but goes with its declaration", DO_DESTROY, END_OFF, .device = DEVICE_UNSEEN,
         .wanted = false),
    CASE("refused: told", DO_TELL, END_REFUSED, .device = DEVICE_NONE, .refused = true),
    CASE("and not tried too often", DO_NOTHING, END_REFUSED, .device = DEVICE_NONE, .refused = true,
         .told_up = false),

    CASE("a new device: told", DO_TELL, END_CONNECTING, .told_up = false, .health = HEALTH_NONE),
    CASE("a new key: told", DO_TELL, END_CONNECTED, .told_key = {.bytes = {9}}),
    CASE("a new peer: told, so that the other end knows when to begin", DO_TELL, END_CONNECTED,
         .told_peer = {.bytes = {0}}),
    CASE("new addresses: told", DO_TELL, END_CONNECTED, .told_moved = true),

    CASE("a look that failed: nothing is known, changed or told", DO_NOTHING, END_REFUSED,
         .blind = true, .device = DEVICE_NONE, .told_moved = true),
    CASE("neither of an end that is off", DO_NOTHING, END_OFF, .blind = true, .wanted = false),
    CASE("nor of one that is wanted, whose container's engine isn't installed", DO_NOTHING,
         END_REFUSED, .blind = true, .no_engine = true, .running = false, .device = DEVICE_NONE),
    CASE("which isn't waited for if it is off", DO_TELL, END_OFF, .blind = true, .no_engine = true,
         .running = false, .device = DEVICE_NONE, .wanted = false),
    CASE("nor while the container's engine doesn't answer", DO_NOTHING, END_REFUSED, .blind = true,
         .running = false, .device = DEVICE_NONE),
    CASE("a preshared key is wanted: it is set, which ends no session", DO_CONNECT, END_CONNECTED,
         .secret_due = true),
    CASE("the same in a session", DO_CONNECT, END_IN_SESSION, .health = HEALTH_SESSION,
         .secret_due = true),
    CASE("it is refused: the link works all the same", DO_NOTHING, END_CONNECTED,
         .secret_due = true, .refused = true),
    CASE("so does a session", DO_NOTHING, END_IN_SESSION, .health = HEALTH_SESSION,
         .secret_due = true, .refused = true),
    CASE("one that is idle is probed", DO_PROBE, END_STALE, .health = HEALTH_IDLE,
         .secret_due = true, .refused = true),
    CASE("and is connected until the probe could tell", DO_NOTHING, END_CONNECTED,
         .health = HEALTH_IDLE, .in_doubt = true, .may_probe = false, .secret_due = true,
         .refused = true),
    CASE("not longer", DO_NOTHING, END_REFUSED, .health = HEALTH_IDLE, .may_probe = false,
         .secret_due = true, .refused = true),
    CASE("a link that may not work, and can't get its key", DO_NOTHING, END_REFUSED,
         .health = HEALTH_STALE, .secret_due = true, .refused = true),
    CASE("a link to another peer than it should have", DO_NOTHING, END_REFUSED,
         .heard_key = {.bytes = {3}}, .secret_due = true, .refused = true),
    CASE("another peer, and a preshared key", DO_CONNECT, END_CONNECTING,
         .heard_key = {.bytes = {3}}, .secret_due = true),
    CASE("and not while the other site says that its end is gone", DO_NOTHING, END_CONNECTED,
         .secret_due = true, .heard_up = false),

    CASE("no peer yet", DO_NOTHING, END_UNHEARD, .peer = {.bytes = {0}},
         .told_peer = {.bytes = {0}}, .heard = false, .heard_key = {.bytes = {0}},
         .heard_up = false, .health = HEALTH_NONE),
    CASE("the peer is down", DO_NOTHING, END_PEER_DOWN, .peer = {.bytes = {0}},
         .told_peer = {.bytes = {0}}, .heard_up = false, .health = HEALTH_NONE),
    CASE("the first peer", DO_CONNECT, END_CONNECTING, .peer = {.bytes = {0}},
         .told_peer = {.bytes = {0}}, .health = HEALTH_NONE),
    CASE("connecting was refused", DO_NOTHING, END_REFUSED, .peer = {.bytes = {0}},
         .told_peer = {.bytes = {0}}, .refused = true, .health = HEALTH_NONE),

    CASE("no answer yet: the next endpoint", DO_CONNECT, END_CONNECTING, .health = HEALTH_NONE,
         .may_move = true, .may_probe = false),
    CASE("connected, no handshake yet", DO_PROBE, END_CONNECTING, .health = HEALTH_NONE),
    CASE("it was just probed", DO_NOTHING, END_CONNECTING, .health = HEALTH_NONE,
         .may_probe = false),
    CASE("stale is probed first", DO_PROBE, END_STALE, .health = HEALTH_STALE),
    CASE("also if the other site says down", DO_PROBE, END_PEER_DOWN, .health = HEALTH_STALE,
         .heard_up = false),
    CASE("no answer: the next endpoint", DO_CONNECT, END_STALE, .health = HEALTH_STALE,
         .may_move = true, .may_probe = false),
    CASE("a session isn't called a connection", DO_NOTHING, END_IN_SESSION,
         .health = HEALTH_SESSION),
    CASE("nor is it touched", DO_NOTHING, END_IN_SESSION, .health = HEALTH_SESSION,
         .may_move = true),
    CASE("but for a new key", DO_CONNECT, END_CONNECTING, .health = HEALTH_SESSION,
         .heard_key = {.bytes = {9}}),
    CASE("a session, and the other site has told that its end is gone", DO_NOTHING, END_PEER_DOWN,
         .health = HEALTH_SESSION, .heard_up = false),
    CASE("not of a link that works", DO_NOTHING, END_CONNECTED, .may_move = true),
    CASE("and isn't touched between two probes", DO_NOTHING, END_STALE, .health = HEALTH_STALE,
         .may_probe = false),
    CASE("stale, and the other site has said why", DO_NOTHING, END_PEER_DOWN,
         .health = HEALTH_STALE, .may_probe = false, .heard_up = false),
    CASE("idle is probed, and called stale", DO_PROBE, END_STALE, .health = HEALTH_IDLE),
    CASE("but not at once if it was connected", DO_PROBE, END_CONNECTED, .health = HEALTH_IDLE,
         .in_doubt = true),
    CASE("nor while it waits for the other end's probe", DO_NOTHING, END_CONNECTED,
         .health = HEALTH_IDLE, .in_doubt = true, .may_probe = false),
    CASE("an overdue answer is no doubt", DO_PROBE, END_STALE, .health = HEALTH_STALE,
         .in_doubt = true),
    CASE("nor is an end that is said to be gone", DO_PROBE, END_PEER_DOWN, .health = HEALTH_IDLE,
         .in_doubt = true, .heard_up = false),
    CASE("a new endpoint for one that is idle", DO_CONNECT, END_STALE, .health = HEALTH_IDLE,
         .may_move = true, .may_probe = false),
    CASE("stale, and nothing was ever heard", DO_NOTHING, END_STALE, .health = HEALTH_STALE,
         .may_probe = false, .heard = false),
};

TEST(each_case_has_its_decision_and_its_state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct verdict verdict = decide(&cases[i].facts);

        expect(verdict.decision == cases[i].decision, "%s: decision %d", cases[i].name,
               verdict.decision);
        expect(verdict.state == cases[i].state, "%s: %s", cases[i].name,
               end_state_text(verdict.state));
    }
}

/* Does a decision to the facts, as well as it can be done. */
static void obey(struct facts *facts, enum decision decision)
{
    const struct key fresh = key(7);

    switch (decision) {
    case DO_CREATE:
    case DO_REMAKE:
        facts->device = DEVICE_SOUND;
        facts->key = fresh;
        facts->peer = key(0);
        facts->health = HEALTH_NONE;
        break;
    case DO_DESTROY:
        facts->device = DEVICE_NONE;
        break;
    case DO_TELL:
        facts->told_up = facts->wanted && facts->running && facts->device == DEVICE_SOUND;
        facts->told_key = facts->key;
        facts->told_peer = facts->peer;
        facts->told_moved = false;
        break;
    case DO_CONNECT:
        facts->peer = facts->heard_key;
        facts->health = HEALTH_NONE;
        break;
    case DO_PROBE:
        facts->health = HEALTH_GOOD;
        break;
    case DO_NOTHING:
    default:
        break;
    }
}

/* Any facts come to rest in a few steps; and with all that it takes, they rest connected. */
TEST(all_facts_come_to_rest)
{
    for (unsigned bits = 0; bits < 1U << 16; bits++) {
        struct facts facts = {
            .wanted = bits & 1,
            .running = bits >> 1 & 1,
            .refused = bits >> 2 & 1,
            .device = (enum decide_device)(bits >> 3 & 3),
            .health = (enum decide_health)(bits >> 5 & 3),
            .key = key((int)(bits >> 7 & 1)),
            .peer = key((int)(bits >> 8 & 1) * 2),
            .told_up = bits >> 9 & 1,
            .told_key = key((int)(bits >> 10 & 1)),
            .told_moved = bits >> 11 & 1,
            .heard = bits >> 12 & 1,
            .heard_up = bits >> 13 & 1,
            .heard_key = key(2 + (int)(bits >> 14 & 1)),
            .may_probe = bits >> 15 & 1,
        };
        struct verdict verdict = decide(&facts);
        const bool whole = facts.wanted && facts.running && !facts.refused && facts.heard &&
                           facts.device != DEVICE_UNSEEN && facts.heard_up && facts.may_probe;
        int steps = 0;

        for (; verdict.decision != DO_NOTHING && steps < 10; steps++) {
            obey(&facts, verdict.decision);
            verdict = decide(&facts);
        }
        expect(steps < 6, "%x: no rest", bits);
        expect(!whole || verdict.state == END_CONNECTED || verdict.state == END_IN_SESSION,
               "%x: %s", bits, end_state_text(verdict.state));
    }
}

#include "engine/protocol/session.h"

#include <string.h>

#include "engine/crypto/aead.h"
#include "unit.h"

enum {
    STEPS_MAX = 8,
    NONE = 0,
};

static const int64_t start = 1000 * SECONDS;

static struct noise_keys keys_of(uint32_t local, bool initiator)
{
    struct noise_keys keys = {.local = local, .remote = local + 1000, .initiator = initiator};

    memset(keys.send, (int)local, sizeof(keys.send));
    memset(keys.receive, (int)(local + 1), sizeof(keys.receive));
    return keys;
}

/* What happens, with the index that it is about. */
enum step_kind {
    END,
    INITIATOR, /* a session by a handshake that we began */
    RESPONDER,
    CROSSED,  /* as responder, while our own handshake had no answer */
    RECEIVED, /* a packet for it */
    WIPE,
};

struct step {
    enum step_kind kind;
    uint32_t local;
};

/* Which sessions are then where: add_new_keypair() and wg_noise_received_with_keypair() of the
 * kernel's driver, but for handshakes that cross. */
static const struct {
    const char *what;
    struct step steps[STEPS_MAX];
    uint32_t current;
    uint32_t previous;
    uint32_t next;
    bool own; /* of two that cross, ours is preferred */
} cases[] = {
    {"nothing", {{END, 0}}, NONE, NONE, NONE, false},
    {"initiator", {{INITIATOR, 1}}, 1, NONE, NONE, false},
    {"responder", {{RESPONDER, 1}}, NONE, NONE, 1, false},
    {"confirmed", {{RESPONDER, 1}, {RECEIVED, 1}}, 1, NONE, NONE, false},
    {"confirmed twice", {{RESPONDER, 1}, {RECEIVED, 1}, {RECEIVED, 1}}, 1, NONE, NONE, false},
    {"two as initiator", {{INITIATOR, 1}, {INITIATOR, 2}}, 2, 1, NONE, false},
    {"three as initiator", {{INITIATOR, 1}, {INITIATOR, 2}, {INITIATOR, 3}}, 3, 2, NONE, false},
    {"then as responder", {{INITIATOR, 1}, {RESPONDER, 2}}, 1, NONE, 2, false},
    {"the one before goes", {{INITIATOR, 1}, {INITIATOR, 2}, {RESPONDER, 3}}, 2, NONE, 3, false},
    {"the old one confirms nothing",
     {{INITIATOR, 1}, {RESPONDER, 2}, {RECEIVED, 1}},
     1,
     NONE,
     2,
     false},
    {"the new one does", {{INITIATOR, 1}, {RESPONDER, 2}, {RECEIVED, 2}}, 2, 1, NONE, false},
    {"another before that", {{INITIATOR, 1}, {RESPONDER, 2}, {RESPONDER, 3}}, 1, NONE, 3, false},
    {"as initiator before that", {{INITIATOR, 1}, {RESPONDER, 2}, {INITIATOR, 3}}, 3, 1, 2, false},
    {"the same, from nothing", {{RESPONDER, 2}, {INITIATOR, 3}}, 3, NONE, 2, false},
    {"the waiting one is used late",
     {{INITIATOR, 1}, {RESPONDER, 2}, {INITIATOR, 3}, {RECEIVED, 2}},
     3,
     1,
     2,
     false},
    {"rekeys as responder",
     {{RESPONDER, 1}, {RECEIVED, 1}, {RESPONDER, 2}, {RECEIVED, 2}, {RESPONDER, 3}, {RECEIVED, 3}},
     3,
     2,
     NONE,
     false},
    {"all three in use",
     {{INITIATOR, 1}, {RESPONDER, 2}, {RECEIVED, 2}, {RESPONDER, 3}},
     2,
     NONE,
     3,
     false},
    {"crossed, ours", {{INITIATOR, 1}, {CROSSED, 2}, {INITIATOR, 3}}, 3, 1, 2, true},
    {"crossed, ours, both used",
     {{INITIATOR, 1}, {CROSSED, 2}, {INITIATOR, 3}, {RECEIVED, 2}, {RECEIVED, 3}},
     3,
     1,
     2,
     true},
    {"crossed, the peer's", {{INITIATOR, 1}, {CROSSED, 2}, {INITIATOR, 3}}, 3, 1, 2, false},
    {"crossed, the peer's, both used",
     {{INITIATOR, 1}, {CROSSED, 2}, {INITIATOR, 3}, {RECEIVED, 2}, {RECEIVED, 3}},
     2,
     3,
     NONE,
     false},
    {"crossed, and long ago",
     {{CROSSED, 2}, {INITIATOR, 3}, {INITIATOR, 4}, {RECEIVED, 2}},
     4,
     3,
     2,
     false},
    {"crossed, ours has no answer",
     {{INITIATOR, 1}, {CROSSED, 2}, {RECEIVED, 2}},
     2,
     1,
     NONE,
     true},
    {"crossed, first", {{CROSSED, 2}, {RECEIVED, 2}}, 2, NONE, NONE, true},
    {"crossed, and overtaken, ours",
     {{INITIATOR, 1}, {RESPONDER, 2}, {RECEIVED, 2}, {RECEIVED, 1}},
     1,
     2,
     NONE,
     true},
    {"crossed, and overtaken, the peer's",
     {{INITIATOR, 1}, {RESPONDER, 2}, {RECEIVED, 2}, {RECEIVED, 1}},
     2,
     1,
     NONE,
     false},
    {"wiped", {{INITIATOR, 1}, {INITIATOR, 2}, {RESPONDER, 3}, {WIPE, 0}}, NONE, NONE, NONE, false},
    {"after that",
     {{INITIATOR, 1}, {WIPE, 0}, {RESPONDER, 2}, {RECEIVED, 2}},
     2,
     NONE,
     NONE,
     false},
};

static void take(struct sessions *sessions, const struct step *step, bool own)
{
    struct noise_keys keys = keys_of(step->local, step->kind == INITIATOR);
    struct session *with;

    keys.crossed = step->kind == CROSSED;
    keys.preferred = own == keys.initiator;
    switch (step->kind) {
    case INITIATOR:
    case RESPONDER:
    case CROSSED:
        sessions_begin(sessions, &keys, start);
        break;
    case RECEIVED:
        with = sessions_find(sessions, step->local, start);
        if (with) {
            bool waited = with == sessions->next;
            bool leads = sessions_received(sessions, with);

            expect(leads == (waited && with == sessions->current), "index %u", step->local);
        } else {
            expect(false, "no session with index %u", step->local);
        }
        break;
    case WIPE:
        sessions_wipe(sessions);
        break;
    case END:
        break;
    }
}

static uint32_t index_of(const struct session *session)
{
    return session->there ? session->local : NONE;
}

TEST(slots)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sessions sessions;

        if (!sessions_init(&sessions))
            unit_trouble("sessions_init");
        for (size_t k = 0; k < STEPS_MAX; k++)
            take(&sessions, &cases[i].steps[k], cases[i].own);
        expect(index_of(sessions.current) == cases[i].current &&
                   index_of(sessions.previous) == cases[i].previous &&
                   index_of(sessions.next) == cases[i].next,
               "case %zu, %s: %u, %u, %u", i, cases[i].what, index_of(sessions.current),
               index_of(sessions.previous), index_of(sessions.next));
        expect(sessions.current != sessions.previous && sessions.previous != sessions.next &&
                   sessions.next != sessions.current,
               "case %zu, %s: one slot twice", i, cases[i].what);
        for (uint32_t local = 0; local < 5; local++) {
            bool there = local != NONE && (local == cases[i].current ||
                                           local == cases[i].previous || local == cases[i].next);
            const struct session *found = sessions_find(&sessions, local, start);

            expect(sessions_have(&sessions, local) == there && !!found == there,
                   "case %zu, %s: index %u", i, cases[i].what, local);
            expect(!found || (found->local == local && found->remote == local + 1000 &&
                              found->counter == 0 && found->replay.next == 0),
                   "case %zu, %s: index %u isn't new", i, cases[i].what, local);
        }
        expect(sessions_exist(&sessions) ==
                   (cases[i].current || cases[i].previous || cases[i].next),
               "case %zu, %s: none", i, cases[i].what);
        expect(sessions_for_sending(&sessions, start) ==
                   (cases[i].current ? sessions.current : NULL),
               "case %zu, %s: sending", i, cases[i].what);
        sessions_free(&sessions);
    }
}

/* A packet of the previous session changes nothing if the current one came long after it. */
TEST(far_apart)
{
    for (int after = 0; after < 10; after++) {
        struct noise_keys first = keys_of(1, true), second = keys_of(2, false);
        struct sessions sessions;
        struct session *previous;

        if (!sessions_init(&sessions))
            unit_trouble("sessions_init");
        first.preferred = true;
        sessions_begin(&sessions, &first, start);
        sessions_begin(&sessions, &second, start + after * SECONDS);
        expect(sessions_received(&sessions, sessions.next), "%d s: not confirmed", after);
        previous = sessions.previous;
        expect(!sessions_received(&sessions, previous), "%d s: confirmed", after);
        expect((sessions.current == previous) == (after < 2), "%d s", after);
        sessions_free(&sessions);
    }
}

enum {
    SENDING = 1,
    RECEIVING = 2,
    BOTH = SENDING | RECEIVING,
};

/* Which directions of a session are under these keys. */
static int has_keys(const struct session *session, uint32_t local)
{
    struct noise_keys keys = keys_of(local, true);
    struct aead *other = aead_new();
    uint8_t plain[4] = {1, 2, 3, 4}, sealed[4 + AEAD_TAG_SIZE], opened[4];
    int right = 0;

    if (!other)
        unit_trouble("aead_new");
    aead_seal(session->send, 7, plain, sizeof(plain), sealed);
    aead_set_key(other, keys.send);
    if (aead_open(other, 7, sealed, sizeof(sealed), opened))
        right |= SENDING;
    aead_set_key(other, keys.receive);
    aead_seal(other, 8, plain, sizeof(plain), sealed);
    if (aead_open(session->receive, 8, sealed, sizeof(sealed), opened))
        right |= RECEIVING;
    aead_free(other);
    return right;
}

TEST(keys)
{
    struct noise_keys first = keys_of(1, true), second = keys_of(2, true),
                      third = keys_of(3, false);
    struct sessions sessions;

    if (!sessions_init(&sessions))
        unit_trouble("sessions_init");
    sessions_begin(&sessions, &first, start);
    expect(has_keys(sessions.current, 1) == BOTH, "the first");
    sessions_begin(&sessions, &second, start);
    expect(has_keys(sessions.current, 2) == BOTH && has_keys(sessions.previous, 1) == BOTH,
           "the second");
    sessions_begin(&sessions, &third, start);
    expect(has_keys(sessions.current, 2) == BOTH && has_keys(sessions.next, 3) == BOTH,
           "the third");
    expect(!has_keys(sessions.previous, 1), "keys that should be forgotten");
    sessions_wipe(&sessions);
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t local = 1; local <= 3; local++)
            expect(!has_keys(&sessions.slot[i], local), "slot %u, key %u", i, local);
    sessions_free(&sessions);
}

/* A slot that was used holds nothing of that. */
TEST(used_slots)
{
    struct noise_keys first = keys_of(1, true);
    struct sessions sessions;

    if (!sessions_init(&sessions))
        unit_trouble("sessions_init");
    for (uint32_t i = 1; i < 8; i++) {
        first.local = i;
        sessions_begin(&sessions, &first, start);
        expect(sessions.current->counter == 0, "number %u: counter", i);
        expect(replay_accept(&sessions.current->replay, 5), "number %u: replay", i);
        sessions.current->counter = 77;
    }
    sessions_free(&sessions);
}

static const struct {
    int64_t age;
    uint64_t counter;
    bool sends;
    bool receives;
} limits[] = {
    {0, 0, true, true},
    {180 * SECONDS - 1, 0, true, true},
    {180 * SECONDS, 0, false, false},
    {181 * SECONDS, 0, false, false},
    {0, REJECT_AFTER_MESSAGES - 1, true, true},
    {0, REJECT_AFTER_MESSAGES, false, true},
    {0, UINT64_MAX, false, true},
};

TEST(ends)
{
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct noise_keys first = keys_of(1, true);
        struct sessions sessions;

        if (!sessions_init(&sessions))
            unit_trouble("sessions_init");
        sessions_begin(&sessions, &first, start);
        sessions.current->counter = limits[i].counter;
        expect(!!sessions_for_sending(&sessions, start + limits[i].age) == limits[i].sends,
               "case %zu: sending", i);
        expect(!!sessions_find(&sessions, 1, start + limits[i].age) == limits[i].receives,
               "case %zu: receiving", i);
        sessions_free(&sessions);
    }
    expect(REJECT_AFTER_MESSAGES == UINT64_C(0xffffffffffffdfff), "2^64 - 2^13 - 1");
}

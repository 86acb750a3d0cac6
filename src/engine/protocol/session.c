#include "engine/protocol/session.h"

#include "engine/crypto/aead.h"

/* Two handshakes cross within a round trip, or they don't cross. */
#define CROSSING_MAX (2 * SECONDS)

static void forget(struct session *session)
{
    aead_wipe(session->send);
    aead_wipe(session->receive);
    session->there = false;
    session->local = 0;
    session->remote = 0;
}

bool sessions_init(struct sessions *sessions)
{
    bool good = true;

    *sessions = (struct sessions){0};
    for (int i = 0; i < 3; i++) {
        sessions->slot[i].send = aead_new();
        sessions->slot[i].receive = aead_new();
        good = good && sessions->slot[i].send && sessions->slot[i].receive;
    }
    sessions->current = &sessions->slot[0];
    sessions->previous = &sessions->slot[1];
    sessions->next = &sessions->slot[2];
    if (!good)
        sessions_free(sessions);
    return good;
}

void sessions_free(struct sessions *sessions)
{
    for (int i = 0; i < 3; i++) {
        aead_free(sessions->slot[i].send);
        aead_free(sessions->slot[i].receive);
    }
    *sessions = (struct sessions){0};
}

/* Moves the session of `b` to `a`. The session that was in `a` is forgotten; its slot is free in
 * `b`. */
static void move(struct session **a, struct session **b)
{
    struct session *freed = *a;

    forget(freed);
    *a = *b;
    *b = freed;
}

/* A next session that waits stays: the peer may be using it (sessions_received()). */
void sessions_begin(struct sessions *sessions, const struct noise_keys *keys, int64_t now)
{
    struct session *session;

    if (keys->initiator) {
        move(&sessions->previous, &sessions->current);
        session = sessions->current;
    } else {
        session = sessions->next;
        forget(sessions->previous);
    }
    forget(session);
    aead_set_key(session->send, keys->send);
    aead_set_key(session->receive, keys->receive);
    replay_init(&session->replay);
    session->counter = 0;
    session->local = keys->local;
    session->remote = keys->remote;
    session->initiator = keys->initiator;
    session->crossed = keys->crossed;
    session->preferred = keys->preferred;
    session->birth = now;
    session->number = ++sessions->begun;
    session->there = true;
}

struct session *sessions_find(struct sessions *sessions, uint32_t local, int64_t now)
{
    for (int i = 0; i < 3; i++) {
        struct session *session = &sessions->slot[i];

        if (session->there && session->local == local)
            return now - session->birth < REJECT_AFTER_TIME ? session : NULL;
    }
    return NULL;
}

/* Returns whether the next session, of which a packet has come, is to be the current one. If the
 * next is the older of the two, the peer will turn to the current one as soon as it knows. But of
 * two sessions that crossed, where this end's own was answered later, both ends take the preferred
 * one. */
static bool next_leads(const struct sessions *sessions)
{
    const struct session *current = sessions->current, *next = sessions->next;

    if (!current->there || next->number > current->number)
        return true;
    return next->crossed && next->number + 1 == current->number && next->preferred;
}

/* Returns whether the previous session is to be the current one again. If datagrams overtake each
 * other, each end may send by the other one of two sessions that crossed: a packet of the previous
 * session shows that. */
static bool previous_leads(const struct sessions *sessions)
{
    const struct session *current = sessions->current, *previous = sessions->previous;

    return previous->preferred && current->initiator != previous->initiator &&
           previous->number + 1 == current->number &&
           current->birth - previous->birth < CROSSING_MAX;
}

static void swap(struct session **a, struct session **b)
{
    struct session *kept = *a;

    *a = *b;
    *b = kept;
}

bool sessions_received(struct sessions *sessions, const struct session *with)
{
    if (with == sessions->next && next_leads(sessions)) {
        move(&sessions->previous, &sessions->current);
        move(&sessions->current, &sessions->next);
        return true;
    }
    if (with == sessions->previous && previous_leads(sessions))
        swap(&sessions->previous, &sessions->current);
    return false;
}

struct session *sessions_for_sending(struct sessions *sessions, int64_t now)
{
    struct session *session = sessions->current;

    if (!session->there || now - session->birth >= REJECT_AFTER_TIME ||
        session->counter >= REJECT_AFTER_MESSAGES)
        return NULL;
    return session;
}

bool sessions_exist(const struct sessions *sessions)
{
    return sessions->current->there || sessions->previous->there || sessions->next->there;
}

bool sessions_have(const struct sessions *sessions, uint32_t local)
{
    for (int i = 0; i < 3; i++) {
        if (sessions->slot[i].there && sessions->slot[i].local == local)
            return true;
    }
    return false;
}

void sessions_wipe(struct sessions *sessions)
{
    for (int i = 0; i < 3; i++)
        forget(&sessions->slot[i]);
}

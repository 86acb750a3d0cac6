/* Sessions: two keys and their counters, which a handshake has agreed on (the paper,
 * sections 5.4.5, 5.4.6 and 6; wg_noise_handshake_begin_session() and
 * wg_noise_received_with_keypair() in drivers/net/wireguard/noise.c). Pure: the time is given, in
 * nanoseconds of CLOCK_BOOTTIME. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/protocol/noise.h"
#include "engine/protocol/replay.h"

struct aead;

#define SECONDS INT64_C(1000000000)

/* The paper, section 6.1. */
#define REKEY_AFTER_MESSAGES  (UINT64_C(1) << 60)
#define REJECT_AFTER_MESSAGES (UINT64_MAX - (UINT64_C(1) << 13))
#define REKEY_AFTER_TIME      (120 * SECONDS)
#define REJECT_AFTER_TIME     (180 * SECONDS)

struct session {
    bool there;
    bool initiator; /* this end has begun the handshake */
    bool crossed;   /* these two as in struct noise_keys */
    bool preferred;
    uint32_t local; /* index in messages to this end; never 0 */
    uint32_t remote;
    int64_t birth;
    uint64_t number; /* greater than the number of any session before */
    struct aead *send;
    struct aead *receive;
    uint64_t counter; /* of the next packet to be sent */
    struct replay replay;
};

/* This end sends by the current session. The previous session still receives what is on its way.
 * The next session, of which this end was the responder, waits for the initiator to use it first.
 *
 * Both ends may begin a handshake before either has seen the other's. Then each end gets a session
 * as initiator and another as responder, in either order. Each sends by its own session until it
 * has seen that the peer has both; then both send by the preferred one. (The kernel's driver, as
 * responder, forgets the handshake that it had begun. Then there is one session, the other end's.)
 */
struct sessions {
    struct session *current;
    struct session *previous;
    struct session *next;
    struct session slot[3];
    uint64_t begun;
};

/* Allocates what libcrypto needs. Returns false if there is no memory. */
bool sessions_init(struct sessions *sessions);
void sessions_free(struct sessions *sessions);

/* Adds the session of a handshake. The initiator may send by it at once, the responder may not. */
void sessions_begin(struct sessions *sessions, const struct noise_keys *keys, int64_t now);

/* Returns the session that a message with this receiver index is for, if it may still receive; else
 * NULL. */
struct session *sessions_find(struct sessions *sessions, uint32_t local, int64_t now);

/* Notes that an authentic packet was received. Returns true if it was the first of the next
 * session, which then becomes the current one. */
bool sessions_received(struct sessions *sessions, const struct session *with);

/* Returns the current session if it may still send; else NULL. */
struct session *sessions_for_sending(struct sessions *sessions, int64_t now);

bool sessions_exist(const struct sessions *sessions);
/* Returns whether a session has this index. */
bool sessions_have(const struct sessions *sessions, uint32_t local);

/* Forgets all keys. */
void sessions_wipe(struct sessions *sessions);

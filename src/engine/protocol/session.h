/* Sessions: what a handshake ends in, two keys and their counters (the paper, sections 5.4.5, 5.4.6
 * and 6; wg_noise_handshake_begin_session() and wg_noise_received_with_keypair() in
 * drivers/net/wireguard/noise.c). Pure: the time is given, in nanoseconds of CLOCK_BOOTTIME. */
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
    bool initiator; /* of the handshake it came of */
    bool crossed;   /* struct noise_keys has these two */
    bool preferred;
    uint32_t local; /* index in what we receive; never 0 */
    uint32_t remote;
    int64_t birth;
    uint64_t number; /* greater than that of any session before */
    struct aead *send;
    struct aead *receive;
    uint64_t counter; /* of the next packet we send */
    struct replay replay;
};

/* We send by the current one. The previous one still receives what is on its way. The next one, if
 * we were the responder, waits for the initiator to use it first.
 *
 * Both ends may begin a handshake before either has seen the other's. Then each end gets a session
 * as initiator, and one as responder, in either order. Each sends by its own until it has seen that
 * the peer has both; then both send by the preferred one. (The kernel's driver, as responder,
 * forgets what it had begun: there is but one session, the other end's, and it is taken as it
 * comes.) */
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

/* Takes in the outcome of a handshake. The initiator may use it at once, the responder may not. */
void sessions_begin(struct sessions *sessions, const struct noise_keys *keys, int64_t now);

/* The one that a message with this receiver index is for, if it may still receive; else NULL. */
struct session *sessions_find(struct sessions *sessions, uint32_t local, int64_t now);

/* To be told of each packet that was received and is authentic. Returns true if the packet was the
 * first of the next session, and that is the current one from now on. */
bool sessions_received(struct sessions *sessions, const struct session *with);

/* The current one, if it may still send; else NULL. */
struct session *sessions_for_sending(struct sessions *sessions, int64_t now);

bool sessions_exist(const struct sessions *sessions);
/* Whether an index is that of a session. */
bool sessions_have(const struct sessions *sessions, uint32_t local);

/* Forgets all keys. */
void sessions_wipe(struct sessions *sessions);

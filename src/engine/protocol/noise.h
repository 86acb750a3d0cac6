/* The handshake: Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (the paper, sections 5.4.1 to 5.4.5). Pure:
 * no clock, no socket. Replays of initiations are refused here, because to be new is part of being
 * authentic; rates, cookies and timers are elsewhere. mac1 and mac2 are neither checked nor written
 * here: see cookie.h. A message's type is checked; its sender's index is protected by mac1 alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/io/clock.h"
#include "link/key.h"

enum {
    NOISE_HASH_SIZE = 32,
};

enum message_type {
    MESSAGE_INITIATION = 1,
    MESSAGE_RESPONSE = 2,
    MESSAGE_COOKIE = 3,
    MESSAGE_DATA = 4,
};

/* Messages as they are on the wire, their numbers in little-endian. Indices elsewhere are in host
 * byte order. */
struct message_macs {
    uint8_t mac1[16];
    uint8_t mac2[16];
};

struct message_initiation {
    uint32_t type;
    uint32_t sender;
    uint8_t ephemeral[KEY_SIZE];
    uint8_t sealed_static[KEY_SIZE + 16];
    uint8_t sealed_timestamp[CLOCK_TIMESTAMP_SIZE + 16];
    struct message_macs macs;
};

struct message_response {
    uint32_t type;
    uint32_t sender;
    uint32_t receiver;
    uint8_t ephemeral[KEY_SIZE];
    uint8_t sealed_nothing[16];
    struct message_macs macs;
};

struct message_cookie {
    uint32_t type;
    uint32_t receiver;
    uint8_t nonce[24];
    uint8_t sealed_cookie[16 + 16];
};

struct message_data {
    uint32_t type;
    uint32_t receiver;
    uint64_t counter;
    uint8_t sealed[];
};

/* This end's key, the one peer, and the handshakes under way. Made at start, with libcrypto's
 * objects in it. At most two handshakes are under way: the one that this end has begun, and the one
 * of the peer's that it answers. The two don't touch each other: if both ends begin at once, each
 * still takes the other's response. */
struct noise;

enum noise_state {
    NOISE_NOTHING,
    NOISE_SENT_INITIATION,
    NOISE_RECEIVED_INITIATION,
    NOISE_SENT_RESPONSE,
    NOISE_RECEIVED_RESPONSE,
};

/* Makes an object with this private key (in tests), or, for NULL, with a new one, which never
 * leaves the object. Returns NULL without memory or randomness. */
struct noise *noise_new(const struct key *private_key);
void noise_free(struct noise *noise); /* wipes it */

const struct key *noise_public_key(const struct noise *noise);

/* Makes `peer` the one peer, without a preshared key, and forgets handshakes, timestamps and all of
 * another peer before. The same peer again changes nothing. Returns false, and changes nothing, if
 * the key gives no shared secret (a point of small order). */
bool noise_set_peer(struct noise *noise, const struct key *peer);
const struct key *noise_peer(const struct noise *noise); /* NULL if there is none */
void noise_set_preshared_key(struct noise *noise, const struct key *preshared);
bool noise_has_preshared_key(const struct noise *noise);

/* Initiator: begins a handshake, in the place of the last one that this end has begun. `local` is
 * the index by which the peer is to address this end. Returns false without randomness or peer. */
bool noise_make_initiation(struct noise *noise, uint32_t local,
                           const uint8_t timestamp[static CLOCK_TIMESTAMP_SIZE],
                           struct message_initiation *ret_message);

enum noise_verdict {
    NOISE_ACCEPTED,
    NOISE_FORGED,   /* not from the peer */
    NOISE_REPLAYED, /* from the peer, but not newer than one seen before */
};

/* Responder: reads an initiation. If it is accepted, this handshake takes the place of the last one
 * that the peer has begun; else nothing changes. */
enum noise_verdict noise_read_initiation(struct noise *noise,
                                         const struct message_initiation *message);
bool noise_make_response(struct noise *noise, uint32_t local, struct message_response *ret_message);

/* Initiator: reads the response to this end's initiation. */
enum noise_verdict noise_read_response(struct noise *noise, const struct message_response *message);

/* Returns the state of the handshake that the peer has begun; if there is none, of this end's. */
enum noise_state noise_state(const struct noise *noise);
/* Returns this end's index in the handshake that it has begun; if there is none, in the peer's; 0
 * if there is neither. */
uint32_t noise_local_index(const struct noise *noise);

struct noise_keys {
    uint8_t send[32];
    uint8_t receive[32];
    uint32_t local;  /* index */
    uint32_t remote; /* index */
    bool initiator;
    /* A handshake that this end had begun was without an answer when it answered the peer's. */
    bool crossed;
    /* Of two handshakes that cross, both ends prefer the one that the end with the lower public key
     * has begun. */
    bool preferred;
};

/* Derives the transport keys after a response was made or read, and wipes the handshake. The caller
 * wipes *ret_keys. Returns false, and writes nothing, in any other state. */
bool noise_begin_session(struct noise *noise, struct noise_keys *ret_keys);

/* Forgets the handshake that this end has begun, ephemeral key and all: its response is no longer
 * taken. */
void noise_abandon_initiation(struct noise *noise);
/* Forgets both handshakes. */
void noise_abandon(struct noise *noise);

/* The handshake: Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (the paper, sections 5.4.1 to 5.4.5). Pure:
 * no clock, no socket, no policy (replays of initiations are refused here, since that is part of
 * what authenticates them; rates, cookies and timers are elsewhere). mac1 and mac2 are not looked
 * at, and left zero: cookie.h. The type of a message is looked at; its sender's index is under no
 * more than mac1. */
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

/* What goes over the wire. Numbers are little-endian there; the indices are kept as bytes on the
 * wire are read: by le32toh(). */
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

/* Ourselves, and the one peer. Made at start; libcrypto's objects are in it. At most two handshakes
 * are under way: the one that we have begun, and the one of the peer's that we answer. The two
 * don't touch each other. So if both ends begin at once, each still takes the other's response. */
struct noise;

enum noise_state {
    NOISE_NOTHING,
    NOISE_SENT_INITIATION,
    NOISE_RECEIVED_INITIATION,
    NOISE_SENT_RESPONSE,
    NOISE_RECEIVED_RESPONSE,
};

/* Makes an object with a new key pair of its own. The private key never leaves it. Returns NULL if
 * there is no memory or no randomness. */
struct noise *noise_new(void);
/* For tests: with a given private key. */
struct noise *noise_new_with(const struct key *private_key);
void noise_free(struct noise *noise); /* wipes it */

const struct key *noise_public_key(const struct noise *noise);

/* Makes `peer` the one peer, with no preshared key: forgets the handshake, timestamps and all of
 * the one before, unless it is the same. Returns false, and changes nothing, if the key is one that
 * gives no shared secret (a point of small order). */
bool noise_set_peer(struct noise *noise, const struct key *peer);
bool noise_has_peer(const struct noise *noise);
const struct key *noise_peer(const struct noise *noise);
void noise_set_preshared_key(struct noise *noise, const struct key *preshared);
bool noise_has_preshared_key(const struct noise *noise);

/* Initiator: begins a handshake, in the place of the last one that we began. `local` is the index
 * by which we want to be addressed. Returns false without randomness or peer. */
bool noise_make_initiation(struct noise *noise, uint32_t local,
                           const uint8_t timestamp[static CLOCK_TIMESTAMP_SIZE],
                           struct message_initiation *ret_message);

enum noise_verdict {
    NOISE_ACCEPTED,
    NOISE_FORGED,   /* not from the peer */
    NOISE_REPLAYED, /* from the peer, but not newer than one seen before */
};

/* Responder: if accepted, this handshake takes the place of the last one that the peer began. On
 * anything else nothing changes: work on locals, commit on success. */
enum noise_verdict noise_read_initiation(struct noise *noise,
                                         const struct message_initiation *message);
bool noise_make_response(struct noise *noise, uint32_t local, struct message_response *ret_message);

/* Initiator: the response to our initiation. */
enum noise_verdict noise_read_response(struct noise *noise, const struct message_response *message);

/* Of the handshake that the peer began; if there is none, of the one that we began. */
enum noise_state noise_state(const struct noise *noise);
/* Our index of the handshake that we began; if there is none, of the one that the peer began; 0 if
 * there is neither. */
uint32_t noise_local_index(const struct noise *noise);

struct noise_keys {
    uint8_t send[32];
    uint8_t receive[32];
    uint32_t local;  /* index */
    uint32_t remote; /* index */
    bool initiator;
    /* Whether a handshake that we began was without an answer when the peer's was answered. */
    bool crossed;
    /* Of two handshakes that cross, both ends prefer the one that was begun by the end with the
     * lower public key. */
    bool preferred;
};

/* Derives the transport keys after a response was made or read, and wipes the handshake. The
 * caller wipes *ret_keys. Returns false, and writes nothing, in any other state. */
bool noise_begin_session(struct noise *noise, struct noise_keys *ret_keys);

/* Forgets the handshake that we began, ephemeral key and all: its response is not taken any more.
 */
void noise_abandon_initiation(struct noise *noise);
/* Forgets both handshakes. */
void noise_abandon(struct noise *noise);

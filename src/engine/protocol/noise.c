#include "engine/protocol/noise.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/crypto/aead.h"
#include "engine/crypto/curve.h"
#include "engine/crypto/hash.h"
#include "engine/io/random.h"

_Static_assert(sizeof(struct message_initiation) == 148, "padding");
_Static_assert(sizeof(struct message_response) == 92, "padding");
_Static_assert(sizeof(struct message_data) == 16, "padding");

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";

/* The paper's C and H: the chaining key, and the hash of all messages so far. */
struct transcript {
    uint8_t chain[HASH_SIZE];
    uint8_t hash[NOISE_HASH_SIZE];
};

struct handshake {
    enum noise_state state;
    struct transcript transcript;
    struct curve_pair ephemeral; /* ours */
    struct key remote_ephemeral;
    uint32_t local; /* indices */
    uint32_t remote;
};

struct noise {
    struct curve_pair own;
    struct transcript to_us; /* how handshakes begin: up to the responder's static key */
    struct transcript to_peer;
    bool has_peer;
    struct key peer;
    struct key preshared;
    uint8_t static_static[CURVE_SECRET_SIZE];
    uint8_t last_timestamp[CLOCK_TIMESTAMP_SIZE];
    struct handshake begun;  /* by us */
    struct handshake answer; /* to the one that the peer began */
    struct aead *scratch;
};

/* ---- The transcript ---- */

static void mix_hash(struct transcript *transcript, const uint8_t *bytes, size_t length)
{
    hash_join(transcript->hash, NOISE_HASH_SIZE, bytes, length, transcript->hash);
}

static void begin_transcript(struct transcript *transcript, const struct key *responder)
{
    hash_join((const uint8_t *)construction, sizeof(construction) - 1, NULL, 0, transcript->chain);
    memcpy(transcript->hash, transcript->chain, NOISE_HASH_SIZE);
    mix_hash(transcript, (const uint8_t *)identifier, sizeof(identifier) - 1);
    mix_hash(transcript, responder->bytes, KEY_SIZE);
}

/* Mixes a secret into the chain. ret_key is NULL if no key is needed before the next secret. */
static void mix_key(struct transcript *transcript, const uint8_t secret[static CURVE_SECRET_SIZE],
                    uint8_t *ret_key)
{
    hash_kdf(transcript->chain, secret, CURVE_SECRET_SIZE, transcript->chain, ret_key, NULL);
}

static bool mix_shared(struct transcript *transcript, const struct curve_pair *own,
                       const struct key *other, uint8_t *ret_key)
{
    uint8_t secret[CURVE_SECRET_SIZE];

    if (!curve_share(own, other, secret))
        return false;
    mix_key(transcript, secret, ret_key);
    OPENSSL_cleanse(secret, sizeof(secret));
    return true;
}

static void mix_ephemeral(struct transcript *transcript, const uint8_t ephemeral[static KEY_SIZE])
{
    mix_hash(transcript, ephemeral, KEY_SIZE);
    hash_kdf(transcript->chain, ephemeral, KEY_SIZE, transcript->chain, NULL, NULL);
}

static void mix_preshared(struct transcript *transcript, const struct key *preshared,
                          uint8_t ret_key[static AEAD_KEY_SIZE])
{
    uint8_t tau[HASH_SIZE];

    hash_kdf(transcript->chain, preshared->bytes, KEY_SIZE, transcript->chain, tau, ret_key);
    mix_hash(transcript, tau, sizeof(tau));
    OPENSSL_cleanse(tau, sizeof(tau));
}

static void seal_part(const struct noise *noise, struct transcript *transcript,
                      const uint8_t key[static AEAD_KEY_SIZE], const uint8_t *plain, size_t length,
                      uint8_t *ret_sealed)
{
    aead_seal_once(noise->scratch, key, 0, plain, length, transcript->hash, NOISE_HASH_SIZE,
                   ret_sealed);
    mix_hash(transcript, ret_sealed, length + AEAD_TAG_SIZE);
}

/* Opens a sealed part; `length` includes the tag. */
static bool open_part(const struct noise *noise, struct transcript *transcript,
                      const uint8_t key[static AEAD_KEY_SIZE], const uint8_t *sealed, size_t length,
                      uint8_t *ret_plain)
{
    if (!aead_open_once(noise->scratch, key, 0, sealed, length, transcript->hash, NOISE_HASH_SIZE,
                        ret_plain))
        return false;
    mix_hash(transcript, sealed, length);
    return true;
}

/* ---- The handshakes under way ---- */

static void wipe_handshake(struct handshake *handshake)
{
    curve_pair_wipe(&handshake->ephemeral);
    OPENSSL_cleanse(handshake, sizeof(*handshake));
}

void noise_abandon_initiation(struct noise *noise)
{
    wipe_handshake(&noise->begun);
}

void noise_abandon(struct noise *noise)
{
    wipe_handshake(&noise->begun);
    wipe_handshake(&noise->answer);
}

/* Puts a handshake that was prepared in a local in the place of one of the two. */
static void commit(struct handshake *place, struct handshake *next)
{
    wipe_handshake(place);
    *place = *next;
    *next = (struct handshake){0};
}

/* Makes a new key pair. */
static bool make_pair(struct curve_pair *ret_pair)
{
    struct key private_key = {0};
    bool made = false;

    if (!random_bytes(private_key.bytes, KEY_SIZE)) {
        key_clamp(&private_key);
        made = curve_pair_make(&private_key, ret_pair);
    }
    OPENSSL_cleanse(&private_key, sizeof(private_key));
    return made;
}

/* ---- Ourselves and the peer ---- */

struct noise *noise_new(const struct key *private_key)
{
    struct noise *noise = hash_start() && curve_start() ? calloc(1, sizeof(*noise)) : NULL;

    if (!noise)
        return NULL;
    noise->scratch = aead_new();
    if (!noise->scratch ||
        !(private_key ? curve_pair_make(private_key, &noise->own) : make_pair(&noise->own))) {
        noise_free(noise);
        return NULL;
    }
    begin_transcript(&noise->to_us, &noise->own.public_key);
    return noise;
}

void noise_free(struct noise *noise)
{
    if (!noise)
        return;
    noise_abandon(noise);
    curve_pair_wipe(&noise->own);
    aead_free(noise->scratch);
    OPENSSL_cleanse(noise, sizeof(*noise));
    free(noise);
}

const struct key *noise_public_key(const struct noise *noise)
{
    return &noise->own.public_key;
}

bool noise_set_peer(struct noise *noise, const struct key *peer)
{
    uint8_t secret[CURVE_SECRET_SIZE];

    if (noise->has_peer && key_equal(&noise->peer, peer))
        return true;
    if (!curve_share(&noise->own, peer, secret))
        return false;
    noise_abandon(noise);
    OPENSSL_cleanse(&noise->preshared, sizeof(noise->preshared));
    memset(noise->last_timestamp, 0, sizeof(noise->last_timestamp));
    memcpy(noise->static_static, secret, sizeof(secret));
    OPENSSL_cleanse(secret, sizeof(secret));
    noise->peer = *peer;
    noise->has_peer = true;
    begin_transcript(&noise->to_peer, peer);
    return true;
}

const struct key *noise_peer(const struct noise *noise)
{
    return noise->has_peer ? &noise->peer : NULL;
}

void noise_set_preshared_key(struct noise *noise, const struct key *preshared)
{
    noise->preshared = *preshared;
}

bool noise_has_preshared_key(const struct noise *noise)
{
    return !key_is_zero(&noise->preshared);
}

/* ---- The initiation ---- */

/* The paper's section 5.4.2; the names of the steps are those of Noise. */
static bool write_initiation(const struct noise *noise, struct handshake *handshake,
                             const uint8_t timestamp[static CLOCK_TIMESTAMP_SIZE],
                             struct message_initiation *message)
{
    struct transcript *transcript = &handshake->transcript;
    uint8_t key[AEAD_KEY_SIZE];

    /* e */
    if (!make_pair(&handshake->ephemeral))
        return false;
    memcpy(message->ephemeral, handshake->ephemeral.public_key.bytes, KEY_SIZE);
    mix_ephemeral(transcript, message->ephemeral);
    /* es */
    if (!mix_shared(transcript, &handshake->ephemeral, &noise->peer, key))
        return false;
    /* s */
    seal_part(noise, transcript, key, noise->own.public_key.bytes, KEY_SIZE,
              message->sealed_static);
    /* ss */
    mix_key(transcript, noise->static_static, key);
    seal_part(noise, transcript, key, timestamp, CLOCK_TIMESTAMP_SIZE, message->sealed_timestamp);
    OPENSSL_cleanse(key, sizeof(key));
    return true;
}

bool noise_make_initiation(struct noise *noise, uint32_t local,
                           const uint8_t timestamp[static CLOCK_TIMESTAMP_SIZE],
                           struct message_initiation *ret_message)
{
    struct handshake next = {
        .state = NOISE_SENT_INITIATION,
        .transcript = noise->to_peer,
        .local = local,
    };
    struct message_initiation message = {
        .type = htole32(MESSAGE_INITIATION),
        .sender = htole32(local),
    };
    bool made = noise->has_peer && write_initiation(noise, &next, timestamp, &message);

    if (made) {
        commit(&noise->begun, &next);
        *ret_message = message;
    }
    wipe_handshake(&next);
    return made;
}

static bool open_initiation(const struct noise *noise, const struct message_initiation *message,
                            struct handshake *handshake,
                            uint8_t ret_timestamp[static CLOCK_TIMESTAMP_SIZE])
{
    struct transcript *transcript = &handshake->transcript;
    struct key sender;
    uint8_t key[AEAD_KEY_SIZE];
    bool right = false;

    /* e */
    memcpy(handshake->remote_ephemeral.bytes, message->ephemeral, KEY_SIZE);
    mix_ephemeral(transcript, message->ephemeral);
    /* es */
    if (!mix_shared(transcript, &noise->own, &handshake->remote_ephemeral, key))
        goto out;
    /* s */
    if (!open_part(noise, transcript, key, message->sealed_static, sizeof(message->sealed_static),
                   sender.bytes))
        goto out;
    if (CRYPTO_memcmp(&sender, &noise->peer, sizeof(sender)) != 0)
        goto out;
    /* ss */
    mix_key(transcript, noise->static_static, key);
    right = open_part(noise, transcript, key, message->sealed_timestamp,
                      sizeof(message->sealed_timestamp), ret_timestamp);
out:
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(&sender, sizeof(sender)); /* the protocol hides identities */
    return right;
}

enum noise_verdict noise_read_initiation(struct noise *noise,
                                         const struct message_initiation *message)
{
    struct handshake next = {
        .state = NOISE_RECEIVED_INITIATION,
        .transcript = noise->to_us,
        .remote = le32toh(message->sender),
    };
    uint8_t timestamp[CLOCK_TIMESTAMP_SIZE];
    enum noise_verdict verdict = NOISE_FORGED;

    if (!noise->has_peer || le32toh(message->type) != MESSAGE_INITIATION)
        return NOISE_FORGED;
    if (open_initiation(noise, message, &next, timestamp))
        verdict = memcmp(timestamp, noise->last_timestamp, sizeof(timestamp)) > 0 ? NOISE_ACCEPTED
                                                                                  : NOISE_REPLAYED;
    if (verdict == NOISE_ACCEPTED) {
        memcpy(noise->last_timestamp, timestamp, sizeof(timestamp));
        commit(&noise->answer, &next);
    }
    wipe_handshake(&next);
    return verdict;
}

/* ---- The response ---- */

/* The paper's section 5.4.3. */
static bool write_response(const struct noise *noise, struct handshake *handshake,
                           struct message_response *message)
{
    struct transcript *transcript = &handshake->transcript;
    uint8_t key[AEAD_KEY_SIZE];

    /* e */
    if (!make_pair(&handshake->ephemeral))
        return false;
    memcpy(message->ephemeral, handshake->ephemeral.public_key.bytes, KEY_SIZE);
    mix_ephemeral(transcript, message->ephemeral);
    /* ee */
    if (!mix_shared(transcript, &handshake->ephemeral, &handshake->remote_ephemeral, NULL))
        return false;
    /* se */
    if (!mix_shared(transcript, &handshake->ephemeral, &noise->peer, NULL))
        return false;
    /* psk */
    mix_preshared(transcript, &noise->preshared, key);
    seal_part(noise, transcript, key, NULL, 0, message->sealed_nothing);
    OPENSSL_cleanse(key, sizeof(key));
    return true;
}

bool noise_make_response(struct noise *noise, uint32_t local, struct message_response *ret_message)
{
    struct handshake next = {
        .state = NOISE_SENT_RESPONSE,
        .transcript = noise->answer.transcript,
        .remote_ephemeral = noise->answer.remote_ephemeral,
        .local = local,
        .remote = noise->answer.remote,
    };
    struct message_response message = {
        .type = htole32(MESSAGE_RESPONSE),
        .sender = htole32(local),
        .receiver = htole32(noise->answer.remote),
    };
    bool made =
        noise->answer.state == NOISE_RECEIVED_INITIATION && write_response(noise, &next, &message);

    if (made) {
        commit(&noise->answer, &next);
        *ret_message = message;
    }
    wipe_handshake(&next);
    return made;
}

static bool open_response(const struct noise *noise, const struct message_response *message,
                          struct transcript *transcript)
{
    struct key ephemeral;
    uint8_t key[AEAD_KEY_SIZE];
    uint8_t nothing[1];
    bool right;

    /* e */
    memcpy(ephemeral.bytes, message->ephemeral, KEY_SIZE);
    mix_ephemeral(transcript, message->ephemeral);
    /* ee */
    if (!mix_shared(transcript, &noise->begun.ephemeral, &ephemeral, NULL))
        return false;
    /* se */
    if (!mix_shared(transcript, &noise->own, &ephemeral, NULL))
        return false;
    /* psk */
    mix_preshared(transcript, &noise->preshared, key);
    right = open_part(noise, transcript, key, message->sealed_nothing,
                      sizeof(message->sealed_nothing), nothing);
    OPENSSL_cleanse(key, sizeof(key));
    return right;
}

enum noise_verdict noise_read_response(struct noise *noise, const struct message_response *message)
{
    struct handshake next = {
        .state = NOISE_RECEIVED_RESPONSE,
        .transcript = noise->begun.transcript,
        .local = noise->begun.local,
        .remote = le32toh(message->sender),
    };
    bool right = noise->begun.state == NOISE_SENT_INITIATION &&
                 le32toh(message->type) == MESSAGE_RESPONSE &&
                 le32toh(message->receiver) == noise->begun.local &&
                 open_response(noise, message, &next.transcript);

    if (right)
        commit(&noise->begun, &next);
    wipe_handshake(&next);
    return right ? NOISE_ACCEPTED : NOISE_FORGED;
}

/* ---- The session ---- */

enum noise_state noise_state(const struct noise *noise)
{
    return noise->answer.state != NOISE_NOTHING ? noise->answer.state : noise->begun.state;
}

uint32_t noise_local_index(const struct noise *noise)
{
    return noise->begun.state != NOISE_NOTHING ? noise->begun.local : noise->answer.local;
}

/* Public keys are no secrets, and may be compared in any way. */
static bool is_preferred(const struct noise *noise, bool initiator)
{
    bool own = memcmp(noise->own.public_key.bytes, noise->peer.bytes, KEY_SIZE) < 0;

    return initiator == own;
}

/* The paper's section 5.4.5: the initiator sends by the first key. */
bool noise_begin_session(struct noise *noise, struct noise_keys *ret_keys)
{
    bool initiator = noise->answer.state != NOISE_SENT_RESPONSE;
    struct handshake *handshake = initiator ? &noise->begun : &noise->answer;

    if (initiator && handshake->state != NOISE_RECEIVED_RESPONSE)
        return false;
    hash_kdf(handshake->transcript.chain, NULL, 0, initiator ? ret_keys->send : ret_keys->receive,
             initiator ? ret_keys->receive : ret_keys->send, NULL);
    ret_keys->local = handshake->local;
    ret_keys->remote = handshake->remote;
    ret_keys->initiator = initiator;
    ret_keys->crossed = !initiator && noise->begun.state == NOISE_SENT_INITIATION;
    ret_keys->preferred = is_preferred(noise, initiator);
    wipe_handshake(handshake);
    return true;
}

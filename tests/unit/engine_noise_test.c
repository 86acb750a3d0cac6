#include "engine/protocol/noise.h"

#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum {
    INITIATOR_INDEX = 0x01020304,
    RESPONDER_INDEX = 0x0a0b0c0d,
};

/* Two ends that know each other. */
struct ends {
    struct noise *initiator;
    struct noise *responder;
};

struct timestamp {
    uint8_t bytes[CLOCK_TIMESTAMP_SIZE];
};

static struct noise *new_end(void)
{
    struct noise *noise = noise_new(NULL);

    if (!noise)
        unit_trouble("noise_new");
    return noise;
}

static struct ends new_ends(void)
{
    struct ends ends = {new_end(), new_end()};

    expect(noise_set_peer(ends.initiator, noise_public_key(ends.responder)), "peer refused");
    expect(noise_set_peer(ends.responder, noise_public_key(ends.initiator)), "peer refused");
    return ends;
}

static void free_ends(struct ends *ends)
{
    noise_free(ends->initiator);
    noise_free(ends->responder);
}

/* Frees both in the end. */
#define ENDS __attribute__((cleanup(free_ends))) struct ends

static struct timestamp at(uint32_t second)
{
    struct timestamp timestamp = {{0x40}};

    second = htobe32(second);
    memcpy(timestamp.bytes + 4, &second, sizeof(second));
    return timestamp;
}

static struct message_initiation initiate(struct noise *noise, uint32_t second)
{
    struct timestamp timestamp = at(second);
    struct message_initiation message = {0};

    expect(noise_make_initiation(noise, INITIATOR_INDEX, timestamp.bytes, &message),
           "second %u: no initiation", second);
    return message;
}

static struct message_response respond(struct noise *noise)
{
    struct message_response message = {0};

    expect(noise_make_response(noise, RESPONDER_INDEX, &message), "no response");
    return message;
}

/* Whether both have the same session. */
static void expect_session(struct ends *ends, const char *what)
{
    struct noise_keys initiator = {0};
    struct noise_keys responder = {0};

    expect(noise_begin_session(ends->initiator, &initiator), "%s: initiator", what);
    expect(noise_begin_session(ends->responder, &responder), "%s: responder", what);
    expect(memcmp(initiator.send, responder.receive, sizeof(initiator.send)) == 0, "%s: to", what);
    expect(memcmp(initiator.receive, responder.send, sizeof(initiator.send)) == 0, "%s: fro", what);
    expect(memcmp(initiator.send, initiator.receive, sizeof(initiator.send)) != 0, "%s: one key",
           what);
    expect(initiator.local == INITIATOR_INDEX && initiator.remote == RESPONDER_INDEX,
           "%s: initiator's indices", what);
    expect(responder.local == RESPONDER_INDEX && responder.remote == INITIATOR_INDEX,
           "%s: responder's indices", what);
    expect(initiator.initiator && !responder.initiator, "%s: roles", what);
    expect(noise_state(ends->initiator) == NOISE_NOTHING, "%s: initiator's state", what);
    expect(noise_state(ends->responder) == NOISE_NOTHING, "%s: responder's state", what);
}

static void expect_handshake(struct ends *ends, uint32_t second, const char *what)
{
    struct message_initiation initiation = initiate(ends->initiator, second);
    struct message_response response;

    expect(noise_read_initiation(ends->responder, &initiation) == NOISE_ACCEPTED, "%s: initiation",
           what);
    response = respond(ends->responder);
    expect(noise_read_response(ends->initiator, &response) == NOISE_ACCEPTED, "%s: response", what);
    expect_session(ends, what);
}

static struct key key_of(uint8_t byte)
{
    struct key key;

    memset(key.bytes, byte, KEY_SIZE);
    return key;
}

/* ---- What goes right ---- */

TEST(handshakes)
{
    ENDS ends = new_ends();
    struct ends swapped = {ends.responder, ends.initiator};
    struct key preshared = key_of(9);
    struct key none = key_of(0);

    expect(!noise_has_preshared_key(ends.initiator), "a preshared key from the start");
    expect_handshake(&ends, 1, "no preshared key");
    expect_handshake(&swapped, 1, "the other way");
    expect_handshake(&ends, 2, "a second time");
    noise_set_preshared_key(ends.initiator, &preshared);
    noise_set_preshared_key(ends.responder, &preshared);
    expect(noise_has_preshared_key(ends.initiator), "no preshared key");
    expect_handshake(&ends, 3, "preshared key");
    noise_set_preshared_key(ends.initiator, &none);
    noise_set_preshared_key(ends.responder, &none);
    expect(!noise_has_preshared_key(ends.initiator), "a preshared key of zeros");
    expect_handshake(&ends, 4, "no preshared key any more");
}

/* What an end says of itself on the way. */
TEST(states)
{
    ENDS ends = new_ends();
    struct message_initiation initiation;
    struct message_response response;

    expect(noise_state(ends.initiator) == NOISE_NOTHING, "at first");
    expect(noise_local_index(ends.initiator) == 0, "index at first");
    initiation = initiate(ends.initiator, 1);
    expect(le32toh(initiation.type) == MESSAGE_INITIATION, "type of the initiation");
    expect(le32toh(initiation.sender) == INITIATOR_INDEX, "sender of the initiation");
    expect(noise_state(ends.initiator) == NOISE_SENT_INITIATION, "initiator");
    expect(noise_local_index(ends.initiator) == INITIATOR_INDEX, "initiator's index");
    noise_read_initiation(ends.responder, &initiation);
    expect(noise_state(ends.responder) == NOISE_RECEIVED_INITIATION, "responder");
    expect(noise_local_index(ends.responder) == 0, "responder's index, before it has one");
    response = respond(ends.responder);
    expect(le32toh(response.type) == MESSAGE_RESPONSE, "type of the response");
    expect(le32toh(response.sender) == RESPONDER_INDEX, "sender of the response");
    expect(le32toh(response.receiver) == INITIATOR_INDEX, "receiver of the response");
    expect(noise_state(ends.responder) == NOISE_SENT_RESPONSE, "responder, later");
    expect(noise_local_index(ends.responder) == RESPONDER_INDEX, "responder's index");
    noise_read_response(ends.initiator, &response);
    expect(noise_state(ends.initiator) == NOISE_RECEIVED_RESPONSE, "initiator, later");
    expect(noise_local_index(ends.initiator) == INITIATOR_INDEX, "initiator's index, later");
    expect_session(&ends, "session");
    expect(noise_local_index(ends.initiator) == 0, "index at last");
}

/* Keys, messages and sessions are never the same twice. */
TEST(always_new)
{
    ENDS ends = new_ends();
    struct message_initiation one = initiate(ends.initiator, 1);
    struct message_initiation other = initiate(ends.initiator, 1);

    expect(!key_equal(noise_public_key(ends.initiator), noise_public_key(ends.responder)), "keys");
    expect(memcmp(one.ephemeral, other.ephemeral, KEY_SIZE) != 0, "ephemeral keys");
    expect(memcmp(one.sealed_static, other.sealed_static, sizeof(one.sealed_static)) != 0,
           "sealed keys");
}

/* ---- In a wrong state ---- */

/* What can't be done changes neither the end nor the place for the result. */
static void expect_nothing_to_do(struct noise *noise, bool response, bool session, const char *what)
{
    static const struct message_response no_response;
    static const struct noise_keys no_keys;
    struct message_response message = {0};
    struct noise_keys keys = {0};
    enum noise_state state = noise_state(noise);
    uint32_t local = noise_local_index(noise);

    if (response) {
        expect(!noise_make_response(noise, 5, &message), "%s: a response", what);
        expect(memcmp(&message, &no_response, sizeof(message)) == 0, "%s: written", what);
    }
    if (session) {
        expect(!noise_begin_session(noise, &keys), "%s: a session", what);
        expect(memcmp(&keys, &no_keys, sizeof(keys)) == 0, "%s: keys written", what);
    }
    expect(noise_state(noise) == state && noise_local_index(noise) == local, "%s: state", what);
}

TEST(wrong_state)
{
    ENDS ends = new_ends();
    struct message_initiation initiation;
    struct message_response response;

    expect_nothing_to_do(ends.initiator, true, true, "nothing");
    initiation = initiate(ends.initiator, 1);
    expect_nothing_to_do(ends.initiator, true, true, "sent initiation");
    noise_read_initiation(ends.responder, &initiation);
    expect_nothing_to_do(ends.responder, false, true, "received initiation");
    response = respond(ends.responder);
    expect_nothing_to_do(ends.responder, true, false, "sent response");
    expect(noise_read_response(ends.responder, &response) == NOISE_FORGED, "own response");
    noise_read_response(ends.initiator, &response);
    expect_nothing_to_do(ends.initiator, true, false, "received response");
    expect(noise_read_response(ends.initiator, &response) == NOISE_FORGED, "a second time");
    expect_session(&ends, "after all");
    expect_nothing_to_do(ends.initiator, true, true, "initiator at the end");
    expect_nothing_to_do(ends.responder, true, true, "responder at the end");
    expect(noise_read_response(ends.initiator, &response) == NOISE_FORGED, "a third time");
}

TEST(no_peer)
{
    ENDS ends = new_ends();
    struct noise *alone = new_end();
    struct message_initiation message = {0};
    struct message_initiation none = {0};
    struct timestamp timestamp = at(1);

    expect(!noise_peer(alone), "a peer from the start");
    expect(!noise_make_initiation(alone, 1, timestamp.bytes, &message), "an initiation");
    expect(memcmp(&message, &none, sizeof(none)) == 0, "written");
    noise_set_peer(ends.initiator, noise_public_key(alone));
    message = initiate(ends.initiator, 1);
    expect(noise_read_initiation(alone, &message) == NOISE_FORGED, "an initiation read");
    expect(noise_state(alone) == NOISE_NOTHING, "state");
    noise_free(alone);
    noise_free(NULL);
}

/* ---- Forgeries ---- */

/* The sender's index is under mac1 only, and the MACs are not this module's. */
static bool is_authentic(size_t place, size_t macs)
{
    return place < offsetof(struct message_initiation, sender) ||
           (place >= offsetof(struct message_initiation, sender) + sizeof(uint32_t) &&
            place < macs);
}

TEST(each_bit_of_an_initiation)
{
    ENDS ends = new_ends();
    struct message_initiation right = initiate(ends.initiator, 1);
    struct message_response response;

    for (size_t bit = 0; bit < sizeof(right) * 8; bit++) {
        struct message_initiation wrong = right;

        if (!is_authentic(bit / 8, offsetof(struct message_initiation, macs)))
            continue;
        ((uint8_t *)&wrong)[bit / 8] ^= (uint8_t)(1U << bit % 8);
        /* of a key's coordinate, the uppermost bit isn't looked at; but it is hashed */
        expect(noise_read_initiation(ends.responder, &wrong) == NOISE_FORGED, "bit %zu", bit);
        expect(noise_state(ends.responder) == NOISE_NOTHING, "bit %zu: state", bit);
    }
    expect(noise_read_initiation(ends.responder, &right) == NOISE_ACCEPTED, "the right one");
    response = respond(ends.responder);
    expect(noise_read_response(ends.initiator, &response) == NOISE_ACCEPTED, "response");
    expect_session(&ends, "session");
}

TEST(each_bit_of_a_response)
{
    ENDS ends = new_ends();
    struct message_initiation initiation = initiate(ends.initiator, 1);
    struct message_response right;

    noise_read_initiation(ends.responder, &initiation);
    right = respond(ends.responder);
    for (size_t bit = 0; bit < sizeof(right) * 8; bit++) {
        struct message_response wrong = right;

        if (!is_authentic(bit / 8, offsetof(struct message_response, macs)))
            continue;
        ((uint8_t *)&wrong)[bit / 8] ^= (uint8_t)(1U << bit % 8);
        expect(noise_read_response(ends.initiator, &wrong) == NOISE_FORGED, "bit %zu", bit);
        expect(noise_state(ends.initiator) == NOISE_SENT_INITIATION, "bit %zu: state", bit);
    }
    expect(noise_read_response(ends.initiator, &right) == NOISE_ACCEPTED, "the right one");
    expect_session(&ends, "session");
}

/* A forgery doesn't disturb the handshake that is under way on the same end. */
TEST(forged_meanwhile)
{
    ENDS ends = new_ends();
    struct noise *stranger = new_end();
    struct message_initiation initiation = initiate(ends.initiator, 1);
    struct message_initiation strange;
    struct message_response response;

    noise_set_peer(stranger, noise_public_key(ends.responder));
    strange = initiate(stranger, 1000);
    noise_read_initiation(ends.responder, &initiation);
    expect(noise_read_initiation(ends.responder, &strange) == NOISE_FORGED, "a stranger");
    expect(noise_state(ends.responder) == NOISE_RECEIVED_INITIATION, "state");
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_REPLAYED, "a replay");
    expect(noise_state(ends.responder) == NOISE_RECEIVED_INITIATION, "state after the replay");
    response = respond(ends.responder);
    expect(noise_read_initiation(ends.responder, &strange) == NOISE_FORGED, "a stranger, later");
    noise_set_peer(stranger, noise_public_key(ends.initiator));
    strange = initiate(stranger, 1000);
    expect(noise_read_initiation(ends.initiator, &strange) == NOISE_FORGED, "a second stranger");
    expect(noise_read_response(ends.initiator, &response) == NOISE_ACCEPTED, "response");
    expect_session(&ends, "session");
    expect_handshake(&ends, 2, "the stranger's timestamp wasn't kept");
    noise_free(stranger);
}

/* Points of small order in the place of an ephemeral key: no secret comes of them. */
TEST(small_order)
{
    ENDS ends = new_ends();
    struct key zero = key_of(0);
    struct key one = {{1}};
    struct key own_peer = *noise_peer(ends.initiator);
    struct message_initiation initiation = initiate(ends.initiator, 1);
    struct message_response response = {.type = htole32(MESSAGE_RESPONSE),
                                        .receiver = htole32(INITIATOR_INDEX)};

    expect(noise_read_response(ends.initiator, &response) == NOISE_FORGED, "response");
    memset(initiation.ephemeral, 0, KEY_SIZE);
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_FORGED, "initiation");
    expect(!noise_set_peer(ends.initiator, &zero), "peer of zeros");
    expect(!noise_set_peer(ends.initiator, &one), "peer of one");
    expect(key_equal(noise_peer(ends.initiator), &own_peer), "the peer is another");
    expect(noise_state(ends.initiator) == NOISE_SENT_INITIATION, "the handshake is no more");
}

TEST(other_preshared_key)
{
    ENDS ends = new_ends();
    struct key preshared = key_of(9);
    struct message_initiation initiation;
    struct message_response response;

    noise_set_preshared_key(ends.initiator, &preshared);
    initiation = initiate(ends.initiator, 1);
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_ACCEPTED, "initiation");
    response = respond(ends.responder);
    expect(noise_read_response(ends.initiator, &response) == NOISE_FORGED, "response");
    noise_set_preshared_key(ends.responder, &preshared);
    expect_handshake(&ends, 2, "the same on both");
}

/* ---- Replays ---- */

static const struct {
    uint32_t second;
    enum noise_verdict verdict;
} seconds[] = {
    {100, NOISE_ACCEPTED},        {100, NOISE_REPLAYED},        {99, NOISE_REPLAYED},
    {101, NOISE_ACCEPTED},        {0, NOISE_REPLAYED},          {100, NOISE_REPLAYED},
    {0x00ffffff, NOISE_ACCEPTED}, {0x01000000, NOISE_ACCEPTED}, {0x00ffffff, NOISE_REPLAYED},
};

TEST(timestamps)
{
    ENDS ends = new_ends();
    struct timestamp zero = {{0}};
    struct timestamp last = {{0}};
    struct message_initiation message;

    expect(noise_make_initiation(ends.initiator, 1, zero.bytes, &message), "zero");
    expect(noise_read_initiation(ends.responder, &message) == NOISE_REPLAYED, "zero taken");
    for (size_t i = 0; i < COUNT(seconds); i++) {
        message = initiate(ends.initiator, seconds[i].second);
        expect(noise_read_initiation(ends.responder, &message) == seconds[i].verdict, "case %zu",
               i);
    }
    /* down to the last byte */
    last = at(0x01000000);
    for (uint8_t i = 1; i < 4; i++) {
        last.bytes[CLOCK_TIMESTAMP_SIZE - 1] = i;
        noise_make_initiation(ends.initiator, 1, last.bytes, &message);
        expect(noise_read_initiation(ends.responder, &message) == NOISE_ACCEPTED, "byte %u", i);
        expect(noise_read_initiation(ends.responder, &message) == NOISE_REPLAYED, "byte %u, again",
               i);
    }
}

/* The response to an initiation that was given up isn't for the next one. */
TEST(late_response)
{
    ENDS ends = new_ends();
    struct message_initiation initiation = initiate(ends.initiator, 1);
    struct message_response late;
    struct message_response response;

    noise_read_initiation(ends.responder, &initiation);
    late = respond(ends.responder);
    initiation = initiate(ends.initiator, 2); /* by the same index */
    expect(noise_read_response(ends.initiator, &late) == NOISE_FORGED, "a late response");
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_ACCEPTED, "initiation");
    response = respond(ends.responder);
    response.receiver = htole32(INITIATOR_INDEX + 1);
    expect(noise_read_response(ends.initiator, &response) == NOISE_FORGED, "another's index");
    response.receiver = htole32(INITIATOR_INDEX);
    expect(noise_read_response(ends.initiator, &response) == NOISE_ACCEPTED, "response");
    expect_session(&ends, "session");
}

/* Both begin at once: each takes the other's response, and there are two sessions. */
TEST(crossing)
{
    ENDS ends = new_ends();
    struct message_initiation one = initiate(ends.initiator, 1);
    struct message_initiation other = initiate(ends.responder, 1);
    struct message_response to_one, to_other;
    struct noise_keys keys[4];

    expect(noise_read_initiation(ends.responder, &one) == NOISE_ACCEPTED, "initiation");
    expect(noise_state(ends.responder) == NOISE_RECEIVED_INITIATION, "state");
    expect(noise_make_response(ends.responder, RESPONDER_INDEX, &to_one), "response");
    expect(noise_begin_session(ends.responder, &keys[0]), "as responder");
    expect(noise_state(ends.responder) == NOISE_SENT_INITIATION, "state, later");
    expect(noise_read_initiation(ends.initiator, &other) == NOISE_ACCEPTED, "the other initiation");
    expect(noise_make_response(ends.initiator, RESPONDER_INDEX + 1, &to_other), "other response");
    expect(noise_begin_session(ends.initiator, &keys[1]), "the other as responder");
    expect(noise_read_response(ends.initiator, &to_one) == NOISE_ACCEPTED, "read");
    expect(noise_begin_session(ends.initiator, &keys[2]), "as initiator");
    expect(noise_read_response(ends.responder, &to_other) == NOISE_ACCEPTED, "the other read");
    expect(noise_begin_session(ends.responder, &keys[3]), "the other as initiator");
    for (int i = 0; i < 2; i++) {
        const struct noise_keys *responders = &keys[i], *initiators = &keys[2 + i];

        expect(memcmp(responders->send, initiators->receive, 32) == 0 &&
                   memcmp(responders->receive, initiators->send, 32) == 0,
               "keys of session %d", i);
        expect(responders->crossed && !initiators->crossed, "session %d: crossed", i);
        expect(responders->preferred == initiators->preferred, "session %d: preferred", i);
        expect(initiators->initiator && !responders->initiator, "session %d: roles", i);
    }
    expect(keys[0].preferred != keys[1].preferred, "both are preferred, or none");
    expect(noise_state(ends.initiator) == NOISE_NOTHING, "initiator's state");
    expect(noise_state(ends.responder) == NOISE_NOTHING, "responder's state");
}

/* What was abandoned takes no response; the peer's handshake is not touched by that. */
TEST(abandon_initiation)
{
    ENDS ends = new_ends();
    struct message_initiation one = initiate(ends.initiator, 1);
    struct message_initiation other = initiate(ends.responder, 1);
    struct message_response response;
    struct noise_keys keys;

    noise_read_initiation(ends.responder, &one);
    noise_read_initiation(ends.initiator, &other);
    noise_abandon_initiation(ends.responder);
    expect(noise_make_response(ends.initiator, RESPONDER_INDEX, &response), "response");
    expect(noise_read_response(ends.responder, &response) == NOISE_FORGED, "it was taken");
    expect(noise_make_response(ends.responder, RESPONDER_INDEX + 1, &response), "own response");
    expect(noise_read_response(ends.initiator, &response) == NOISE_ACCEPTED, "it was not taken");
    expect(noise_begin_session(ends.responder, &keys) && !keys.initiator && !keys.crossed,
           "a session");
    expect(noise_state(ends.responder) == NOISE_NOTHING, "state");
}

/* ---- Forgetting ---- */

TEST(abandon)
{
    ENDS ends = new_ends();
    struct message_initiation initiation = initiate(ends.initiator, 1);
    struct message_response response;

    noise_read_initiation(ends.responder, &initiation);
    response = respond(ends.responder);
    noise_abandon(ends.initiator);
    noise_abandon(ends.initiator);
    expect(noise_state(ends.initiator) == NOISE_NOTHING, "state");
    expect(noise_local_index(ends.initiator) == 0, "index");
    expect(noise_read_response(ends.initiator, &response) == NOISE_FORGED, "response");
    noise_abandon(ends.responder);
    expect_nothing_to_do(ends.responder, true, true, "responder");
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_REPLAYED, "the timestamp");
    expect_handshake(&ends, 2, "the next");
}

/* The same peer again is no change; another one is a new beginning. */
TEST(peers)
{
    ENDS ends = new_ends();
    struct noise *other = new_end();
    struct key peer = *noise_public_key(ends.initiator);
    struct key preshared = key_of(9);
    struct message_initiation initiation = initiate(ends.initiator, 5);

    noise_set_preshared_key(ends.responder, &preshared);
    noise_read_initiation(ends.responder, &initiation);
    expect(noise_set_peer(ends.responder, &peer), "the same refused");
    expect(noise_state(ends.responder) == NOISE_RECEIVED_INITIATION, "the same: handshake");
    expect(noise_has_preshared_key(ends.responder), "the same: preshared key");
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_REPLAYED, "the same: time");

    expect(noise_set_peer(ends.responder, noise_public_key(other)), "another refused");
    expect(key_equal(noise_peer(ends.responder), noise_public_key(other)), "another: key");
    expect(noise_state(ends.responder) == NOISE_NOTHING, "another: handshake");
    expect(!noise_has_preshared_key(ends.responder), "another: preshared key");
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_FORGED, "the one before");
    noise_set_peer(other, noise_public_key(ends.responder));
    initiation = initiate(other, 1);
    expect(noise_read_initiation(ends.responder, &initiation) == NOISE_ACCEPTED, "another: time");

    expect(noise_set_peer(ends.responder, &peer), "the first refused");
    expect_handshake(&ends, 1, "the first, from the beginning");
    noise_free(other);
}

/* Two ends, and an attacker between them. The input's bytes choose what happens: handshakes begin
 * and are answered; messages are kept, changed, reordered, replayed and delivered to either end. A
 * model says what the ends should do. The model has no cryptography: it knows which messages are
 * unchanged. With -Wl,--wrap=random_bytes an input does the same each time. */
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/crypto/aead.h"
#include "engine/crypto/hash.h"
#include "engine/protocol/cookie.h"
#include "engine/protocol/noise.h"
#include "fuzz.h"

enum {
    ENDS = 2,
    OPERATIONS_MAX = 48,
    NONE = -1,
};

#define SECOND INT64_C(1000000000)

/* A message on its way, with its history. */
struct letter {
    size_t length; /* 0: none */
    int from;
    int handshake; /* the number of its handshake */
    uint32_t time; /* of an initiation */
    uint32_t index;
    _Alignas(8) uint8_t bytes[sizeof(struct message_initiation)];
    uint8_t made[sizeof(struct message_initiation)]; /* as it was made */
};

/* A handshake that has begun, as the model knows it. */
struct under_way {
    enum noise_state state;
    uint32_t index;
    int handshake;
};

/* An end, and the model's knowledge of it. */
struct end {
    struct noise *noise;
    struct cookie_maker maker;
    struct cookie_checker checker;
    struct under_way begun;         /* that this end has begun */
    struct under_way answer;        /* to the handshake of the other end */
    uint32_t last_time;             /* of the initiations that it accepted */
    uint8_t last_mac1[COOKIE_SIZE]; /* of the message that a cookie may answer */
    bool wants_cookie;
};

static struct end ends[ENDS];
static struct letter letters[OPERATIONS_MAX];
static size_t letters_made;
static int handshakes;
static uint32_t last_index;
static int64_t now;
static struct aead *scratch;

/* The session of each handshake, as the first end had it. */
static struct {
    int handshake;
    int end;
    struct noise_keys keys;
} sessions[OPERATIONS_MAX];
static size_t session_count;

static const uint8_t source[COOKIE_SOURCE_SIZE] = {1, 2, 3};

static const uint8_t *input;
static size_t input_left;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static uint8_t take(void)
{
    if (input_left == 0)
        return 0;
    input_left--;
    return *input++;
}

static uint64_t random_state;

int __wrap_random_bytes(void *ret_bytes, size_t size);

int __wrap_random_bytes(void *ret_bytes, size_t size)
{
    uint8_t *bytes = ret_bytes;

    for (size_t i = 0; i < size; i++) {
        random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
        bytes[i] = (uint8_t)(random_state >> 56);
    }
    return 0;
}

/* ---- The model ---- */

/* True if the message is as that one was made, except for parts that Noise doesn't authenticate:
 * the sender's index (in a cookie, the receiver's), and the MACs. */
static bool is_as(const struct letter *letter, const struct letter *other)
{
    size_t index = offsetof(struct message_initiation, sender);
    size_t rest = index + sizeof(uint32_t);
    size_t end = letter->length;

    if (letter->length != other->length)
        return false;
    if (letter->length != sizeof(struct message_cookie))
        end -= sizeof(struct message_macs);
    return memcmp(letter->bytes, other->made, index) == 0 &&
           memcmp(letter->bytes + rest, other->made + rest, end - rest) == 0;
}

static bool is_authentic(const struct letter *letter)
{
    return is_as(letter, letter);
}

/* mac1 is over everything before it, and itself. */
static bool has_mac1(const struct letter *letter)
{
    return memcmp(letter->bytes, letter->made, letter->length - COOKIE_SIZE) == 0;
}

static enum noise_verdict wanted_of_initiation(const struct end *end, const struct letter *letter)
{
    if (letter->length != sizeof(struct message_initiation) || !is_authentic(letter) ||
        &ends[letter->from] == end)
        return NOISE_FORGED;
    return letter->time > end->last_time ? NOISE_ACCEPTED : NOISE_REPLAYED;
}

/* A response is authentic, and for a stranger, if the sender's index in the initiation was changed
 * on the way. */
static enum noise_verdict wanted_of_response(const struct end *end, const struct letter *letter)
{
    const struct message_response *message = (const void *)letter->bytes;

    return letter->length == sizeof(struct message_response) && is_authentic(letter) &&
                   &ends[letter->from] != end && end->begun.state == NOISE_SENT_INITIATION &&
                   end->begun.handshake == letter->handshake &&
                   le32toh(message->receiver) == end->begun.index
               ? NOISE_ACCEPTED
               : NOISE_FORGED;
}

static void check_end(const struct end *end)
{
    const struct under_way *begun = &end->begun, *answer = &end->answer;

    must(noise_state(end->noise) ==
         (answer->state != NOISE_NOTHING ? answer->state : begun->state));
    must(noise_local_index(end->noise) ==
         (begun->state != NOISE_NOTHING ? begun->index : answer->index));
}

static void set_state(struct under_way *under_way, enum noise_state state, uint32_t index,
                      int handshake)
{
    *under_way = (struct under_way){state, index, handshake};
}

/* Both ends of a handshake have the same keys, and no handshake gives an end two sessions. */
static void check_session(int who, int handshake, const struct noise_keys *keys)
{
    must(memcmp(keys->send, keys->receive, sizeof(keys->send)) != 0);
    for (size_t i = 0; i < session_count; i++) {
        if (sessions[i].handshake != handshake)
            continue;
        must(sessions[i].end != who);
        must(sessions[i].keys.initiator != keys->initiator);
        must(sessions[i].keys.preferred == keys->preferred);
        must(memcmp(sessions[i].keys.send, keys->receive, sizeof(keys->send)) == 0);
        must(memcmp(sessions[i].keys.receive, keys->send, sizeof(keys->send)) == 0);
    }
    sessions[session_count].handshake = handshake;
    sessions[session_count].end = who;
    sessions[session_count].keys = *keys;
    session_count++;
}

/* ---- An end acts ---- */

static struct letter *new_letter(int from, size_t length)
{
    struct letter *letter = &letters[letters_made++];

    memset(letter, 0, sizeof(*letter));
    letter->length = length;
    letter->from = from;
    return letter;
}

static void finish(struct end *end, struct letter *letter)
{
    cookie_add_macs(&end->maker, letter->bytes, letter->length, now);
    memcpy(letter->made, letter->bytes, letter->length);
    memcpy(end->last_mac1, letter->bytes + letter->length - sizeof(struct message_macs),
           COOKIE_SIZE);
    end->wants_cookie = true;
}

static void initiate(int who)
{
    struct end *end = &ends[who];
    struct letter *letter = new_letter(who, sizeof(struct message_initiation));
    uint8_t timestamp[CLOCK_TIMESTAMP_SIZE] = {0};
    uint32_t time;

    letter->time = (uint32_t)take() + 1;
    letter->handshake = handshakes++;
    letter->index = ++last_index;
    time = htobe32(letter->time);
    memcpy(timestamp + 4, &time, sizeof(time));
    must(noise_make_initiation(end->noise, letter->index, timestamp, (void *)letter->bytes));
    finish(end, letter);
    set_state(&end->begun, NOISE_SENT_INITIATION, letter->index, letter->handshake);
}

static void respond(int who)
{
    struct end *end = &ends[who];
    struct message_response message;
    struct letter *letter;

    if (end->answer.state != NOISE_RECEIVED_INITIATION) {
        must(!noise_make_response(end->noise, 1, &message));
        return;
    }
    must(noise_make_response(end->noise, ++last_index, &message));
    letter = new_letter(who, sizeof(message));
    memcpy(letter->bytes, &message, sizeof(message));
    letter->handshake = end->answer.handshake;
    letter->index = last_index;
    finish(end, letter);
    set_state(&end->answer, NOISE_SENT_RESPONSE, last_index, end->answer.handshake);
}

static void begin_session(int who)
{
    struct end *end = &ends[who];
    struct noise_keys keys;
    bool initiator = end->answer.state != NOISE_SENT_RESPONSE;
    struct under_way *under_way = initiator ? &end->begun : &end->answer;
    bool ready = !initiator || under_way->state == NOISE_RECEIVED_RESPONSE;

    must(noise_begin_session(end->noise, &keys) == ready);
    if (!ready)
        return;
    must(keys.local == under_way->index);
    must(keys.initiator == initiator);
    must(keys.crossed == (!initiator && end->begun.state == NOISE_SENT_INITIATION));
    check_session(who, under_way->handshake, &keys);
    set_state(under_way, NOISE_NOTHING, 0, NONE);
}

static void abandon(int who)
{
    struct end *end = &ends[who];

    if (take() % 2) {
        noise_abandon_initiation(end->noise);
    } else {
        noise_abandon(end->noise);
        set_state(&end->answer, NOISE_NOTHING, 0, NONE);
    }
    set_state(&end->begun, NOISE_NOTHING, 0, NONE);
}

/* ---- The attacker acts ---- */

static struct letter *choose(void)
{
    return &letters[take() % (letters_made > 0 ? letters_made : 1)];
}

static void change(void)
{
    struct letter *letter = choose();
    uint8_t place = take();
    uint8_t bits = take();

    if (letter->length > 0)
        letter->bytes[place % letter->length] ^= bits;
}

/* A new mac1 needs no secret: the attacker knows the receiver's public key. */
static void authenticate(void)
{
    struct letter *letter = choose();
    struct cookie_maker maker = ends[1 - letter->from].maker;

    if (letter->length < sizeof(struct message_macs))
        return;
    cookie_maker_init(&maker, noise_public_key(ends[1 - letter->from].noise));
    cookie_add_macs(&maker, letter->bytes, letter->length, now);
}

/* If a change has made the message equal to another one, it counts as that. */
static void recognise(struct letter *letter)
{
    for (size_t i = 0; i < letters_made; i++) {
        const struct letter *other = &letters[i];

        if (other == letter || !is_as(letter, other))
            continue;
        letter->from = other->from;
        letter->handshake = other->handshake;
        letter->time = other->time;
        memcpy(letter->made, other->made, sizeof(letter->made));
    }
}

/* Puts a part of one message in the place of the same part of another. */
static void splice(void)
{
    struct letter *to = choose();
    const struct letter *from = choose();
    size_t begin = take();
    size_t length = take();

    if (begin >= to->length || begin >= from->length)
        return;
    if (length > to->length - begin)
        length = to->length - begin;
    if (length > from->length - begin)
        length = from->length - begin;
    memmove(to->bytes + begin, from->bytes + begin, length);
    recognise(to);
}

static void deliver_initiation(struct end *end, const struct letter *letter)
{
    enum noise_verdict wanted = wanted_of_initiation(end, letter);

    must(noise_read_initiation(end->noise, (const void *)letter->bytes) == wanted);
    if (wanted != NOISE_ACCEPTED)
        return;
    end->last_time = letter->time;
    set_state(&end->answer, NOISE_RECEIVED_INITIATION, 0, letter->handshake);
}

static void deliver_response(struct end *end, const struct letter *letter)
{
    enum noise_verdict wanted = wanted_of_response(end, letter);

    must(noise_read_response(end->noise, (const void *)letter->bytes) == wanted);
    if (wanted == NOISE_ACCEPTED)
        set_state(&end->begun, NOISE_RECEIVED_RESPONSE, end->begun.index, end->begun.handshake);
}

/* Delivers the message as the type that it says, and as the type that it was made as. The engine
 * checks the MACs first, too. */
static void deliver(int who)
{
    const struct letter *letter = choose();
    struct end *end = &ends[who];
    enum cookie_verdict verdict;

    if (letter->length <= sizeof(struct message_cookie))
        return;
    verdict = cookie_check(&end->checker, letter->bytes, letter->length, take() % 2, source, now);
    if (&ends[letter->from] != end && has_mac1(letter))
        must(verdict != COOKIE_INVALID_MAC);
    if (letter->length == sizeof(struct message_initiation))
        deliver_initiation(end, letter);
    else
        deliver_response(end, letter);
}

/* ---- Cookies ---- */

static void make_cookie(int who)
{
    struct letter *letter = choose();
    struct message_macs macs;
    struct letter *reply;
    uint8_t secret[32];
    uint8_t nonce[AEAD_XNONCE_SIZE];

    if (letter->length <= sizeof(struct message_cookie))
        return;
    __wrap_random_bytes(secret, sizeof(secret));
    __wrap_random_bytes(nonce, sizeof(nonce));
    memcpy(&macs, letter->bytes + letter->length - sizeof(macs), sizeof(macs));
    reply = new_letter(who, sizeof(struct message_cookie));
    cookie_make_reply(&ends[who].checker, scratch, &macs, 1, source, secret, nonce, now,
                      (void *)reply->bytes);
    memcpy(reply->made, reply->bytes, reply->length);
    memcpy(reply->made + reply->length, macs.mac1, COOKIE_SIZE); /* the answered one */
}

/* Other code checks the receiver's index. */
static void read_cookie(int who)
{
    const struct letter *letter = choose();
    struct end *end = &ends[who];
    struct cookie_maker before = end->maker;
    bool wanted;

    if (letter->length != sizeof(struct message_cookie))
        return;
    wanted = letter->from != who && end->wants_cookie && is_authentic(letter) &&
             memcmp(letter->made + letter->length, end->last_mac1, COOKIE_SIZE) == 0;
    must(cookie_read_reply(&end->maker, scratch, (const void *)letter->bytes, now) == wanted);
    if (wanted)
        end->wants_cookie = false;
    else
        must(memcmp(&before, &end->maker, sizeof(before)) == 0);
}

/* ---- One input ---- */

static void begin(void)
{
    struct key preshared = {{take()}};

    random_state = 1;
    now = SECOND;
    memset(letters, 0, sizeof(letters));
    letters_made = 0;
    session_count = 0;
    handshakes = 0;
    last_index = 0;
    for (int who = 0; who < ENDS; who++) {
        memset(&ends[who], 0, sizeof(ends[who]));
        ends[who].noise = noise_new(NULL);
        must(ends[who].noise);
        ends[who].begun.handshake = ends[who].answer.handshake = NONE;
    }
    for (int who = 0; who < ENDS; who++) {
        const struct key *peer = noise_public_key(ends[1 - who].noise);

        must(noise_set_peer(ends[who].noise, peer));
        noise_set_preshared_key(ends[who].noise, &preshared);
        cookie_maker_init(&ends[who].maker, peer);
        cookie_checker_init(&ends[who].checker, noise_public_key(ends[who].noise));
    }
}

static void operate(void)
{
    uint8_t operation = take();
    int who = operation & 1;

    switch (operation / 2 % 12) {
    case 0:
        initiate(who);
        break;
    case 1:
        respond(who);
        break;
    case 2:
        begin_session(who);
        break;
    case 3:
        change();
        break;
    case 4:
        authenticate();
        break;
    case 5:
        splice();
        break;
    case 6:
        make_cookie(who);
        break;
    case 7:
        read_cookie(who);
        break;
    case 8:
        now += take() * SECOND;
        break;
    case 9:
        if (take() % 4 == 0)
            abandon(who);
        break;
    default:
        deliver(who);
        break;
    }
    check_end(&ends[0]);
    check_end(&ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!scratch) {
        scratch = aead_new();
        must(scratch && hash_start());
    }
    input = data;
    input_left = size;
    begin();
    for (int i = 0; i < OPERATIONS_MAX && input_left > 0; i++)
        operate();
    noise_free(ends[0].noise);
    noise_free(ends[1].noise);
    return 0;
}

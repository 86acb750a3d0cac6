#include "engine/protocol/cookie.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "engine/crypto/aead.h"
#include "engine/crypto/hash.h"
#include "unit.h"

enum {
    LENGTH = sizeof(struct message_initiation),
    BEFORE_MACS = LENGTH - sizeof(struct message_macs),
    SENDER = 0x01020304,
};

#define SECOND INT64_C(1000000000)

static const int64_t start = 77 * SECOND;
static const uint8_t source[COOKIE_SOURCE_SIZE] = {[10] = 255, 255, 192, 0, 2, 1, 200, 10};
static const uint8_t secret[32] = {1, 2, 3};
static const uint8_t nonce[AEAD_XNONCE_SIZE] = {4, 5, 6};

static struct aead *scratch;

/* One who sends messages, and one who gets them. */
struct pair {
    struct cookie_maker maker;
    struct cookie_checker checker;
    uint8_t message[LENGTH];
};

static struct pair new_pair(void)
{
    static const struct key receiver = {{9, 9, 9}};
    struct pair pair;

    memset(&pair, 0xff, sizeof(pair));
    cookie_maker_init(&pair.maker, &receiver);
    cookie_checker_init(&pair.checker, &receiver);
    for (size_t i = 0; i < LENGTH; i++)
        pair.message[i] = (uint8_t)unit_random();
    cookie_add_macs(&pair.maker, pair.message, LENGTH, start);
    return pair;
}

static enum cookie_verdict check(struct pair *pair, bool under_load, int64_t now)
{
    uint8_t *copy = unit_copy(pair->message, LENGTH);
    enum cookie_verdict verdict =
        cookie_check(&pair->checker, copy, LENGTH, under_load, source, now);

    free(copy);
    return verdict;
}

static struct message_cookie reply_to(struct pair *pair, const uint8_t random_secret[static 32],
                                      int64_t now)
{
    struct message_cookie reply;
    struct message_macs macs;

    memcpy(&macs, pair->message + BEFORE_MACS, sizeof(macs));
    cookie_make_reply(&pair->checker, scratch, &macs, SENDER, source, random_secret, nonce, now,
                      &reply);
    return reply;
}

/* ---- What is put on messages, and looked at ---- */

TEST(mac1)
{
    static const uint8_t no_mac[16];
    struct pair pair = new_pair();

    expect(check(&pair, false, start) == COOKIE_VALID_MAC, "right");
    expect(check(&pair, true, start) == COOKIE_VALID_MAC, "under load");
    expect(memcmp(pair.message + LENGTH - 16, no_mac, 16) == 0, "mac2 without a cookie");
    for (size_t bit = 0; bit < (LENGTH - 16) * 8; bit++) {
        pair.message[bit / 8] ^= (uint8_t)(1U << bit % 8);
        expect(check(&pair, bit % 2, start) == COOKIE_INVALID_MAC, "bit %zu", bit);
        pair.message[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

/* Of all lengths, only the right one; a message may be nothing but its MACs. */
TEST(lengths)
{
    struct pair pair = new_pair();
    uint8_t *nothing = malloc(sizeof(struct message_macs));

    for (size_t length = 0; length < LENGTH; length++) {
        uint8_t *copy = unit_copy(pair.message, length);

        expect(cookie_check(&pair.checker, copy, length, true, source, start) == COOKIE_INVALID_MAC,
               "%zu bytes", length);
        free(copy);
    }
    cookie_add_macs(&pair.maker, nothing, sizeof(struct message_macs), start);
    expect(cookie_check(&pair.checker, nothing, sizeof(struct message_macs), false, source,
                        start) == COOKIE_VALID_MAC,
           "nothing");
    free(nothing);
}

TEST(another_receiver)
{
    static const struct key other = {{9, 9, 8}};
    struct pair pair = new_pair();

    cookie_checker_init(&pair.checker, &other);
    expect(check(&pair, false, start) == COOKIE_INVALID_MAC, "taken");
}

/* ---- Cookies ---- */

/* Gets a cookie, and puts it on the next message. */
static struct pair with_cookie(void)
{
    struct pair pair = new_pair();
    struct message_cookie reply = reply_to(&pair, secret, start);

    expect(cookie_read_reply(&pair.maker, scratch, &reply, start), "refused");
    cookie_add_macs(&pair.maker, pair.message, LENGTH, start);
    return pair;
}

TEST(reply)
{
    struct pair pair = new_pair();
    struct message_cookie message = reply_to(&pair, secret, start);

    expect(le32toh(message.type) == MESSAGE_COOKIE, "type");
    expect(le32toh(message.receiver) == SENDER, "receiver");
    expect(memcmp(message.nonce, nonce, sizeof(nonce)) == 0, "nonce");
    expect(cookie_read_reply(&pair.maker, scratch, &message, start), "refused");
}

TEST(mac2)
{
    struct pair pair = with_cookie();
    uint8_t other_source[COOKIE_SOURCE_SIZE];

    expect(check(&pair, true, start) == COOKIE_VALID_MAC_COOKIE, "right");
    expect(check(&pair, false, start) == COOKIE_VALID_MAC, "not asked for");
    for (size_t bit = (LENGTH - 16) * 8; bit < LENGTH * 8; bit++) {
        pair.message[bit / 8] ^= (uint8_t)(1U << bit % 8);
        expect(check(&pair, true, start) == COOKIE_VALID_MAC, "bit %zu", bit);
        pair.message[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t i = 0; i < COOKIE_SOURCE_SIZE; i++) {
        memcpy(other_source, source, sizeof(source));
        other_source[i] ^= 1;
        expect(cookie_check(&pair.checker, pair.message, LENGTH, true, other_source, start) ==
                   COOKIE_VALID_MAC,
               "byte %zu of the source", i);
    }
}

/* How long a cookie is put on messages, and how long it is good. */
static const struct {
    int64_t age;
    bool made;
    bool good;
} ages[] = {
    {0, true, true},
    {SECOND, true, true},
    {115 * SECOND - 1, true, true},
    {115 * SECOND, false, true},
    {120 * SECOND - 1, false, true},
    {120 * SECOND, false, false},
    {INT64_C(100000) * SECOND, false, false},
};

TEST(age)
{
    static const uint8_t no_mac[16];

    for (size_t i = 0; i < COUNT(ages); i++) {
        struct pair pair = with_cookie();

        expect((check(&pair, true, start + ages[i].age) == COOKIE_VALID_MAC_COOKIE) == ages[i].good,
               "case %zu: good", i);
        cookie_add_macs(&pair.maker, pair.message, LENGTH, start + ages[i].age);
        expect((memcmp(pair.message + LENGTH - 16, no_mac, 16) != 0) == ages[i].made,
               "case %zu: made", i);
    }
}

/* The secret is kept for two minutes, then it is another. */
TEST(secrets)
{
    static const uint8_t other_secret[32] = {7, 7};
    struct pair pair = with_cookie();

    reply_to(&pair, other_secret, start + 120 * SECOND - 1);
    expect(check(&pair, true, start + 119 * SECOND) == COOKIE_VALID_MAC_COOKIE, "replaced");
    reply_to(&pair, other_secret, start + 120 * SECOND);
    expect(check(&pair, true, start + 120 * SECOND) == COOKIE_VALID_MAC, "kept");
    expect(memcmp(pair.checker.secret, other_secret, 32) == 0, "not the new one");
    expect(pair.checker.secret_birth == start + 120 * SECOND, "its birth");
}

/* ---- Forged cookies ---- */

/* Refused, and nothing is changed. */
static void expect_refused(struct pair *pair, const struct message_cookie *message,
                           const char *what, size_t number)
{
    struct cookie_maker before = pair->maker;

    expect(!cookie_read_reply(&pair->maker, scratch, message, start + SECOND), "%s %zu", what,
           number);
    expect(memcmp(&before, &pair->maker, sizeof(before)) == 0, "%s %zu: changed", what, number);
}

/* Not the receiver's index, which is a matter of whom the message is handed to. */
TEST(each_bit)
{
    struct pair pair = new_pair();
    struct message_cookie right = reply_to(&pair, secret, start);

    for (size_t bit = 0; bit < sizeof(right) * 8; bit++) {
        struct message_cookie wrong = right;

        if (bit / 32 == 1)
            continue;
        ((uint8_t *)&wrong)[bit / 8] ^= (uint8_t)(1U << bit % 8);
        expect_refused(&pair, &wrong, "bit", bit);
    }
    expect(cookie_read_reply(&pair.maker, scratch, &right, start), "the right one");
}

/* A cookie answers the last message, and once. */
TEST(unasked)
{
    static const struct key receiver = {{9, 9, 9}};
    struct pair pair = new_pair();
    struct message_cookie right = reply_to(&pair, secret, start);
    struct message_cookie late;

    expect(cookie_read_reply(&pair.maker, scratch, &right, start), "refused");
    expect_refused(&pair, &right, "the same again", 0);
    pair.message[0] ^= 1;
    cookie_add_macs(&pair.maker, pair.message, LENGTH, start);
    expect_refused(&pair, &right, "the answer to the last but one", 0);
    late = reply_to(&pair, secret, start);
    cookie_maker_init(&pair.maker, &receiver);
    expect_refused(&pair, &late, "nothing was sent", 0);
}

__attribute__((constructor)) static void prepare(void)
{
    scratch = aead_new();
    if (!hash_start() || !scratch)
        unit_trouble("libcrypto");
}

#include "engine/protocol/cookie.h"

#include <endian.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/crypto/aead.h"
#include "engine/crypto/hash.h"

_Static_assert((int)COOKIE_SIZE == (int)HASH_MAC_SIZE, "a cookie is a MAC");
_Static_assert(sizeof(struct message_macs) == 2 * (size_t)HASH_MAC_SIZE, "padding");
_Static_assert(sizeof(struct message_cookie) == 64, "padding");

enum {
    LABEL_SIZE = 8,
};

static const int64_t secret_lifetime = INT64_C(120) * 1000000000;
/* Shorter than the secret's: the cookie may be on its way for some seconds. */
static const int64_t cookie_lifetime = INT64_C(115) * 1000000000;

static const char mac1_label[] = "mac1----";
static const char cookie_label[] = "cookie--";

static void derive(const char label[static LABEL_SIZE], const struct key *public_key,
                   uint8_t ret_key[static HASH_SIZE])
{
    hash_join((const uint8_t *)label, LABEL_SIZE, public_key->bytes, KEY_SIZE, ret_key);
}

void cookie_checker_init(struct cookie_checker *checker, const struct key *own_public_key)
{
    OPENSSL_cleanse(checker, sizeof(*checker));
    derive(mac1_label, own_public_key, checker->mac1_key);
    derive(cookie_label, own_public_key, checker->cookie_key);
}

static bool has_secret(const struct cookie_checker *checker, int64_t now)
{
    return checker->has_secret && now - checker->secret_birth < secret_lifetime;
}

static void make_cookie(const struct cookie_checker *checker,
                        const uint8_t source[static COOKIE_SOURCE_SIZE],
                        uint8_t ret_cookie[static COOKIE_SIZE])
{
    hash_mac(checker->secret, sizeof(checker->secret), source, COOKIE_SOURCE_SIZE, ret_cookie);
}

static bool mac_is_right(const uint8_t *key, size_t key_length, const uint8_t *message,
                         size_t length, const uint8_t mac[static HASH_MAC_SIZE])
{
    uint8_t right[HASH_MAC_SIZE];

    hash_mac(key, key_length, message, length, right);
    return CRYPTO_memcmp(right, mac, sizeof(right)) == 0;
}

enum cookie_verdict cookie_check(const struct cookie_checker *checker, const uint8_t *message,
                                 size_t length, bool under_load,
                                 const uint8_t source[static COOKIE_SOURCE_SIZE], int64_t now)
{
    size_t length1 = length - sizeof(struct message_macs); /* of the part under mac1 */
    size_t length2 = length - HASH_MAC_SIZE;
    uint8_t cookie[COOKIE_SIZE];
    bool right;

    if (length < sizeof(struct message_macs))
        return COOKIE_INVALID_MAC;
    if (!mac_is_right(checker->mac1_key, HASH_SIZE, message, length1, message + length1))
        return COOKIE_INVALID_MAC;
    if (!under_load || !has_secret(checker, now))
        return COOKIE_VALID_MAC;
    make_cookie(checker, source, cookie);
    right = mac_is_right(cookie, sizeof(cookie), message, length2, message + length2);
    OPENSSL_cleanse(cookie, sizeof(cookie));
    return right ? COOKIE_VALID_MAC_COOKIE : COOKIE_VALID_MAC;
}

void cookie_make_reply(struct cookie_checker *checker, struct aead *scratch,
                       const struct message_macs *macs, uint32_t sender,
                       const uint8_t source[static COOKIE_SOURCE_SIZE],
                       const uint8_t random_secret[static 32], const uint8_t nonce[static 24],
                       int64_t now, struct message_cookie *ret_reply)
{
    struct message_cookie reply = {
        .type = htole32(MESSAGE_COOKIE),
        .receiver = htole32(sender),
    };
    uint8_t cookie[COOKIE_SIZE];

    if (!has_secret(checker, now)) {
        memcpy(checker->secret, random_secret, sizeof(checker->secret));
        checker->secret_birth = now;
        checker->has_secret = true;
    }
    make_cookie(checker, source, cookie);
    memcpy(reply.nonce, nonce, sizeof(reply.nonce));
    aead_xseal(scratch, checker->cookie_key, reply.nonce, cookie, sizeof(cookie), macs->mac1,
               sizeof(macs->mac1), reply.sealed_cookie);
    OPENSSL_cleanse(cookie, sizeof(cookie));
    *ret_reply = reply;
}

void cookie_maker_init(struct cookie_maker *maker, const struct key *peer_public_key)
{
    OPENSSL_cleanse(maker, sizeof(*maker));
    derive(mac1_label, peer_public_key, maker->mac1_key);
    derive(cookie_label, peer_public_key, maker->cookie_key);
}

void cookie_add_macs(struct cookie_maker *maker, uint8_t *message, size_t length, int64_t now)
{
    uint8_t *mac1 = message + length - sizeof(struct message_macs);
    uint8_t *mac2 = mac1 + HASH_MAC_SIZE;

    hash_mac(maker->mac1_key, sizeof(maker->mac1_key), message, (size_t)(mac1 - message), mac1);
    memcpy(maker->last_mac1, mac1, sizeof(maker->last_mac1));
    maker->sent_mac1 = true;
    if (maker->has_cookie && now - maker->cookie_birth < cookie_lifetime)
        hash_mac(maker->cookie, COOKIE_SIZE, message, (size_t)(mac2 - message), mac2);
    else
        memset(mac2, 0, HASH_MAC_SIZE);
}

/* Takes one reply to each message: a replayed reply would make an old cookie look new. */
bool cookie_read_reply(struct cookie_maker *maker, struct aead *scratch,
                       const struct message_cookie *reply, int64_t now)
{
    if (!maker->sent_mac1 || le32toh(reply->type) != MESSAGE_COOKIE)
        return false;
    if (!aead_xopen(scratch, maker->cookie_key, reply->nonce, reply->sealed_cookie,
                    sizeof(reply->sealed_cookie), maker->last_mac1, sizeof(maker->last_mac1),
                    maker->cookie))
        return false;
    maker->cookie_birth = now;
    maker->has_cookie = true;
    maker->sent_mac1 = false;
    return true;
}

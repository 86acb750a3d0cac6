#include "engine/crypto/hash.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "engine/crypto/libcrypto.h"

enum {
    BLOCK_SIZE = 64, /* of BLAKE2s, for HMAC */
    INNER_PAD = 0x36,
    OUTER_PAD = 0x5c,
};

/* The two objects of libcrypto that all hashes share; no state of theirs outlives a call. libcrypto
 * wipes the digest's after each use. The MAC's keeps its last key, which is public (mac1), or a
 * cookie or a cookie's secret: all of these are in memory anyway. */
static EVP_MD_CTX *digest;
static EVP_MAC_CTX *mac;

bool hash_start(void)
{
    static bool started;
    size_t size = HASH_MAC_SIZE;
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                     OSSL_PARAM_construct_end()};
    EVP_MD *digest_type;
    EVP_MAC *mac_type;

    if (started || !libcrypto_start())
        return started;
    digest_type = EVP_MD_fetch(libcrypto_context(), "BLAKE2S-256", NULL);
    mac_type = EVP_MAC_fetch(libcrypto_context(), "BLAKE2SMAC", NULL);
    digest = digest_type ? EVP_MD_CTX_new() : NULL;
    mac = mac_type ? EVP_MAC_CTX_new(mac_type) : NULL;
    started = digest && mac && EVP_DigestInit_ex(digest, digest_type, NULL) == 1 &&
              EVP_MAC_CTX_set_params(mac, parameters) == 1;
    EVP_MD_free(digest_type);
    EVP_MAC_free(mac_type);
    return started;
}

static void begin(void)
{
    libcrypto_must(EVP_DigestInit_ex(digest, NULL, NULL));
}

static void update(const uint8_t *bytes, size_t length)
{
    if (length > 0)
        libcrypto_must(EVP_DigestUpdate(digest, bytes, length));
}

static void end(uint8_t ret_hash[static HASH_SIZE])
{
    libcrypto_must(EVP_DigestFinal_ex(digest, ret_hash, NULL));
}

void hash_join(const uint8_t *first, size_t first_length, const uint8_t *second,
               size_t second_length, uint8_t ret_hash[static HASH_SIZE])
{
    begin();
    update(first, first_length);
    update(second, second_length);
    end(ret_hash);
}

void hash_mac(const uint8_t *key, size_t key_length, const uint8_t *bytes, size_t length,
              uint8_t ret_mac[static HASH_MAC_SIZE])
{
    size_t size = HASH_MAC_SIZE;

    libcrypto_must(EVP_MAC_init(mac, key, key_length, NULL));
    if (length > 0)
        libcrypto_must(EVP_MAC_update(mac, bytes, length));
    libcrypto_must(EVP_MAC_final(mac, ret_mac, &size, size));
}

static void begin_padded(const uint8_t key[static HASH_SIZE], uint8_t pad)
{
    uint8_t block[BLOCK_SIZE];

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < HASH_SIZE; i++)
        block[i] ^= key[i];
    begin();
    update(block, sizeof(block));
    OPENSSL_cleanse(block, sizeof(block));
}

/* Made of the digest: libcrypto's own HMAC takes as long, and keeps the key. */
void hash_hmac(const uint8_t key[static HASH_SIZE], const uint8_t *bytes, size_t length,
               uint8_t more, uint8_t ret_mac[static HASH_SIZE])
{
    uint8_t inner[HASH_SIZE];

    begin_padded(key, INNER_PAD);
    update(bytes, length);
    update(&more, more != 0);
    end(inner);
    begin_padded(key, OUTER_PAD);
    update(inner, sizeof(inner));
    end(ret_mac);
    OPENSSL_cleanse(inner, sizeof(inner));
}

void hash_kdf(const uint8_t key[static HASH_SIZE], const uint8_t *bytes, size_t length,
              uint8_t ret_first[static HASH_SIZE], uint8_t *ret_second, uint8_t *ret_third)
{
    uint8_t secret[HASH_SIZE];

    hash_hmac(key, bytes, length, 0, secret);
    hash_hmac(secret, NULL, 0, 1, ret_first);
    if (ret_second)
        hash_hmac(secret, ret_first, HASH_SIZE, 2, ret_second);
    if (ret_third)
        hash_hmac(secret, ret_second, HASH_SIZE, 3, ret_third);
    OPENSSL_cleanse(secret, sizeof(secret));
}

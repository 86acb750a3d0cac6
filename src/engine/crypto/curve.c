#include "engine/crypto/curve.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "engine/crypto/libcrypto.h"

static const char algorithm[] = "X25519";

bool curve_pair_make(const struct key *private_key, struct curve_pair *ret_pair)
{
    struct curve_pair pair = {0};
    size_t size = KEY_SIZE;

    pair.object = EVP_PKEY_new_raw_private_key_ex(libcrypto_context(), algorithm, NULL,
                                                  private_key->bytes, KEY_SIZE);
    if (!pair.object || EVP_PKEY_get_raw_public_key(pair.object, pair.public_key.bytes, &size) != 1)
        goto fail;
    *ret_pair = pair;
    return true;
fail:
    ERR_clear_error();
    curve_pair_wipe(&pair);
    return false;
}

void curve_pair_wipe(struct curve_pair *pair)
{
    EVP_PKEY_free(pair->object);
    *pair = (struct curve_pair){0};
}

/* libcrypto refuses an all-zero secret as well, but documents that for some implementations only.
 */
bool curve_share(const struct curve_pair *own, const struct key *other,
                 uint8_t ret_secret[static CURVE_SECRET_SIZE])
{
    OSSL_LIB_CTX *library = libcrypto_context();
    EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key_ex(library, algorithm, NULL, other->bytes, KEY_SIZE);
    EVP_PKEY_CTX *exchange = EVP_PKEY_CTX_new_from_pkey(library, own->object, NULL);
    struct key secret;
    size_t size = sizeof(secret);
    bool shared = peer && exchange && EVP_PKEY_derive_init(exchange) == 1 &&
                  EVP_PKEY_derive_set_peer_ex(exchange, peer, 0) == 1 &&
                  EVP_PKEY_derive(exchange, secret.bytes, &size) == 1 && size == sizeof(secret) &&
                  !key_is_zero(&secret);

    if (shared)
        memcpy(ret_secret, secret.bytes, sizeof(secret));
    else
        ERR_clear_error();
    OPENSSL_cleanse(&secret, sizeof(secret));
    EVP_PKEY_CTX_free(exchange);
    EVP_PKEY_free(peer);
    return shared;
}

/* Makes one exchange that is refused, too: libcrypto allocates its list of errors with the first.
 */
bool curve_start(void)
{
    static const struct key any = {{8, [31] = 64}};
    static const struct key zero;
    struct curve_pair pair = {0};
    uint8_t secret[CURVE_SECRET_SIZE];
    bool works = libcrypto_start() && curve_pair_make(&any, &pair) &&
                 curve_share(&pair, &pair.public_key, secret) && !curve_share(&pair, &zero, secret);

    curve_pair_wipe(&pair);
    return works;
}

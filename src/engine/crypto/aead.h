/* Authenticated encryption (the paper, section 5.4): ChaCha20-Poly1305 of RFC 8439 with the nonce
 * 4 zero bytes and a 64-bit little-endian counter; and XChaCha20-Poly1305 for cookies. Made of
 * libcrypto's ChaCha20 and Poly1305. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AEAD_KEY_SIZE = 32,
    AEAD_TAG_SIZE = 16,
    AEAD_XNONCE_SIZE = 24,
};

/* One direction of one session. Objects are made at start, because libcrypto allocates memory then
 * and never later; a new key goes into an old object. */
struct aead;

/* Returns NULL if there is no memory. */
struct aead *aead_new(void);
void aead_free(struct aead *aead);
void aead_set_key(struct aead *aead, const uint8_t key[static AEAD_KEY_SIZE]);
/* Overwrites the key by an unknown one. */
void aead_wipe(struct aead *aead);

/* Writes length + AEAD_TAG_SIZE bytes to `ret_sealed`, which is `plain` itself or doesn't overlap
 * it. No additional data. */
void aead_seal(struct aead *aead, uint64_t counter, const uint8_t *plain, size_t length,
               uint8_t *ret_sealed);

/* Writes length - AEAD_TAG_SIZE bytes to `ret_plain`, which is `sealed` itself or doesn't overlap
 * it, if the tag is right; else it writes nothing and returns false (also if length is less than
 * AEAD_TAG_SIZE). The tag is compared in constant time. */
bool aead_open(struct aead *aead, uint64_t counter, const uint8_t *sealed, size_t length,
               uint8_t *ret_plain);

/* Seal and open short messages with additional data, by a key that is used once (handshakes).
 * `scratch` is any object of aead_new(); its key is overwritten and afterwards wiped. */
void aead_seal_once(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE], uint64_t counter,
                    const uint8_t *plain, size_t length, const uint8_t *extra, size_t extra_length,
                    uint8_t *ret_sealed);
bool aead_open_once(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE], uint64_t counter,
                    const uint8_t *sealed, size_t length, const uint8_t *extra, size_t extra_length,
                    uint8_t *ret_plain);
void aead_xseal(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE],
                const uint8_t nonce[static AEAD_XNONCE_SIZE], const uint8_t *plain, size_t length,
                const uint8_t *extra, size_t extra_length, uint8_t *ret_sealed);
bool aead_xopen(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE],
                const uint8_t nonce[static AEAD_XNONCE_SIZE], const uint8_t *sealed, size_t length,
                const uint8_t *extra, size_t extra_length, uint8_t *ret_plain);

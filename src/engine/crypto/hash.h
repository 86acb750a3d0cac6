/* BLAKE2s (RFC 7693), and the paper's functions made of it (section 5.4): Hash, Mac, Hmac and Kdf.
 * By libcrypto; a mac1 takes 0.45 us. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HASH_SIZE = 32,
    HASH_MAC_SIZE = 16,
};

/* Prepares the functions below, at start; a second call changes nothing. Returns false without
 * memory. Afterwards nothing is allocated, and nothing fails. */
bool hash_start(void);

/* Hash(first || second). ret_hash may be one of them. `second` may be NULL if its length is 0. */
void hash_join(const uint8_t *first, size_t first_length, const uint8_t *second,
               size_t second_length, uint8_t ret_hash[static HASH_SIZE]);

/* Keyed BLAKE2s-128; key_length is 1 to 32. */
void hash_mac(const uint8_t *key, size_t key_length, const uint8_t *bytes, size_t length,
              uint8_t ret_mac[static HASH_MAC_SIZE]);

/* HMAC (RFC 2104) of the bytes and, if `more` isn't 0, of that byte behind them. ret_mac may be the
 * key or the bytes. */
void hash_hmac(const uint8_t key[static HASH_SIZE], const uint8_t *bytes, size_t length,
               uint8_t more, uint8_t ret_mac[static HASH_SIZE]);

/* Kdf1, Kdf2 and Kdf3: writes one, two or three keys; ret_third, or ret_second and ret_third, may
 * be NULL. ret_first may be `key`. */
void hash_kdf(const uint8_t key[static HASH_SIZE], const uint8_t *bytes, size_t length,
              uint8_t ret_first[static HASH_SIZE], uint8_t *ret_second, uint8_t *ret_third);

/* The two things of ChaCha20 (RFC 8439) that libcrypto has no function for. In constant time. Pure.
 */
#pragma once

#include <stdint.h>

enum {
    CHACHA_KEY_SIZE = 32,
    CHACHA_BLOCK_SIZE = 64,
    CHACHA_LANES = 16,
};

/* HChaCha20 (draft-irtf-cfrg-xchacha, section 2.2): a key from a key and 16 bytes. */
void chacha_hash(const uint8_t key[static CHACHA_KEY_SIZE], const uint8_t input[static 16],
                 uint8_t ret_key[static CHACHA_KEY_SIZE]);

/* Blocks of the key stream (RFC 8439, section 2.3), CHACHA_LANES at once: each for the nonce of 4
 * zero bytes and a counter, and with a number in that stream. Takes some 20 ns a block with
 * AVX-512, while libcrypto takes 140 for a block alone. */
void chacha_blocks(const uint8_t key[static CHACHA_KEY_SIZE],
                   const uint64_t counter[static CHACHA_LANES],
                   const uint32_t number[static CHACHA_LANES],
                   uint8_t ret_blocks[static CHACHA_LANES][CHACHA_BLOCK_SIZE]);

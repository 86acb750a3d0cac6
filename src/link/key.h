/* Keys of WireGuard: 32 bytes, and their text forms: base64 (RFC 4648), which people see, and
 * hexadecimal, which helper and engine use between them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    KEY_SIZE = 32,
    KEY_TEXT_LENGTH = 44,
    KEY_HEX_LENGTH = 2 * KEY_SIZE,
};

struct key {
    uint8_t bytes[KEY_SIZE];
};

/* Writes 44 characters and a NUL. Not for private keys: the table look-ups depend on the bytes. */
void key_to_text(const struct key *key, char ret_text[static KEY_TEXT_LENGTH + 1]);

/* Reads exactly 44 characters of canonical base64: the alphabet of RFC 4648 section 4, one '=' at
 * the end, and its two spare bits zero (section 3.5), so that each key has one spelling. Writes
 * *ret_key on success only. Returns 0, or -1. */
int key_from_text(const char *text, struct key *ret_key);

/* Writes 64 lower-case digits and a NUL, in constant time. */
void key_to_hex(const struct key *key, char ret_hex[static KEY_HEX_LENGTH + 1]);

/* Reads the 64 lower-case digits at the start of `text`, in constant time. Writes *ret_key on
 * success only. Returns 0, or -1. */
int key_from_hex(const char text[static KEY_HEX_LENGTH], struct key *ret_key);

/* In constant time: a key may be a secret one. */
bool key_equal(const struct key *a, const struct key *b);
bool key_is_zero(const struct key *key);

/* Makes any 32 bytes a Curve25519 private key (RFC 7748 section 5). */
void key_clamp(struct key *key);

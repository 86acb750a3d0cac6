#include "link/key.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void key_to_text(const struct key *key, char ret_text[static KEY_TEXT_LENGTH + 1])
{
    uint8_t bytes[KEY_SIZE + 1] = {0};
    const uint8_t *in = bytes;
    char *out = ret_text;

    memcpy(bytes, key->bytes, KEY_SIZE);
    for (; out < ret_text + KEY_TEXT_LENGTH; in += 3, out += 4) {
        out[0] = alphabet[in[0] >> 2];
        out[1] = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
        out[2] = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
        out[3] = alphabet[in[2] & 63];
    }
    ret_text[KEY_TEXT_LENGTH - 1] = '=';
    ret_text[KEY_TEXT_LENGTH] = '\0';
}

/* Returns a mask of ones if `value` is in the range, or else of zeros. */
static int mask_of(int value, int low, int high)
{
    return -(int)((unsigned int)((low - 1 - value) & (value - high - 1)) >> 31);
}

/* Returns the six bits that a character stands for, or -1. Without a look-up or a branch, because
 * the character may be a preshared key's. */
static int sextet(char character)
{
    return -1 + (mask_of(character, 'A', 'Z') & (character - 'A' + 1)) +
           (mask_of(character, 'a', 'z') & (character - 'a' + 27)) +
           (mask_of(character, '0', '9') & (character - '0' + 53)) +
           (mask_of(character, '+', '+') & 63) + (mask_of(character, '/', '/') & 64);
}

/* Decodes the 44 characters to 33 bytes: the last group is decoded whole. */
static int decode(const char *text, uint8_t ret_bytes[static KEY_SIZE + 1])
{
    uint8_t *out = ret_bytes;

    for (int group = 0; group < KEY_TEXT_LENGTH; group += 4, out += 3) {
        uint32_t bits = 0;

        for (int i = group; i < group + 4; i++) {
            int value = i == KEY_TEXT_LENGTH - 1 ? 0 : sextet(text[i]);

            if (value < 0)
                return -1;
            bits = bits << 6 | (uint32_t)value;
        }
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    return 0;
}

int key_from_text(const char *text, struct key *ret_key)
{
    uint8_t bytes[KEY_SIZE + 1];
    int error = -1;

    if (strlen(text) != KEY_TEXT_LENGTH || text[KEY_TEXT_LENGTH - 1] != '=')
        return -1;
    if (decode(text, bytes) == 0 && bytes[KEY_SIZE] == 0) {
        memcpy(ret_key->bytes, bytes, KEY_SIZE);
        error = 0;
    }
    explicit_bzero(bytes, sizeof(bytes));
    return error;
}

void key_to_hex(const struct key *key, char ret_hex[static KEY_HEX_LENGTH + 1])
{
    for (size_t i = 0; i < KEY_HEX_LENGTH; i++) {
        unsigned int digit = key->bytes[i / 2] >> (i % 2 ? 0 : 4) & 15;

        ret_hex[i] = (char)('0' + digit + ((9 - digit) >> 8 & ('a' - '0' - 10)));
    }
    ret_hex[KEY_HEX_LENGTH] = '\0';
}

int key_from_hex(const char text[static KEY_HEX_LENGTH], struct key *ret_key)
{
    struct key key = {0};
    int wrong = 0;

    for (size_t i = 0; i < KEY_HEX_LENGTH; i++) {
        int digit = -1 + (mask_of(text[i], '0', '9') & (text[i] - '0' + 1)) +
                    (mask_of(text[i], 'a', 'f') & (text[i] - 'a' + 11));

        wrong |= digit;
        key.bytes[i / 2] = (uint8_t)(key.bytes[i / 2] << 4 | (digit & 15));
    }
    if (wrong >= 0)
        *ret_key = key;
    explicit_bzero(&key, sizeof(key));
    return wrong >= 0 ? 0 : -1;
}

bool key_equal(const struct key *a, const struct key *b)
{
    volatile uint8_t difference = 0;

    for (size_t i = 0; i < KEY_SIZE; i++)
        difference = (uint8_t)(difference | (a->bytes[i] ^ b->bytes[i]));
    return difference == 0;
}

bool key_is_zero(const struct key *key)
{
    static const struct key zero;

    return key_equal(key, &zero);
}

void key_clamp(struct key *key)
{
    key->bytes[0] &= 248;
    key->bytes[31] &= 127;
    key->bytes[31] |= 64;
}

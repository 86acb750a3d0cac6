#include "link/key.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Base64 the slow way: bit by bit, as RFC 4648 section 4 describes it. */
static void encode(const uint8_t *bytes, size_t size, char *ret_text)
{
    size_t bits = size * 8;
    size_t length = 0;

    for (size_t bit = 0; bit < bits; bit += 6) {
        unsigned int value = 0;

        for (size_t i = bit; i < bit + 6; i++)
            value = value << 1 | (i < bits ? (unsigned int)bytes[i / 8] >> (7 - i % 8) & 1 : 0);
        ret_text[length++] = digits[value];
    }
    while (length % 4 != 0)
        ret_text[length++] = '=';
    ret_text[length] = '\0';
}

/* The RFC's own examples (section 10) hold the encoder above to it. */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

/* Keys whose text is known. The last: RFC 7748 section 6.1, Alice's public key. */
static const struct {
    struct key key;
    const char *text;
} known[] = {
    {{{0}}, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    {{"foobarfoobarfoobarfoobarfoobarfo"}, "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8="},
    {{{[31] = 1}}, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="},
    {{{0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
       0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
       0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a}},
     "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="},
};

static const char good[] = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

TEST(rfc_4648)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        char text[16];

        encode((const uint8_t *)vectors[i].bytes, strlen(vectors[i].bytes), text);
        expect(strcmp(text, vectors[i].text) == 0, "vector %zu: %s", i, text);
    }
}

static void check_both_ways(size_t number, const struct key *key, const char *wanted)
{
    /* on the heap, in the exact size, so that a byte too much is seen */
    char *text = malloc(KEY_TEXT_LENGTH + 1);
    struct key back = {{1, 2, 3}};

    key_to_text(key, text);
    expect(strcmp(text, wanted) == 0, "case %zu: %s is not %s", number, text, wanted);
    expect(key_from_text(text, &back) == 0, "case %zu: %s refused", number, text);
    expect(memcmp(&back, key, sizeof(back)) == 0, "case %zu: %s is another key", number, text);
    free(text);
}

TEST(known_keys)
{
    for (size_t i = 0; i < COUNT(known); i++)
        check_both_ways(i, &known[i].key, known[i].text);
}

TEST(random_keys)
{
    for (size_t i = 0; i < 20000; i++) {
        struct key key;
        char wanted[KEY_TEXT_LENGTH + 1];

        for (size_t byte = 0; byte < KEY_SIZE; byte++)
            key.bytes[byte] = (uint8_t)unit_random();
        encode(key.bytes, KEY_SIZE, wanted);
        check_both_ways(i, &key, wanted);
    }
}

static void check_refused(size_t number, const char *text)
{
    struct key key = {{7, 7, 7}};
    struct key before = key;
    char *copy = unit_copy(text, strlen(text) + 1);

    expect(key_from_text(copy, &key) == -1, "case %zu: \"%s\" taken", number, text);
    expect(memcmp(&key, &before, sizeof(key)) == 0, "case %zu: \"%s\" written", number, text);
    free(copy);
}

/* Every byte at every place: taken if it is of the alphabet (or the '=' at the end), no other. Of
 * the last character but one, two bits are spare: they have to be zero. */
TEST(every_byte_at_each_place)
{
    for (size_t place = 0; place < KEY_TEXT_LENGTH; place++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[sizeof(good)];
            char again[sizeof(good)];
            struct key key;
            const char *digit = strchr(digits, byte);
            bool right = place == KEY_TEXT_LENGTH - 1   ? byte == '='
                         : place == KEY_TEXT_LENGTH - 2 ? digit && (digit - digits) % 4 == 0
                                                        : digit != NULL;

            memcpy(text, good, sizeof(good));
            text[place] = (char)byte;
            if (!right) {
                check_refused(place * 256 + (size_t)byte, text);
                continue;
            }
            expect(key_from_text(text, &key) == 0, "byte %d at %zu refused", byte, place);
            encode(key.bytes, KEY_SIZE, again);
            expect(strcmp(again, text) == 0, "byte %d at %zu: %s", byte, place, again);
        }
    }
}

/* Of all lengths one is right, with or without the '='. */
TEST(lengths)
{
    for (size_t length = 0; length <= 60; length++) {
        char text[61] = {0};

        memset(text, 'A', length);
        check_refused(length, text);
        if (length > 0)
            text[length - 1] = '=';
        if (length != KEY_TEXT_LENGTH)
            check_refused(100 + length, text);
        if (length > 1)
            text[length - 2] = '=';
        check_refused(200 + length, text);
    }
}

static const char *const refused[] = {
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n", /* as a file would have it */
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo",    /* without padding */
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTQ==",   /* 31 bytes, canonical */
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", /* hexadecimal */
};

TEST(refused_texts)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        check_refused(i, refused[i]);
}

/* What a thread decodes, and the stack that it does it on. */
enum {
    STACK_SIZE = 256 * 1024,
};

static void *decode_it(void *text)
{
    struct key *key = unit_copy(text, sizeof(*key));

    (void)key_from_text(text, key);
    explicit_bzero(key, sizeof(*key));
    free(key);
    return NULL;
}

/* Of a key that is read, or refused at its last bits, nothing is left on the stack. */
TEST(nothing_left)
{
    static const char *const texts[] = {good, "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp="};
    struct key key;

    expect(key_from_text(good, &key) == 0, "good");
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint8_t *stack = aligned_alloc(4096, STACK_SIZE);
        char *text = unit_copy(texts[i], sizeof(good));
        pthread_attr_t attributes;
        pthread_t thread;

        if (!stack || pthread_attr_init(&attributes) ||
            pthread_attr_setstack(&attributes, stack, STACK_SIZE) ||
            pthread_create(&thread, &attributes, decode_it, text) || pthread_join(thread, NULL))
            unit_trouble("a thread");
        for (size_t part = 0; part + 8 <= KEY_SIZE; part++)
            expect(!memmem(stack, STACK_SIZE, key.bytes + part, 8), "text %zu, from %zu", i, part);
        pthread_attr_destroy(&attributes);
        free(text);
        free(stack);
    }
}

/* A private key has three bits cleared at one end, one cleared and one set at the other; all others
 * are left alone. */
TEST(clamp)
{
    for (unsigned int value = 0; value < 256; value++) {
        struct key key;
        struct key wanted;

        memset(key.bytes, (int)value, KEY_SIZE);
        wanted = key;
        wanted.bytes[0] = (uint8_t)(value - value % 8);
        wanted.bytes[31] = (uint8_t)(value % 64 + 64);
        key_clamp(&key);
        expect(memcmp(&key, &wanted, sizeof(key)) == 0, "value %u: %02x ... %02x", value,
               key.bytes[0], key.bytes[31]);
        key_clamp(&key);
        expect(memcmp(&key, &wanted, sizeof(key)) == 0, "value %u, twice", value);
    }
}

/* A key with one bit set is neither zero nor another's equal. */
TEST(comparison)
{
    struct key zero = {{0}};

    expect(key_is_zero(&zero), "zero");
    for (size_t bit = 0; bit < 256; bit++) {
        struct key key = {{0}};
        struct key same;

        key.bytes[bit / 8] = (uint8_t)(1U << bit % 8);
        same = key;
        expect(!key_is_zero(&key), "bit %zu is zero", bit);
        expect(!key_equal(&key, &zero) && !key_equal(&zero, &key), "bit %zu equals zero", bit);
        expect(key_equal(&key, &same), "bit %zu is not itself", bit);
    }
}

/* Each byte at each place, there and back; and with each other character in the place of a digit.
 */
TEST(hexadecimal)
{
    for (unsigned int i = 0; i < 256 * KEY_SIZE; i++) {
        size_t place = i % KEY_SIZE;
        struct key key = {{1}}, again = {{2}};
        char text[KEY_HEX_LENGTH + 1], wanted[3];
        char wrong = (char)(i / KEY_SIZE);

        key.bytes[place] = (uint8_t)(i / KEY_SIZE);
        key_to_hex(&key, text);
        (void)snprintf(wanted, sizeof(wanted), "%02x", key.bytes[place]);
        expect(strlen(text) == KEY_HEX_LENGTH && memcmp(text + 2 * place, wanted, 2) == 0, "%s",
               text);
        expect(key_from_hex(text, &again) == 0 && key_equal(&key, &again), "%s", text);
        text[2 * place + i % 2] = wrong;
        again = key;
        expect((key_from_hex(text, &again) == 0) == (wrong && strchr("0123456789abcdef", wrong)),
               "character %d at %zu", wrong, 2 * place + i % 2);
    }
}

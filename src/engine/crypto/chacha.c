#include "engine/crypto/chacha.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

#include <openssl/crypto.h>

enum {
    ROWS = 16, /* 32-bit words of ChaCha20's state */
    DOUBLE_ROUNDS = 10,
};

/* The same word of CHACHA_LANES states. The compiler turns it into the processor's vectors. */
typedef uint32_t row __attribute__((vector_size(CHACHA_LANES * sizeof(uint32_t))));

/* The function is compiled for each of these processors, and the loader takes the best version:
 * that of glibc does; musl knows no such choice. */
#if defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

/* "expand 32-byte k" (RFC 8439, section 2.3) */
static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

#define ADD_XOR_TURN(x, y, z, bits)                                                                \
    do {                                                                                           \
        (x) += (y);                                                                                \
        (z) ^= (x);                                                                                \
        (z) = (z) << (bits) | (z) >> (32 - (bits));                                                \
    } while (0)

#define QUARTER_ROUND(a, b, c, d)                                                                  \
    do {                                                                                           \
        ADD_XOR_TURN(a, b, d, 16);                                                                 \
        ADD_XOR_TURN(c, d, b, 12);                                                                 \
        ADD_XOR_TURN(a, b, d, 8);                                                                  \
        ADD_XOR_TURN(c, d, b, 7);                                                                  \
    } while (0)

FOR_EACH_PROCESSOR
static void permute(row x[static ROWS])
{
    for (int i = 0; i < DOUBLE_ROUNDS; i++) {
        QUARTER_ROUND(x[0], x[4], x[8], x[12]);
        QUARTER_ROUND(x[1], x[5], x[9], x[13]);
        QUARTER_ROUND(x[2], x[6], x[10], x[14]);
        QUARTER_ROUND(x[3], x[7], x[11], x[15]);
        QUARTER_ROUND(x[0], x[5], x[10], x[15]);
        QUARTER_ROUND(x[1], x[6], x[11], x[12]);
        QUARTER_ROUND(x[2], x[7], x[8], x[13]);
        QUARTER_ROUND(x[3], x[4], x[9], x[14]);
    }
}

static uint32_t load_word(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return le32toh(word);
}

static void store_word(uint8_t *bytes, uint32_t word)
{
    word = htole32(word);
    memcpy(bytes, &word, sizeof(word));
}

static void begin(row state[static ROWS], const uint8_t key[static CHACHA_KEY_SIZE])
{
    const row zero = {0};

    for (int i = 0; i < 4; i++)
        state[i] = zero + constants[i];
    for (size_t i = 0; i < 8; i++)
        state[4 + i] = zero + load_word(key + 4 * i);
    for (int i = 12; i < ROWS; i++)
        state[i] = zero;
}

void chacha_hash(const uint8_t key[static CHACHA_KEY_SIZE], const uint8_t input[static 16],
                 uint8_t ret_key[static CHACHA_KEY_SIZE])
{
    row state[ROWS];

    begin(state, key);
    for (size_t i = 0; i < 4; i++)
        state[12 + i] += load_word(input + 4 * i);
    permute(state);
    for (size_t i = 0; i < 4; i++) {
        store_word(ret_key + 4 * i, state[i][0]);
        store_word(ret_key + 16 + 4 * i, state[12 + i][0]);
    }
    explicit_bzero(state, sizeof(state));
}

/* Picks lanes of two rows, the same in each group of four lanes, as every processor can. Lanes of
 * the second row are numbered from 16. */
#define SHUFFLE(x, y, a, b, c, d)                                                                  \
    __builtin_shufflevector(x, y, (a), (b), (c), (d), (a) + 4, (b) + 4, (c) + 4, (d) + 4, (a) + 8, \
                            (b) + 8, (c) + 8, (d) + 8, (a) + 12, (b) + 12, (c) + 12, (d) + 12)

/* Transposes four rows, which hold four words of all blocks, so that a block's words lie beside
 * each other. Row i then has the words of the blocks i, i + 4, i + 8 and i + 12. */
FOR_EACH_PROCESSOR
static void turn(row x[static 4])
{
    row low[2] = {SHUFFLE(x[0], x[1], 0, 16, 1, 17), SHUFFLE(x[2], x[3], 0, 16, 1, 17)};
    row high[2] = {SHUFFLE(x[0], x[1], 2, 18, 3, 19), SHUFFLE(x[2], x[3], 2, 18, 3, 19)};

    x[0] = SHUFFLE(low[0], low[1], 0, 1, 16, 17);
    x[1] = SHUFFLE(low[0], low[1], 2, 3, 18, 19);
    x[2] = SHUFFLE(high[0], high[1], 0, 1, 16, 17);
    x[3] = SHUFFLE(high[0], high[1], 2, 3, 18, 19);
}

static void write_blocks(row x[static ROWS],
                         uint8_t ret_blocks[static CHACHA_LANES][CHACHA_BLOCK_SIZE])
{
    const size_t size = 4 * sizeof(uint32_t);

    for (size_t part = 0; part < 4; part++) {
        turn(x + 4 * part);
        for (size_t block = 0; block < CHACHA_LANES; block++) {
            const uint8_t *words = (const void *)(x + 4 * part + block % 4);

            memcpy(ret_blocks[block] + part * size, words + block / 4 * size, size);
        }
    }
}

void chacha_blocks(const uint8_t key[static CHACHA_KEY_SIZE],
                   const uint64_t counter[static CHACHA_LANES],
                   const uint32_t number[static CHACHA_LANES],
                   uint8_t ret_blocks[static CHACHA_LANES][CHACHA_BLOCK_SIZE])
{
    row first[ROWS];
    row state[ROWS];

    begin(first, key);
    for (int lane = 0; lane < CHACHA_LANES; lane++) {
        first[12][lane] = number[lane];
        first[14][lane] = (uint32_t)counter[lane];
        first[15][lane] = (uint32_t)(counter[lane] >> 32);
    }
    memcpy(state, first, sizeof(state));
    permute(state);
    for (int i = 0; i < ROWS; i++)
        state[i] += first[i];
    write_blocks(state, ret_blocks);
    /* Not OPENSSL_cleanse(), which would take a third of the time of all this. */
    explicit_bzero(first, sizeof(first));
    explicit_bzero(state, sizeof(state));
}

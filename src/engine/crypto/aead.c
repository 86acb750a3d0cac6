/* The cipher and the MAC of libcrypto, called apart and without EVP. Measured, of 1420-byte packets
 * on an AMD EPYC with AVX-512, to seal and to open one: EVP's ChaCha20-Poly1305 1730 ns; EVP's
 * ChaCha20 and Poly1305 1620 ns; the provider's own functions, which EVP calls, 1500 ns; the same
 * with Poly1305's keys made 16 at a time (chacha.h) 1300 ns; and the ends of messages made with
 * them 1000 ns. Of 96-byte packets, without ends and with them: 750 and 270 ns. */
#include "engine/crypto/aead.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#include "engine/crypto/chacha.h"
#include "engine/crypto/libcrypto.h"
#include "engine/io/random.h"

enum {
    MAC_BLOCK = 16,
    IV_SIZE = 16,                    /* libcrypto's: the number of the block, and the nonce */
    STRIDE = 1024,                   /* what libcrypto does at once, in vectors of 16 blocks */
    END_MAX = 3 * CHACHA_BLOCK_SIZE, /* more is made faster by libcrypto, where vectors are short */
    BATCHES = 2, /* a packet that is late by some doesn't cost a batch each time */
};

/* How a message's key stream is made: `bulk` bytes by libcrypto, and the rest out of a batch. */
struct layout {
    size_t bulk;
    size_t blocks; /* in the batch: the message's first, which is Poly1305's key, and those of its
                      end */
};

/* Blocks of the key streams of some counters that follow each other, made together. */
struct batch {
    struct layout layout; /* no blocks: nothing is here */
    uint64_t first;       /* counter */
    uint8_t block[CHACHA_LANES][CHACHA_BLOCK_SIZE];
};

struct aead {
    void *cipher;
    void *mac;
    uint8_t key[AEAD_KEY_SIZE];
    uint8_t unknown[AEAD_KEY_SIZE]; /* random; takes the key's place after a wipe */
    struct layout last;             /* the best one for the last message */
    struct batch keys[BATCHES];     /* of Poly1305, alone */
    struct batch batch[BATCHES];    /* with ends */
};

/* The provider's functions, the same for all objects. */
static struct {
    OSSL_FUNC_cipher_newctx_fn *cipher_new;
    OSSL_FUNC_cipher_freectx_fn *cipher_free;
    OSSL_FUNC_cipher_encrypt_init_fn *cipher_begin;
    OSSL_FUNC_cipher_update_fn *cipher_update;
    OSSL_FUNC_mac_newctx_fn *mac_new;
    OSSL_FUNC_mac_freectx_fn *mac_free;
    OSSL_FUNC_mac_init_fn *mac_begin;
    OSSL_FUNC_mac_update_fn *mac_update;
    OSSL_FUNC_mac_final_fn *mac_end;
} provider;

static libcrypto_function *cipher_function(int number)
{
    return libcrypto_find(OSSL_OP_CIPHER, "ChaCha20", number);
}

static libcrypto_function *mac_function(int number)
{
    return libcrypto_find(OSSL_OP_MAC, "POLY1305", number);
}

static bool find_functions(void)
{
    if (!libcrypto_start())
        return false;
    provider.cipher_new = (OSSL_FUNC_cipher_newctx_fn *)cipher_function(OSSL_FUNC_CIPHER_NEWCTX);
    provider.cipher_free = (OSSL_FUNC_cipher_freectx_fn *)cipher_function(OSSL_FUNC_CIPHER_FREECTX);
    provider.cipher_begin =
        (OSSL_FUNC_cipher_encrypt_init_fn *)cipher_function(OSSL_FUNC_CIPHER_ENCRYPT_INIT);
    provider.cipher_update = (OSSL_FUNC_cipher_update_fn *)cipher_function(OSSL_FUNC_CIPHER_UPDATE);
    provider.mac_new = (OSSL_FUNC_mac_newctx_fn *)mac_function(OSSL_FUNC_MAC_NEWCTX);
    provider.mac_free = (OSSL_FUNC_mac_freectx_fn *)mac_function(OSSL_FUNC_MAC_FREECTX);
    provider.mac_begin = (OSSL_FUNC_mac_init_fn *)mac_function(OSSL_FUNC_MAC_INIT);
    provider.mac_update = (OSSL_FUNC_mac_update_fn *)mac_function(OSSL_FUNC_MAC_UPDATE);
    provider.mac_end = (OSSL_FUNC_mac_final_fn *)mac_function(OSSL_FUNC_MAC_FINAL);
    return provider.cipher_new && provider.cipher_free && provider.cipher_begin &&
           provider.cipher_update && provider.mac_new && provider.mac_free && provider.mac_begin &&
           provider.mac_update && provider.mac_end;
}

struct aead *aead_new(void)
{
    struct aead *aead = find_functions() ? calloc(1, sizeof(*aead)) : NULL;

    if (!aead)
        return NULL;
    aead->cipher = provider.cipher_new(libcrypto_provider_context());
    aead->mac = provider.mac_new(libcrypto_provider_context());
    if (!aead->cipher || !aead->mac || random_bytes(aead->unknown, sizeof(aead->unknown))) {
        aead_free(aead);
        return NULL;
    }
    aead_wipe(aead);
    return aead;
}

/* libcrypto wipes what it frees of these. */
void aead_free(struct aead *aead)
{
    if (!aead)
        return;
    if (aead->cipher)
        provider.cipher_free(aead->cipher);
    if (aead->mac)
        provider.mac_free(aead->mac);
    OPENSSL_cleanse(aead, sizeof(*aead));
    free(aead);
}

void aead_set_key(struct aead *aead, const uint8_t key[static AEAD_KEY_SIZE])
{
    memcpy(aead->key, key, AEAD_KEY_SIZE);
    OPENSSL_cleanse(aead->keys, sizeof(aead->keys));
    OPENSSL_cleanse(aead->batch, sizeof(aead->batch));
    libcrypto_must(provider.cipher_begin(aead->cipher, key, AEAD_KEY_SIZE, NULL, 0, NULL));
}

/* Poly1305's object holds the key of one message, which can't forge another message. It is
 * overwritten all the same, so that no secret outlives the session. */
void aead_wipe(struct aead *aead)
{
    aead_set_key(aead, aead->unknown);
    libcrypto_must(provider.mac_begin(aead->mac, aead->unknown, AEAD_KEY_SIZE, NULL));
}

static void fill(struct batch *batch, const uint8_t key[static AEAD_KEY_SIZE])
{
    size_t skipped = batch->layout.bulk / CHACHA_BLOCK_SIZE;
    uint64_t counter[CHACHA_LANES];
    uint32_t number[CHACHA_LANES];

    for (size_t lane = 0; lane < CHACHA_LANES; lane++) {
        size_t place = lane % batch->layout.blocks;

        counter[lane] = batch->first + lane / batch->layout.blocks;
        number[lane] = place == 0 ? 0 : (uint32_t)(skipped + place);
    }
    chacha_blocks(key, counter, number, batch->block);
}

static bool is_same(const struct layout *a, const struct layout *b)
{
    return a->bulk == b->bulk && a->blocks == b->blocks;
}

static struct layout best_layout(size_t length)
{
    struct layout layout = {.bulk = length / STRIDE * STRIDE};

    if (length - layout.bulk > END_MAX)
        layout.bulk = length / CHACHA_BLOCK_SIZE * CHACHA_BLOCK_SIZE;
    layout.blocks = 1 + (length - layout.bulk + CHACHA_BLOCK_SIZE - 1) / CHACHA_BLOCK_SIZE;
    return layout;
}

/* Chooses the best layout if the last message had the same one: a batch of ends pays only if
 * messages of the same length follow. Else only Poly1305's keys, which all messages need, are made
 * in batches. */
static struct layout choose_layout(struct aead *aead, size_t length)
{
    struct layout best = best_layout(length);
    bool again = is_same(&best, &aead->last);

    aead->last = best;
    return again ? best : (struct layout){.bulk = length, .blocks = 1};
}

/* Returns Poly1305's key, and behind it the key stream for the rest after the bulk. */
static const uint8_t *blocks_of(struct aead *aead, uint64_t counter, const struct layout *layout)
{
    size_t counters = CHACHA_LANES / layout->blocks;
    uint64_t first = counter - counter % counters;
    struct batch *batch = layout->blocks > 1 ? aead->batch : aead->keys;

    batch += counter / counters % BATCHES;
    if (batch->layout.blocks != layout->blocks || batch->first != first ||
        (layout->blocks > 1 && batch->layout.bulk != layout->bulk)) {
        batch->layout = *layout;
        batch->first = first;
        fill(batch, aead->key);
    }
    return batch->block[(counter - first) * layout->blocks];
}

static void mac_update(struct aead *aead, const uint8_t *bytes, size_t length)
{
    if (length > 0)
        libcrypto_must(provider.mac_update(aead->mac, bytes, length));
}

/* Adds bytes, and zeros up to a whole block. */
static void mac_padded(struct aead *aead, const uint8_t *bytes, size_t length)
{
    static const uint8_t zeros[MAC_BLOCK];

    mac_update(aead, bytes, length);
    mac_update(aead, zeros, (MAC_BLOCK - length % MAC_BLOCK) % MAC_BLOCK);
}

/* Makes the tag of RFC 8439, section 2.8. The bytes after the last whole block go in together with
 * their padding and the lengths, because each call has its cost. */
static void make_tag(struct aead *aead, const uint8_t *key, const uint8_t *extra,
                     size_t extra_length, const uint8_t *sealed, size_t length,
                     uint8_t ret_tag[static AEAD_TAG_SIZE])
{
    size_t rest = length % MAC_BLOCK;
    uint8_t end[2 * MAC_BLOCK] = {0};
    uint8_t *lengths = rest > 0 ? end + MAC_BLOCK : end;
    const uint64_t sizes[2] = {htole64(extra_length), htole64(length)};
    size_t size;

    libcrypto_must(provider.mac_begin(aead->mac, key, CHACHA_KEY_SIZE, NULL));
    mac_padded(aead, extra, extra_length);
    mac_update(aead, sealed, length - rest);
    if (rest > 0)
        memcpy(end, sealed + length - rest, rest);
    memcpy(lengths, sizes, sizeof(sizes));
    mac_update(aead, end, (size_t)(lengths - end) + sizeof(sizes));
    libcrypto_must(provider.mac_end(aead->mac, ret_tag, &size, AEAD_TAG_SIZE));
}

/* Encrypts or decrypts the bulk, which is the same, by libcrypto. The stream begins at block 1:
 * block 0 is Poly1305's key. */
static void apply_bulk(struct aead *aead, uint64_t counter, const uint8_t *in, size_t length,
                       uint8_t *out)
{
    uint8_t iv[IV_SIZE] = {1};
    size_t size;

    counter = htole64(counter);
    memcpy(iv + 8, &counter, sizeof(counter));
    libcrypto_must(provider.cipher_begin(aead->cipher, NULL, 0, iv, sizeof(iv), NULL));
    libcrypto_must(provider.cipher_update(aead->cipher, out, &size, length, in, length));
}

static void apply_block(const uint8_t *stream, const uint8_t *in, size_t length, uint8_t *out)
{
    uint64_t bytes[CHACHA_BLOCK_SIZE / 8];
    uint64_t mask[CHACHA_BLOCK_SIZE / 8];

    memcpy(bytes, in, length);
    memcpy(mask, stream, sizeof(mask));
    for (size_t i = 0; i < CHACHA_BLOCK_SIZE / 8; i++)
        bytes[i] ^= mask[i];
    memcpy(out, bytes, length);
}

static void apply_stream(struct aead *aead, uint64_t counter, const struct layout *layout,
                         const uint8_t *blocks, const uint8_t *in, size_t length, uint8_t *out)
{
    size_t done = layout->bulk;

    if (done > 0)
        apply_bulk(aead, counter, in, done, out);
    for (; length - done >= CHACHA_BLOCK_SIZE; done += CHACHA_BLOCK_SIZE) {
        blocks += CHACHA_BLOCK_SIZE;
        apply_block(blocks, in + done, CHACHA_BLOCK_SIZE, out + done);
    }
    if (done < length)
        apply_block(blocks + CHACHA_BLOCK_SIZE, in + done, length - done, out + done);
}

static void seal_at(struct aead *aead, uint64_t counter, const uint8_t *plain, size_t length,
                    const uint8_t *extra, size_t extra_length, uint8_t *ret_sealed)
{
    struct layout layout = choose_layout(aead, length);
    const uint8_t *blocks = blocks_of(aead, counter, &layout);

    apply_stream(aead, counter, &layout, blocks, plain, length, ret_sealed);
    make_tag(aead, blocks, extra, extra_length, ret_sealed, length, ret_sealed + length);
}

static bool open_at(struct aead *aead, uint64_t counter, const uint8_t *sealed, size_t length,
                    const uint8_t *extra, size_t extra_length, uint8_t *ret_plain)
{
    uint8_t tag[AEAD_TAG_SIZE];
    struct layout layout;
    const uint8_t *blocks;

    if (length < AEAD_TAG_SIZE)
        return false;
    length -= AEAD_TAG_SIZE;
    layout = choose_layout(aead, length);
    blocks = blocks_of(aead, counter, &layout);
    make_tag(aead, blocks, extra, extra_length, sealed, length, tag);
    if (CRYPTO_memcmp(tag, sealed + length, AEAD_TAG_SIZE) != 0)
        return false;
    apply_stream(aead, counter, &layout, blocks, sealed, length, ret_plain);
    return true;
}

void aead_seal(struct aead *aead, uint64_t counter, const uint8_t *plain, size_t length,
               uint8_t *ret_sealed)
{
    seal_at(aead, counter, plain, length, NULL, 0, ret_sealed);
}

bool aead_open(struct aead *aead, uint64_t counter, const uint8_t *sealed, size_t length,
               uint8_t *ret_plain)
{
    return open_at(aead, counter, sealed, length, NULL, 0, ret_plain);
}

void aead_seal_once(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE], uint64_t counter,
                    const uint8_t *plain, size_t length, const uint8_t *extra, size_t extra_length,
                    uint8_t *ret_sealed)
{
    aead_set_key(scratch, key);
    seal_at(scratch, counter, plain, length, extra, extra_length, ret_sealed);
    aead_wipe(scratch);
}

bool aead_open_once(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE], uint64_t counter,
                    const uint8_t *sealed, size_t length, const uint8_t *extra, size_t extra_length,
                    uint8_t *ret_plain)
{
    bool right;

    aead_set_key(scratch, key);
    right = open_at(scratch, counter, sealed, length, extra, extra_length, ret_plain);
    aead_wipe(scratch);
    return right;
}

/* XChaCha20 (draft-irtf-cfrg-xchacha, section 2.3): the first 16 bytes of the nonce go into the
 * key, the last 8 are the counter. */
static uint64_t derive(const uint8_t key[static AEAD_KEY_SIZE],
                       const uint8_t nonce[static AEAD_XNONCE_SIZE],
                       uint8_t ret_key[static AEAD_KEY_SIZE])
{
    uint64_t counter;

    chacha_hash(key, nonce, ret_key);
    memcpy(&counter, nonce + 16, sizeof(counter));
    return le64toh(counter);
}

void aead_xseal(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE],
                const uint8_t nonce[static AEAD_XNONCE_SIZE], const uint8_t *plain, size_t length,
                const uint8_t *extra, size_t extra_length, uint8_t *ret_sealed)
{
    uint8_t derived[AEAD_KEY_SIZE];
    uint64_t counter = derive(key, nonce, derived);

    aead_seal_once(scratch, derived, counter, plain, length, extra, extra_length, ret_sealed);
    OPENSSL_cleanse(derived, sizeof(derived));
}

bool aead_xopen(struct aead *scratch, const uint8_t key[static AEAD_KEY_SIZE],
                const uint8_t nonce[static AEAD_XNONCE_SIZE], const uint8_t *sealed, size_t length,
                const uint8_t *extra, size_t extra_length, uint8_t *ret_plain)
{
    uint8_t derived[AEAD_KEY_SIZE];
    uint64_t counter = derive(key, nonce, derived);
    bool right =
        aead_open_once(scratch, derived, counter, sealed, length, extra, extra_length, ret_plain);

    OPENSSL_cleanse(derived, sizeof(derived));
    return right;
}

#include "engine/crypto/aead.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "engine/crypto/chacha.h"
#include "engine/crypto/libcrypto.h"
#include "hex.h"
#include "unit.h"

enum {
    LENGTH_MAX = 1600,
    NONCE_SIZE = 12,
};

#define KEY_80 "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
#define KEY_1C "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"
#define KEY_00 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ZERO   "0000000000000000000000000000000000000000000000000000000000000000"

/* "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future,
 * sunscreen would be it." */
#define SUNSCREEN                                                                                  \
    "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a2049662049" \
    "20636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c20" \
    "73756e73637265656e20776f756c642062652069742e"
#define SUNSCREEN_EXTRA "50515253c0c1c2c3c4c5c6c7"

/* ---- A second opinion: libcrypto's own ChaCha20-Poly1305 ---- */

/* `key` and `nonce` of any value. Returns 1 or what libcrypto returned. */
static int oracle(bool sealing, const uint8_t *key, const uint8_t nonce[static NONCE_SIZE],
                  const uint8_t *in, size_t length, const uint8_t *extra, size_t extra_length,
                  uint8_t *out, uint8_t tag[static AEAD_TAG_SIZE])
{
    EVP_CIPHER *type = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int right;
    int size;

    if (!type || !context || EVP_CipherInit_ex(context, type, NULL, key, nonce, sealing) != 1)
        unit_trouble("libcrypto");
    if (!sealing)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag);
    if (extra_length > 0)
        EVP_CipherUpdate(context, NULL, &size, extra, (int)extra_length);
    if (length > 0)
        EVP_CipherUpdate(context, out, &size, in, (int)length);
    right = EVP_CipherFinal_ex(context, out + length, &size);
    if (sealing)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, tag);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(type);
    return right;
}

static void oracle_seal(const uint8_t *key, uint64_t counter, const uint8_t *plain, size_t length,
                        const uint8_t *extra, size_t extra_length, uint8_t *ret_sealed)
{
    uint8_t nonce[NONCE_SIZE] = {0};

    counter = htole64(counter);
    memcpy(nonce + 4, &counter, sizeof(counter));
    oracle(true, key, nonce, plain, length, extra, extra_length, ret_sealed, ret_sealed + length);
}

static const struct {
    const char *what;
    const char *key;
    const char *nonce;
    const char *plain;
    const char *extra;
    const char *sealed;
} rfc_8439[] = {
    {"section 2.8.2", KEY_80, "070000004041424344454647", SUNSCREEN, SUNSCREEN_EXTRA,
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
     "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
     "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
     "3ff4def08e4b7a9de576d26586cec64b6116"
     "1ae10b594f09e26a7e902ecbd0600691"},
    {"appendix A.5", KEY_1C, "000000000102030405060708",
     "496e7465726e65742d4472616674732061726520647261667420646f63756d65"
     "6e74732076616c696420666f722061206d6178696d756d206f6620736978206d"
     "6f6e74687320616e64206d617920626520757064617465642c207265706c6163"
     "65642c206f72206f62736f6c65746564206279206f7468657220646f63756d65"
     "6e747320617420616e792074696d652e20497420697320696e617070726f7072"
     "6961746520746f2075736520496e7465726e65742d4472616674732061732072"
     "65666572656e6365206d6174657269616c206f7220746f206369746520746865"
     "6d206f74686572207468616e206173202fe2809c776f726b20696e2070726f67"
     "726573732e2fe2809d",
     "f33388860000000000004e91",
     "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
     "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
     "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
     "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
     "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
     "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
     "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
     "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
     "a6ad5cb4022b02709b"
     "eead9d67890cbb22392336fea1851f38"},
};

/* The RFC's examples hold the second opinion to it: their nonces begin with bytes other than zero.
 */
TEST(the_oracle)
{
    for (size_t i = 0; i < COUNT(rfc_8439); i++) {
        struct hex key = hex(rfc_8439[i].key);
        struct hex nonce = hex(rfc_8439[i].nonce);
        struct hex plain = hex(rfc_8439[i].plain);
        struct hex extra = hex(rfc_8439[i].extra);
        struct hex sealed = hex(rfc_8439[i].sealed);
        uint8_t out[HEX_MAX];
        uint8_t tag[AEAD_TAG_SIZE];

        oracle(true, key.bytes, nonce.bytes, plain.bytes, plain.length, extra.bytes, extra.length,
               out, tag);
        expect(sealed.length == plain.length + AEAD_TAG_SIZE, "%s: length", rfc_8439[i].what);
        expect(memcmp(out, sealed.bytes, plain.length) == 0, "%s: text", rfc_8439[i].what);
        expect(memcmp(tag, sealed.bytes + plain.length, sizeof(tag)) == 0, "%s: tag",
               rfc_8439[i].what);
        expect(oracle(false, key.bytes, nonce.bytes, sealed.bytes, plain.length, extra.bytes,
                      extra.length, out, tag) == 1,
               "%s: doesn't open", rfc_8439[i].what);
    }
}

/* RFC 8439, section 2.5.2, with the functions that the engine finds. */
TEST(poly1305)
{
    struct hex key = hex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b");
    const uint8_t message[] = "Cryptographic Forum Research Group";
    OSSL_FUNC_mac_newctx_fn *make =
        (OSSL_FUNC_mac_newctx_fn *)libcrypto_find(OSSL_OP_MAC, "POLY1305", OSSL_FUNC_MAC_NEWCTX);
    OSSL_FUNC_mac_init_fn *begin =
        (OSSL_FUNC_mac_init_fn *)libcrypto_find(OSSL_OP_MAC, "POLY1305", OSSL_FUNC_MAC_INIT);
    OSSL_FUNC_mac_update_fn *update =
        (OSSL_FUNC_mac_update_fn *)libcrypto_find(OSSL_OP_MAC, "POLY1305", OSSL_FUNC_MAC_UPDATE);
    OSSL_FUNC_mac_final_fn *end =
        (OSSL_FUNC_mac_final_fn *)libcrypto_find(OSSL_OP_MAC, "POLY1305", OSSL_FUNC_MAC_FINAL);
    OSSL_FUNC_mac_freectx_fn *release =
        (OSSL_FUNC_mac_freectx_fn *)libcrypto_find(OSSL_OP_MAC, "POLY1305", OSSL_FUNC_MAC_FREECTX);
    void *context = make(libcrypto_provider_context());
    uint8_t tag[AEAD_TAG_SIZE];
    size_t size;

    for (int i = 0; i < 2; i++) { /* the same object, a second time */
        begin(context, key.bytes, key.length, NULL);
        update(context, message, 16);
        update(context, message + 16, sizeof(message) - 1 - 16);
        expect(end(context, tag, &size, sizeof(tag)) == 1, "final");
        expect(hex_is(tag, "a8061dc1305136c6c22b8baf0c0127a9"), "time %d", i);
    }
    release(context);
    expect(!libcrypto_find(OSSL_OP_MAC, "POLY130", OSSL_FUNC_MAC_NEWCTX), "a part of a name");
    expect(!libcrypto_find(OSSL_OP_MAC, "POLY13055", OSSL_FUNC_MAC_NEWCTX), "more than a name");
    expect(!libcrypto_find(OSSL_OP_MAC, "POLY1305", 9999), "no such function");
}

/* ---- ChaCha20 by hand ---- */

TEST(hchacha)
{
    struct hex key = hex(KEY_00);
    struct hex input = hex("000000090000004a0000000031415927");
    uint8_t derived[CHACHA_KEY_SIZE];

    chacha_hash(key.bytes, input.bytes, derived);
    expect(hex_is(derived, "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"),
           "draft-irtf-cfrg-xchacha, section 2.2.1");
}

/* RFC 8439, section 2.6.2 and appendix A.4. The nonces' last 8 bytes, as a counter. */
static const struct {
    const char *key;
    uint64_t counter;
    const char *one_time_key;
} one_time[] = {
    {KEY_80, UINT64_C(0x0706050403020100),
     "8ad5a08b905f81cc815040274ab29471a833b637e3fd0da508dbb8e2fdd1a646"},
    {ZERO, 0, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"},
    {"0000000000000000000000000000000000000000000000000000000000000001",
     UINT64_C(0x0200000000000000),
     "ecfa254f845f647473d3cb140da9e87606cb33066c447b87bc2666dde3fbb739"},
    {KEY_1C, UINT64_C(0x0200000000000000),
     "965e3bc6f9ec7ed9560808f4d229f94b137ff275ca9b3fcbdd59deaad23310ae"},
};

TEST(one_time_keys)
{
    for (size_t i = 0; i < COUNT(one_time); i++) {
        struct hex key = hex(one_time[i].key);
        uint64_t counters[CHACHA_LANES] = {0};
        uint32_t numbers[CHACHA_LANES] = {0};
        uint8_t blocks[CHACHA_LANES][CHACHA_BLOCK_SIZE];

        /* each lane has its own counter */
        counters[i * 5] = one_time[i].counter;
        chacha_blocks(key.bytes, counters, numbers, blocks);
        expect(memcmp(blocks[i * 5], hex(one_time[i].one_time_key).bytes, CHACHA_KEY_SIZE) == 0,
               "case %zu", i);
    }
}

/* ---- The data path ---- */

static void fill(uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)unit_random();
}

static void free_object(struct aead **aead)
{
    aead_free(*aead);
}

/* Freed in the end. */
#define OBJECT __attribute__((cleanup(free_object))) struct aead

static struct aead *new_object(void)
{
    struct aead *aead = aead_new();

    if (!aead)
        unit_trouble("aead_new");
    return aead;
}

/* Seals and opens, to elsewhere or in place, and compares with the second opinion. On the heap, in
 * exact sizes. */
static void check_length(struct aead *aead, const uint8_t *key, uint64_t counter, size_t length,
                         bool in_place)
{
    uint8_t *plain = malloc(length + 1);
    uint8_t *sealed = malloc(length + AEAD_TAG_SIZE);
    uint8_t *wanted = malloc(length + AEAD_TAG_SIZE);
    uint8_t *opened = malloc(length + AEAD_TAG_SIZE);

    fill(plain, length);
    oracle_seal(key, counter, plain, length, NULL, 0, wanted);
    if (in_place && length > 0)
        memcpy(sealed, plain, length);
    aead_seal(aead, counter, in_place ? sealed : plain, length, sealed);
    expect(memcmp(sealed, wanted, length + AEAD_TAG_SIZE) == 0, "%zu bytes, counter %llu", length,
           (unsigned long long)counter);
    memcpy(opened, sealed, length + AEAD_TAG_SIZE);
    expect(aead_open(aead, counter, in_place ? opened : sealed, length + AEAD_TAG_SIZE, opened),
           "%zu bytes, counter %llu don't open", length, (unsigned long long)counter);
    expect(memcmp(opened, plain, length) == 0, "%zu bytes, counter %llu: other bytes", length,
           (unsigned long long)counter);
    free(plain);
    free(sealed);
    free(wanted);
    free(opened);
}

TEST(every_length)
{
    OBJECT *aead = new_object();
    uint8_t key[AEAD_KEY_SIZE];

    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        if (length % 100 == 0) {
            fill(key, sizeof(key));
            aead_set_key(aead, key);
        }
        check_length(aead, key, length, length, length % 2);
    }
}

/* Messages as long as the one before are sealed and opened in another way: some of each length,
 * with counters that share a batch, and with some that don't. */
TEST(same_lengths)
{
    OBJECT *aead = new_object();
    struct hex key = hex(KEY_80);

    aead_set_key(aead, key.bytes);
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        uint64_t counter = unit_random_below(100);

        for (uint64_t i = 0; i < 4; i++)
            check_length(aead, key.bytes, counter + i, length, i % 2);
        check_length(aead, key.bytes, unit_random(), length, false);
        check_length(aead, key.bytes, counter, length, false);
    }
}

/* Poly1305's keys are made for many counters at a time: the ends of these batches, in any order. */
static const uint64_t counters[] = {
    0,
    15,
    16,
    31,
    32,
    15,
    17,
    47,
    48,
    0,
    UINT32_MAX - UINT64_C(15),
    UINT32_MAX,
    UINT32_MAX + UINT64_C(1),
    UINT64_C(1) << 32 | 16,
    UINT64_C(0x0123456789abcdef),
    UINT64_MAX - 8193,
    UINT64_MAX,
    1,
    UINT64_C(1) << 63,
    33, /* the same place among the batches as 1, but another batch */
};

TEST(every_counter)
{
    OBJECT *aead = new_object();
    struct hex key = hex(KEY_80);

    aead_set_key(aead, key.bytes);
    for (size_t i = 0; i < COUNT(counters); i++)
        check_length(aead, key.bytes, counters[i], 100, false);
    for (size_t i = 0; i < 2000; i++)
        check_length(aead, key.bytes, unit_random_below(200), unit_random_below(80), false);
}

/* A new key in an old object is as in a new one, and the old key is no more. */
TEST(new_key)
{
    OBJECT *aead = new_object();
    struct hex one = hex(KEY_80);
    struct hex other = hex(KEY_1C);
    uint8_t sealed[64 + AEAD_TAG_SIZE];
    uint8_t opened[64];

    aead_set_key(aead, one.bytes);
    check_length(aead, one.bytes, 3, 64, false);
    aead_seal(aead, 4, opened, 0, sealed);
    aead_set_key(aead, other.bytes);
    check_length(aead, other.bytes, 3, 64, false);
    check_length(aead, other.bytes, 4, 64, false);
    expect(!aead_open(aead, 4, sealed, AEAD_TAG_SIZE, opened), "opened by another key");
}

/* After a wipe neither the old key nor a key of zeros, or of another object, opens anything. */
TEST(wiped)
{
    OBJECT *aead = new_object();
    OBJECT *fresh = new_object();
    struct hex key = hex(KEY_80);
    struct hex zero = hex(ZERO);
    const uint8_t plain[32] = "thirty-one bytes and a zero ...";
    uint8_t by_key[32 + AEAD_TAG_SIZE];
    uint8_t by_zero[32 + AEAD_TAG_SIZE];
    uint8_t unknown[32 + AEAD_TAG_SIZE];
    uint8_t opened[32];

    aead_set_key(aead, key.bytes);
    aead_seal(aead, 0, plain, sizeof(plain), by_key);
    oracle_seal(zero.bytes, 0, plain, sizeof(plain), NULL, 0, by_zero);
    aead_wipe(aead);
    expect(!aead_open(aead, 0, by_key, sizeof(by_key), opened), "opened by the old key");
    expect(!aead_open(aead, 0, by_zero, sizeof(by_zero), opened), "opened by zeros");
    expect(!aead_open(fresh, 0, by_zero, sizeof(by_zero), opened), "a new one opened by zeros");
    aead_seal(aead, 0, plain, sizeof(plain), unknown);
    expect(memcmp(unknown, by_key, sizeof(by_key)) != 0, "sealed by the old key");
    expect(!aead_open(fresh, 0, unknown, sizeof(unknown), opened), "opened by another's");
    aead_free(NULL);
}

/* Not one bit may be another, nor a byte be missing or too much; and nothing is written then. */
TEST(forged)
{
    OBJECT *aead = new_object();
    struct hex key = hex(KEY_80);
    uint8_t plain[40] = {1, 2, 3};
    uint8_t sealed[40 + AEAD_TAG_SIZE + 1] = {0};
    uint8_t opened[40 + AEAD_TAG_SIZE];
    uint8_t before[sizeof(opened)];
    const size_t length = 40 + AEAD_TAG_SIZE;

    fill(opened, sizeof(opened));
    memcpy(before, opened, sizeof(before));
    aead_set_key(aead, key.bytes);
    aead_seal(aead, 7, plain, sizeof(plain), sealed);
    for (size_t bit = 0; bit < length * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        expect(!aead_open(aead, 7, sealed, length, opened), "bit %zu", bit);
        sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t other = 0; other <= length + 1; other++) {
        uint8_t *copy = unit_copy(sealed, other);

        if (other != length)
            expect(!aead_open(aead, 7, copy, other, opened), "%zu bytes", other);
        free(copy);
    }
    for (int bit = 0; bit < 64; bit++)
        expect(!aead_open(aead, 7 ^ UINT64_C(1) << bit, sealed, length, opened), "counter %d", bit);
    expect(memcmp(opened, before, sizeof(before)) == 0, "written");
    expect(aead_open(aead, 7, sealed, length, opened), "the right one is refused");
}

/* ---- Once, with additional data ---- */

TEST(once)
{
    OBJECT *scratch = new_object();

    for (size_t i = 0; i < 400; i++) {
        size_t length = i % 50;
        size_t extra_length = i % 37;
        uint8_t key[AEAD_KEY_SIZE];
        uint8_t plain[50];
        uint8_t extra[37];
        uint8_t sealed[50 + AEAD_TAG_SIZE];
        uint8_t wanted[50 + AEAD_TAG_SIZE];

        fill(key, sizeof(key));
        fill(plain, sizeof(plain));
        fill(extra, sizeof(extra));
        oracle_seal(key, 0, plain, length, extra, extra_length, wanted);
        aead_seal_once(scratch, key, 0, plain, length, extra, extra_length, sealed);
        expect(memcmp(sealed, wanted, length + AEAD_TAG_SIZE) == 0, "case %zu", i);
        fill(plain, sizeof(plain));
        expect(aead_open_once(scratch, key, 0, sealed, length + AEAD_TAG_SIZE, extra, extra_length,
                              plain),
               "case %zu doesn't open", i);
        aead_seal_once(scratch, key, 0, plain, length, extra, extra_length, sealed);
        expect(memcmp(sealed, wanted, length + AEAD_TAG_SIZE) == 0, "case %zu: other bytes", i);
        extra[i % 37] ^= 1;
        expect(aead_open_once(scratch, key, 0, sealed, length + AEAD_TAG_SIZE, extra, extra_length,
                              plain) == (i % 37 >= extra_length),
               "case %zu with other data opens", i);
        expect(!aead_open(scratch, 0, sealed, length + AEAD_TAG_SIZE, plain),
               "case %zu: the key is still there", i);
    }
}

/* draft-irtf-cfrg-xchacha, appendix A.3.1: RFC 8439's own text and data, so that this is what holds
 * our seal and open to the RFC. */
TEST(xchacha)
{
    OBJECT *scratch = new_object();
    struct hex key = hex(KEY_80);
    struct hex nonce = hex("404142434445464748494a4b4c4d4e4f5051525354555657");
    struct hex plain = hex(SUNSCREEN);
    struct hex extra = hex(SUNSCREEN_EXTRA);
    uint8_t sealed[HEX_MAX];
    uint8_t opened[HEX_MAX] = {0};

    aead_xseal(scratch, key.bytes, nonce.bytes, plain.bytes, plain.length, extra.bytes,
               extra.length, sealed);
    expect(hex_is(sealed, "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                          "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                          "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                          "21f9664c97637da9768812f615c68b13b52e"
                          "c0875924c1c7987947deafd8780acf49"),
           "sealed");
    expect(aead_xopen(scratch, key.bytes, nonce.bytes, sealed, plain.length + AEAD_TAG_SIZE,
                      extra.bytes, extra.length, opened),
           "it doesn't open");
    expect(memcmp(opened, plain.bytes, plain.length) == 0, "other bytes");
    for (size_t i = 0; i < AEAD_XNONCE_SIZE; i++) {
        nonce.bytes[i] ^= 1;
        expect(!aead_xopen(scratch, key.bytes, nonce.bytes, sealed, plain.length + AEAD_TAG_SIZE,
                           extra.bytes, extra.length, opened),
               "with another byte %zu of the nonce it opens", i);
        nonce.bytes[i] ^= 1;
    }
}

/* ---- No allocation ---- */

static size_t allocations;

static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return malloc(size);
}

static void *counted_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return realloc(old, size);
}

static void counted_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

TEST(no_allocation)
{
    OBJECT *aead = new_object();
    uint8_t bytes[1420 + AEAD_TAG_SIZE] = {0};
    struct hex key = hex(KEY_80);
    size_t before = allocations;

    expect(before > 0, "they aren't counted");
    for (uint64_t i = 0; i < 100; i++) {
        aead_set_key(aead, key.bytes);
        aead_seal(aead, i, bytes, 1420, bytes);
        expect(aead_open(aead, i, bytes, sizeof(bytes), bytes), "packet %llu",
               (unsigned long long)i);
        bytes[5] ^= 1;
        expect(!aead_open(aead, i, bytes, sizeof(bytes), bytes), "forged packet %llu",
               (unsigned long long)i);
        aead_seal_once(aead, key.bytes, 0, bytes, 40, bytes, 8, bytes);
        aead_xseal(aead, key.bytes, bytes, bytes, 40, bytes, 8, bytes);
        aead_wipe(aead);
    }
    expect(allocations == before, "%zu", allocations - before);
}

/* Before libcrypto's first. */
__attribute__((constructor)) static void prepare(void)
{
    if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1 ||
        !libcrypto_start())
        unit_trouble("libcrypto");
}

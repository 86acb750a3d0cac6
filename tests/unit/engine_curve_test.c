#include "engine/crypto/curve.h"

#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "unit.h"

static struct key key_of(const char *text)
{
    struct hex bytes = hex(text);
    struct key key;

    memcpy(key.bytes, bytes.bytes, KEY_SIZE);
    return key;
}

static struct curve_pair pair_of(const struct key *private_key)
{
    struct curve_pair pair = {0};

    if (!curve_pair_make(private_key, &pair))
        unit_trouble("curve_pair_make");
    return pair;
}

/* RFC 7748, section 5.2: scalar, coordinate, result. The second coordinate has its spare bit set.
 */
static const struct {
    const char *private_key;
    const char *other;
    const char *secret;
} shares[] = {
    {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
    {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
};

/* Section 6.1: private and public keys of two, and what they share. */
#define ALICE_PRIVATE "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define ALICE_PUBLIC  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB_PRIVATE   "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_PUBLIC    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define BOTH          "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

TEST(section_5_2)
{
    for (size_t i = 0; i < COUNT(shares); i++) {
        struct key private_key = key_of(shares[i].private_key);
        struct key other = key_of(shares[i].other);
        struct curve_pair pair = pair_of(&private_key);
        uint8_t secret[CURVE_SECRET_SIZE];

        expect(curve_share(&pair, &other, secret), "case %zu refused", i);
        expect(hex_is(secret, shares[i].secret), "case %zu", i);
        curve_pair_wipe(&pair);
    }
}

/* Each result is the next scalar, and the scalar before it the next coordinate. */
TEST(iterated)
{
    struct key scalar = {{9}};
    struct key coordinate = {{9}};

    for (int i = 1; i <= 1000; i++) {
        struct curve_pair pair = pair_of(&scalar);
        struct key result;

        expect(curve_share(&pair, &coordinate, result.bytes), "round %d refused", i);
        curve_pair_wipe(&pair);
        coordinate = scalar;
        scalar = result;
        if (i == 1)
            expect(
                hex_is(&scalar, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
                "once");
    }
    expect(hex_is(&scalar, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"),
           "a thousand times");
}

TEST(section_6_1)
{
    struct key private_keys[2] = {key_of(ALICE_PRIVATE), key_of(BOB_PRIVATE)};
    struct curve_pair alice = pair_of(&private_keys[0]);
    struct curve_pair bob = pair_of(&private_keys[1]);
    uint8_t secret[CURVE_SECRET_SIZE];

    expect(hex_is(&alice.public_key, ALICE_PUBLIC), "Alice's public key");
    expect(hex_is(&bob.public_key, BOB_PUBLIC), "Bob's public key");
    expect(curve_share(&alice, &bob.public_key, secret) && hex_is(secret, BOTH), "Alice's secret");
    expect(curve_share(&bob, &alice.public_key, secret) && hex_is(secret, BOTH), "Bob's secret");
    curve_pair_wipe(&alice);
    expect(!alice.object, "not wiped");
    curve_pair_wipe(&alice);
    curve_pair_wipe(&bob);
}

/* All coordinates of points of small order, also those past the prime: with any scalar the result
 * is zero. And with the spare bit, which is not looked at. */
static const char *const small_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

TEST(refused)
{
    struct key private_key = key_of(ALICE_PRIVATE);
    struct curve_pair pair = pair_of(&private_key);

    for (size_t i = 0; i < COUNT(small_order); i++) {
        struct key point = key_of(small_order[i]);
        uint8_t secret[CURVE_SECRET_SIZE] = {7, 7, 7};
        uint8_t before[CURVE_SECRET_SIZE] = {7, 7, 7};

        for (int spare = 0; spare < 2; spare++) {
            expect(!curve_share(&pair, &point, secret), "case %zu taken, spare bit %d", i, spare);
            expect(memcmp(secret, before, sizeof(before)) == 0, "case %zu written", i);
            point.bytes[31] ^= 0x80;
        }
    }
    curve_pair_wipe(&pair);
}

__attribute__((constructor)) static void prepare(void)
{
    if (!curve_start())
        unit_trouble("libcrypto");
}

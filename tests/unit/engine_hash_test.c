#include "engine/crypto/hash.h"

#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "unit.h"

enum { INPUT_MAX = 256 };

/* 0, 1, 2, ... as the authors' vectors have it. */
static uint8_t counting[INPUT_MAX];

/* "abc": RFC 7693, appendix B. The others: the authors' vectors, and Python's hashlib. */
static const struct {
    size_t length;
    const char *hash;
} hashes[] = {
    {0, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"},
    {3, "e8f91c6ef232a041452ab0e149070cdd7dd1769e75b3a5921be37876c45c9900"},
    {64, "56f34e8b96557e90c1f24b52d0c89d51086acf1b00f634cf1dde9233b8eaaa3e"},
    {65, "1b53ee94aaf34e4b159d48de352c7f0661d0a40edff95a0b1639b4090e974472"},
    {128, "1fa877de67259d19863a2a34bcc6962a2b25fcbf5cbecd7ede8f1fa36688a796"},
    {255, "f03f5789d3336b80d002d59fdf918bdb775b00956ed5528e86aa994acb38fe2d"},
};

/* In one part, and in two, wherever they are cut. */
TEST(hash)
{
    const uint8_t abc[] = {'a', 'b', 'c'};
    uint8_t result[HASH_SIZE];

    hash_join(abc, sizeof(abc), NULL, 0, result);
    expect(hex_is(result, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"),
           "abc");
    for (size_t i = 0; i < COUNT(hashes); i++) {
        for (size_t cut = 0; cut <= hashes[i].length; cut++) {
            uint8_t *first = unit_copy(counting, cut);
            uint8_t *second = unit_copy(counting + cut, hashes[i].length - cut);

            hash_join(first, cut, second, hashes[i].length - cut, result);
            expect(hex_is(result, hashes[i].hash), "case %zu, cut at %zu", i, cut);
            free(first);
            free(second);
        }
    }
}

/* The result may be where the input is: this is how the handshake's hash goes on. */
TEST(in_place)
{
    uint8_t bytes[HASH_SIZE];
    uint8_t wanted[HASH_SIZE];

    memcpy(bytes, counting, sizeof(bytes));
    hash_join(bytes, sizeof(bytes), counting, 5, wanted);
    hash_join(bytes, sizeof(bytes), counting, 5, bytes);
    expect(memcmp(bytes, wanted, sizeof(bytes)) == 0, "the first part");
    memcpy(bytes, counting, sizeof(bytes));
    hash_join(counting, 5, bytes, sizeof(bytes), wanted);
    hash_join(counting, 5, bytes, sizeof(bytes), bytes);
    expect(memcmp(bytes, wanted, sizeof(bytes)) == 0, "the second part");
}

/* By Python's hashlib. */
static const struct {
    size_t key_length;
    size_t length;
    const char *mac;
} keyed[] = {
    {32, 116, "072e94ffbfc684bd8ab2a1b9dade2fd5"}, {16, 132, "b03d1196bdcfaad40f911db86b79ac7e"},
    {1, 0, "01d7f4cea32638032b156c74aec7e87a"},    {32, 0, "9536f9b267655743dee97b8a670f9f53"},
    {32, 1, "13bacfb85b48a1223c595f8c1e7e82cb"},   {32, 64, "f1efa90d2547036841ecd3627fafbc36"},
    {32, 65, "811ff8686d23a435ecbd0bdafcd27b1b"},  {32, 255, "cd075928ab7e6883e697fe7fd3ac43ee"},
};

/* Twice over, so that nothing is left of a longer key. */
TEST(macs)
{
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(keyed); i++) {
            uint8_t *key = unit_copy(counting, keyed[i].key_length);
            uint8_t mac[HASH_MAC_SIZE + 1] = {[HASH_MAC_SIZE] = 77};

            hash_mac(key, keyed[i].key_length, counting, keyed[i].length, mac);
            expect(hex_is(mac, keyed[i].mac), "case %zu", i);
            expect(mac[HASH_MAC_SIZE] == 77, "case %zu: more is written", i);
            free(key);
        }
    }
}

/* By Python's hmac. */
static const struct {
    size_t length;
    const char *mac;
} hmacs[] = {
    {0, "e2641d24dfa8dd89e8cb77f1cdc77d8c006e5bebdfc4d6a3a3a6f8d5b7586fb0"},
    {1, "3c657ea8362eeb115466cc90a81a36d2994b7153729c01f50a19be2ca3cce643"},
    {31, "4ed7e176f8d870a2c182107074430e7ff0cdb1191582f1f137f4a4461dd1b5ba"},
    {32, "8d2cc42fc1055ea43277dfd5d35d3863b228f9cc0c02007dc2afb20907bd7312"},
    {63, "4dba371c585b23403dc53dc5ababbe4264c339bd8d9a1440d8c06ce07c15f547"},
    {64, "3b35e945d05ac982850451ac8b6cdfffb98e56f50b95272fab665de081691056"},
    {65, "e0bf9ad5f46ae7cb59268a338f24391ad8cc125148746599da55803c3d80c2e2"},
    {128, "9314df10d6d462e365df3196cc58e4b9bc244c39e759557253fd10aa470cde9b"},
    {148, "47ace2b46ebc0252ddec56de84e8f4527c6919f808fa28b6741fcc229a16a273"},
};

/* The byte that comes after is as if it were one of them. */
TEST(hmac)
{
    for (size_t i = 0; i < COUNT(hmacs); i++) {
        uint8_t mac[HASH_SIZE];

        hash_hmac(counting, counting, hmacs[i].length, 0, mac);
        expect(hex_is(mac, hmacs[i].mac), "case %zu", i);
        if (hmacs[i].length < 2)
            continue;
        hash_hmac(counting, counting, hmacs[i].length - 1, (uint8_t)(hmacs[i].length - 1), mac);
        expect(hex_is(mac, hmacs[i].mac), "case %zu, one byte apart", i);
        memcpy(mac, counting, sizeof(mac));
        hash_hmac(mac, counting, hmacs[i].length, 0, mac);
        expect(hex_is(mac, hmacs[i].mac), "case %zu, in place of the key", i);
    }
}

/* By Python's hmac. */
static const struct {
    size_t length;
    const char *key[3];
} kdfs[] = {
    {0,
     {"7a38c34bf2b8738d7374ca77c44ecb309a11d2b2528304fa86052c365e722624",
      "1a17621f346abdc520746a9fb64d8eb03231d674fc15687537b0780fd9c060fd",
      "4eaf02809ac4b930ef63479de62275f1c55656e61f78a3cc653c18a2223d6c5f"}},
    {32,
     {"1fcf29000a27f12dc0691acf0f15bf4c55199f925d65441a3c08b566fce08d13",
      "704818f0cdc896cc3d7fe77c61f24e33db30aa69ef63758d5cfce8d6335c1b46",
      "7c46c5eddb1418694b9a599d7d5842039b4fbbf946e376bf59d19847342fee80"}},
};

TEST(kdf)
{
    for (size_t i = 0; i < COUNT(kdfs); i++) {
        for (size_t count = 1; count <= 3; count++) {
            uint8_t keys[3][HASH_SIZE] = {{0}};

            memcpy(keys[0], counting, HASH_SIZE); /* in place of the chaining key */
            hash_kdf(keys[0], counting, kdfs[i].length, keys[0], count > 1 ? keys[1] : NULL,
                     count > 2 ? keys[2] : NULL);
            for (size_t key = 0; key < count; key++)
                expect(hex_is(keys[key], kdfs[i].key[key]), "case %zu: key %zu of %zu", i, key,
                       count);
        }
    }
}

__attribute__((constructor)) static void prepare(void)
{
    for (size_t i = 0; i < sizeof(counting); i++)
        counting[i] = (uint8_t)i;
    if (!hash_start() || !hash_start())
        unit_trouble("libcrypto");
}

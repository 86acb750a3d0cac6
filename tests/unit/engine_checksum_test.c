#include "engine/packet/checksum.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "engine_packets.h"
#include "unit.h"

static uint16_t sum_of(const uint8_t *bytes, size_t length)
{
    return ntohs(checksum_fold(checksum_add(0, bytes, length)));
}

static const struct {
    uint8_t bytes[20];
    size_t length;
    uint16_t sum;
} cases[] = {
    {{0}, 0, 0},
    {{0}, 20, 0},
    {{0x12}, 1, 0x1200},
    {{0x12, 0x34}, 2, 0x1234},
    {{0x12, 0x34, 0x56}, 3, 0x6834},
    {{0xff, 0xff}, 2, 0xffff},
    {{0xff, 0xff, 0xff, 0xff}, 4, 0xffff},
    {{0xff, 0xff, 0, 1}, 4, 1},
    /* RFC 1071, section 3 */
    {{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 8, 0xddf2},
    /* an IPv4 header with its checksum */
    {{0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 192, 168, 0, 1, 192, 168, 0, 199},
     20,
     0xffff},
};

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint16_t sum = sum_of(cases[i].bytes, cases[i].length);

        expect(sum == cases[i].sum, "case %zu: %04x", i, sum);
    }
}

/* Each length at each alignment, random bytes and the greatest, in memory of just that size. */
TEST(every_length)
{
    uint8_t bytes[340];

    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = kind ? 0xff : (uint8_t)unit_random();
        for (size_t start = 0; start < 16; start++) {
            for (size_t length = 0; length <= 320; length++) {
                uint8_t *copy = unit_copy(bytes, start + length);
                uint16_t wanted = packets_sum(bytes + start, length, 0);

                expect(sum_of(copy + start, length) == wanted, "kind %d: %zu at %zu", kind, length,
                       start);
                free(copy);
            }
        }
    }
}

/* Carries out of 64 bits come back in. */
TEST(large)
{
    static uint8_t bytes[1 << 20];

    memset(bytes, 0xff, sizeof(bytes));
    for (size_t length = sizeof(bytes) - 40; length <= sizeof(bytes); length++)
        expect(sum_of(bytes, length) == packets_sum(bytes, length, 0), "%zu", length);
    expect(checksum_fold(checksum_add(UINT64_MAX, bytes, 1000)) == 0xffff, "all ones");
    expect(checksum_fold(checksum_add(UINT64_MAX, (const uint8_t *)"\0\1", 2)) == htons(1),
           "carry");
}

/* What was summed in parts of even length is the same as in one. */
TEST(parts)
{
    uint8_t bytes[200];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)unit_random();
    for (size_t first = 0; first <= sizeof(bytes); first += 2) {
        uint64_t sum = checksum_add(0, bytes, first);

        sum = checksum_add(sum, bytes + first, sizeof(bytes) - first);
        expect(ntohs(checksum_fold(sum)) == packets_sum(bytes, sizeof(bytes), 0), "%zu", first);
    }
}

static const struct {
    uint64_t sum;
    uint16_t folded;
} folds[] = {
    {0, 0},
    {1, 1},
    {0xffff, 0xffff},
    {0x10000, 1},
    {0x1ffff, 1},
    {0x1fffe, 0xffff},
    {0xffffffff, 0xffff},
    {0x100000000, 1},
    {0xffffffffffff, 0xffff},
    {0x1000000000000, 1},
    {UINT64_MAX, 0xffff},
    {UINT64_MAX - 1, 0xfffe},
    {0xfffeffffffffffff, 0xfffe},
    {0x8000800080008000, 2},
};

TEST(fold)
{
    for (size_t i = 0; i < COUNT(folds); i++)
        expect(checksum_fold(folds[i].sum) == folds[i].folded, "case %zu", i);
    for (int i = 0; i < 100000; i++) {
        uint64_t sum = unit_random() >> unit_random_below(64);
        uint16_t folded = checksum_fold(sum);

        expect(folded % 65535 == sum % 65535 && (folded != 0) == (sum != 0), "%llx",
               (unsigned long long)sum);
    }
}

TEST(pseudo)
{
    uint8_t header[20];

    for (int i = 0; i < 1000; i++) {
        uint32_t length = unit_random_below(i % 2 ? 65536 : 100);
        uint8_t protocol = (uint8_t)unit_random();
        uint8_t *copy;
        uint16_t sum;

        for (size_t k = 0; k < sizeof(header); k++)
            header[k] = (uint8_t)unit_random();
        copy = unit_copy(header, sizeof(header));
        sum = ntohs(checksum_fold(checksum_pseudo(copy, protocol, length)));
        expect(sum == packets_sum(NULL, 0, packets_pseudo(header, protocol, length)), "case %d", i);
        free(copy);
    }
}

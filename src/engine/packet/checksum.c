#include "engine/packet/checksum.h"

#include <endian.h>
#include <string.h>

/* A register of SSE2 or NEON. The wider registers of AVX2 would save 1 % of a packet's cost, and
 * need a second version of the code. */
typedef uint64_t lanes __attribute__((vector_size(16)));

enum {
    BLOCK = 2 * sizeof(lanes),
};

/* Adds with the end-around carry. */
static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

static lanes load_lanes(const uint8_t *bytes)
{
    lanes words;

    memcpy(&words, bytes, sizeof(words));
    return words;
}

/* Sums whole blocks. Vectors have no carry, so the upper halves of the words are also summed by
 * themselves. Subtracted from the whole sum modulo 2^64 they leave the sum of the lower halves, and
 * neither sum overflows below 2^32 words. In ones' complement 2^32 is 1, so in the end both sums
 * are just added. */
static uint64_t sum_blocks(const uint8_t *bytes, size_t length)
{
    lanes even = {0};
    lanes odd = {0};
    lanes even_upper = {0};
    lanes odd_upper = {0};

    for (const uint8_t *end = bytes + length; bytes < end; bytes += BLOCK) {
        lanes first = load_lanes(bytes);
        lanes second = load_lanes(bytes + sizeof(lanes));

        even += first;
        odd += second;
        even_upper += first >> 32;
        odd_upper += second >> 32;
    }
    even -= even_upper << 32;
    odd -= odd_upper << 32;
    return add(add(add(even[0], even[1]), add(odd[0], odd[1])),
               add(add(even_upper[0], even_upper[1]), add(odd_upper[0], odd_upper[1])));
}

/* Sums less than 8 bytes, as if a zero followed an odd byte. */
static uint64_t sum_rest(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    uint32_t four;
    uint16_t two;

    if (length & 4) {
        memcpy(&four, bytes, sizeof(four));
        sum += four;
        bytes += sizeof(four);
    }
    if (length & 2) {
        memcpy(&two, bytes, sizeof(two));
        sum += two;
        bytes += sizeof(two);
    }
    return length & 1 ? sum + htobe16((uint16_t)(*bytes << 8)) : sum;
}

uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length)
{
    size_t blocks = length / BLOCK * BLOCK;

    if (blocks > 0)
        sum = add(sum, sum_blocks(bytes, blocks));
    bytes += blocks;
    length -= blocks;
    while (length >= 8) {
        uint64_t word;

        memcpy(&word, bytes, sizeof(word));
        sum = add(sum, word);
        bytes += 8;
        length -= 8;
    }
    return add(sum, sum_rest(bytes, length));
}

uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)((sum & UINT16_MAX) + (sum >> 16));
}

uint64_t checksum_pseudo(const uint8_t *ip_header, uint8_t protocol, uint32_t transport_length)
{
    uint64_t sum = (uint64_t)htobe32(transport_length) + htobe16(protocol);

    return checksum_add(sum, ip_header + 12, 8);
}

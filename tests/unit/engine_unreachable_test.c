#include "engine/packet/unreachable.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "engine_packets.h"
#include "unit.h"

enum {
    IPV4 = 20, /* sizes of headers */
    IPV6 = 40,
    ICMP = 8,
    ICMPV6 = 58, /* a protocol */
};

/* A UDP packet with so many bytes of payload. */
static size_t write_packet(bool ipv6, size_t payload, uint8_t *ret_bytes)
{
    struct sample sample = {.protocol = UDP, .host = 7, .ttl = 64, .port = 9, .payload = payload};
    size_t length = packets_write(&sample, ret_bytes);

    if (!ipv6)
        return length;
    memmove(ret_bytes + IPV6, ret_bytes + IPV4, length - IPV4);
    length -= IPV4;
    memcpy(ret_bytes,
           (const uint8_t[8]){0x60, 0, 0, 0, (uint8_t)(length >> 8), (uint8_t)length, UDP, 64}, 8);
    memset(ret_bytes + 8, 0x2a, 32);
    ret_bytes[IPV6 - 1] = 200;
    return IPV6 + length;
}

static size_t answer_to(const uint8_t *bytes, size_t length, uint32_t from, uint8_t *ret_answer)
{
    uint8_t *copy = unit_copy(bytes, length);
    size_t size = unreachable_answer(copy, length, from, ret_answer);

    free(copy);
    return size;
}

static bool is_answered(const uint8_t *bytes, size_t length)
{
    uint8_t answer[UNREACHABLE_MAX];

    return answer_to(bytes, length, 0, answer) > 0;
}

/* A change to a packet that is otherwise answered. */
static const struct {
    bool ipv6;
    size_t place;
    uint8_t bytes[16];
    size_t length;
    bool answered;
} answers[] = {
    {false, 0, {0x45}, 1, true},
    {true, 0, {0x60}, 1, true},
    /* no IP packet, or not all of it */
    {false, 0, {0x44}, 1, false},
    {false, 0, {0x55}, 1, false},
    {true, 0, {0x75}, 1, false},
    {false, 3, {79}, 1, false},
    {true, 5, {59}, 1, false},
    /* source and destination that are no host */
    {false, 12, {0, 0, 0, 0}, 4, false},
    {false, 12, {0, 1, 2, 3}, 4, false},
    {false, 12, {127, 0, 0, 1}, 4, false},
    {false, 12, {224, 0, 0, 1}, 4, false},
    {false, 12, {255, 255, 255, 255}, 4, false},
    {false, 12, {240, 0, 0, 1}, 4, false},
    {false, 12, {223, 255, 255, 255}, 4, true},
    {false, 12, {1, 0, 0, 0}, 4, true},
    {false, 16, {0, 0, 0, 0}, 4, false},
    {false, 16, {127, 0, 0, 1}, 4, false},
    {false, 16, {224, 0, 0, 251}, 4, false},
    {false, 16, {255, 255, 255, 255}, 4, false},
    {true, 8, {0}, 16, false},
    {true, 8, {[15] = 1}, 16, false},
    {true, 8, {[15] = 2}, 16, true},
    {true, 8, {[14] = 1}, 16, true},
    {true, 8, {0xff, 2}, 2, false},
    {true, 8, {0xfe, 0x80}, 2, true},
    {true, 24, {0}, 16, false},
    {true, 24, {[15] = 1}, 16, false},
    {true, 24, {0xff, 2}, 2, false},
    /* fragments */
    {false, 6, {0x20, 0}, 2, true},
    {false, 6, {0x20, 1}, 2, false},
    {false, 6, {0, 9}, 2, false},
    /* ICMP: place 9 is the protocol, here followed by all up to the type */
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 8}, 12, true},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 0}, 12, true},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 3}, 12, false},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 4}, 12, false},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 5}, 12, false},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 11}, 12, false},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 12}, 12, false},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 13}, 12, true},
    {false, 9, {1, 0, 0, 10, 1, 0, 7, 10, 1, 0, 8, 19}, 12, false},
    {false, 2, {0, 27, 0, 0, 0, 0, 64, 1, 0, 0, 10, 1, 0, 7}, 14, false}, /* too short to tell */
    {false, 2, {0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 1, 0, 7}, 14, true},
};

TEST(answered)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        uint8_t bytes[200];
        size_t length = write_packet(answers[i].ipv6, 50, bytes);

        memcpy(bytes + answers[i].place, answers[i].bytes, answers[i].length);
        expect(is_answered(bytes, length) == answers[i].answered, "case %zu", i);
    }
}

/* ICMPv6 by its type. */
static const struct {
    uint8_t type;
    bool answered;
} types[] = {
    {1, false}, {2, false}, {127, false}, {128, true}, {135, true}, {137, false}, {255, true},
};

/* Extension headers before that: their kinds and lengths in bytes, and where a fragment belongs. */
static const struct {
    struct {
        uint8_t kind;
        uint8_t length;
        uint16_t place;
    } header[3];
    bool answered;
} chains[] = {
    {{{0}}, true},
    {{{0, 8, 0}}, true},
    {{{43, 16, 0}}, true},
    {{{60, 64, 0}}, true},
    {{{44, 8, 0}}, true},
    {{{44, 8, 1}}, true}, /* the first of a packet's fragments */
    {{{44, 8, 6}}, true}, /* bits that mean nothing */
    {{{44, 8, 8}}, false},
    {{{44, 8, 0x100}}, false},
    {{{60, 8, 0}, {43, 24, 0}, {44, 8, 1}}, true},
    {{{0, 8, 0}, {44, 8, 1}, {44, 8, 8}}, false},
};

static size_t write_chain(size_t number, uint8_t type, uint8_t *ret_bytes)
{
    size_t length = write_packet(true, 0, ret_bytes), at = IPV6;
    uint8_t *next = ret_bytes + 6;

    memset(ret_bytes + IPV6, 0, 200 - IPV6);
    for (size_t i = 0; i < 3 && chains[number].header[i].length > 0; i++) {
        *next = chains[number].header[i].kind;
        next = ret_bytes + at;
        if (chains[number].header[i].kind == 44)
            memcpy(next + 2, &(uint16_t){htobe16(chains[number].header[i].place)}, 2);
        else
            next[1] = (uint8_t)(chains[number].header[i].length / 8 - 1);
        at += chains[number].header[i].length;
    }
    *next = ICMPV6;
    ret_bytes[at] = type;
    length = at + ICMP;
    ret_bytes[5] = (uint8_t)(length - IPV6);
    return length;
}

/* To an ICMPv6 error there is no answer, whatever is before it, nor to what may be one. */
TEST(behind_chains)
{
    for (size_t i = 0; i < COUNT(chains); i++) {
        for (size_t k = 0; k < COUNT(types); k++) {
            uint8_t bytes[200];
            size_t length = write_chain(i, types[k].type, bytes);

            expect(is_answered(bytes, length) == (chains[i].answered && types[k].answered),
                   "case %zu, type %d", i, types[k].type);
            for (size_t cut = IPV6; cut < length; cut++) {
                bytes[5] = (uint8_t)(cut - IPV6);
                expect(!is_answered(bytes, cut), "case %zu: %zu of %zu bytes", i, cut, length);
            }
        }
    }
}

/* Cut short anywhere, with a length in its header that is longer. */
TEST(every_size)
{
    for (int version = 0; version < 2; version++) {
        uint8_t bytes[200] = {0};
        size_t length = write_packet(version, 50, bytes);

        for (size_t size = 0; size <= length + 16; size++)
            expect(is_answered(bytes, size) == (size >= length), "%d: %zu", version, size);
    }
}

/* The answer's own headers are right, and as much of the packet is quoted as is allowed. */
static void check_answer(bool ipv6, size_t payload, uint32_t from)
{
    static const uint8_t source[4] = {10, 0, 0, 15};
    size_t header = ipv6 ? IPV6 : IPV4, headers = header + ICMP;
    size_t longest = ipv6 ? UNREACHABLE_MAX : UNREACHABLE_IPV4_MAX;
    size_t place = ipv6 ? 8 : 12, size = ipv6 ? 16 : 4; /* of the addresses */
    uint8_t bytes[2000], answer[UNREACHABLE_MAX];
    size_t length = write_packet(ipv6, payload, bytes), got;
    uint32_t pseudo = 0;

    memset(answer, 0xa5, sizeof(answer));
    got = answer_to(bytes, length + 16, from, answer);
    expect(got == (headers + length < longest ? headers + length : longest), "%zu: %zu", length,
           got);
    expect(memcmp(answer + place, from && !ipv6 ? source : bytes + place + size, size) == 0 &&
               memcmp(answer + place + size, bytes + place, size) == 0,
           "%zu: addresses", length);
    if (ipv6) {
        expect(answer[0] == 0x60 && answer[1] == 0 &&
                   answer[4] << 8 == (int)(got - IPV6 - answer[5]) && answer[6] == ICMPV6,
               "%zu: header", length);
        pseudo = packets_sum(answer + 8, 32, (uint32_t)(got - IPV6) + ICMPV6);
    } else {
        expect(answer[0] == 0x45 && (answer[1] & 3) == 0 &&
                   answer[2] << 8 == (int)(got - answer[3]) && answer[9] == 1 &&
                   packets_sum(answer, IPV4, 0) == 0xffff,
               "%zu: header", length);
    }
    expect(packets_sum(answer + header, got - header, pseudo) == 0xffff, "%zu: checksum", length);
    expect(memcmp(answer + header, ipv6 ? "\1\3" : "\3\1", 2) == 0, "%zu: type", length);
    expect(memcmp(answer + headers - 4, "\0\0\0\0", 4) == 0, "%zu: unused", length);
    expect(memcmp(answer + headers, bytes, got - headers) == 0, "%zu: quoted", length);
    expect(!is_answered(answer, got), "%zu: an answer to an answer", length);
}

TEST(every_answer)
{
    for (size_t payload = 0; payload < 1500; payload += 1 + payload / 16) {
        for (int version = 0; version < 2; version++) {
            check_answer(version, payload, 0);
            check_answer(version, payload, 0x0a00000f);
        }
    }
}

#include "engine/packet/packet.h"

#include <stdlib.h>
#include <string.h>

#include "engine_packets.h"
#include "unit.h"

static const struct sample ipv4 = {
    .protocol = UDP, .host = 7, .class = 0xb9, .ttl = 64, .fragment = DF, .port = 9, .payload = 50};
static const struct sample ipv6 = {.ipv6 = true,
                                   .protocol = UDP,
                                   .host = 7,
                                   .class = 0xb9,
                                   .ttl = 64,
                                   .label = 0xfffff,
                                   .port = 9,
                                   .payload = 50};

/* What is changed in a packet: one byte. */
struct change {
    bool ipv6;
    size_t place;
    uint8_t byte;
    size_t length; /* that is found; 0: none */
};

static const struct change parses[] = {
    {false, 0, 0x45, 78}, {false, 0, 0x46, 78}, {false, 0, 0x4f, 78}, {false, 0, 0x44, 0},
    {false, 0, 0x40, 0},  {false, 0, 0x35, 0},  {false, 0, 0x55, 0},  {false, 0, 0x65, 40},
    {false, 0, 0x05, 0},  {false, 3, 77, 77},   {false, 3, 20, 20},   {false, 3, 19, 0},
    {false, 3, 0, 0},     {false, 3, 79, 0},    {false, 2, 1, 0},     {true, 0, 0x6b, 98},
    {true, 0, 0x45, 0},   {true, 0, 0x5b, 0},   {true, 0, 0x7b, 0},   {true, 5, 58, 98},
    {true, 5, 57, 97},    {true, 5, 0, 40},     {true, 5, 59, 0},     {true, 4, 1, 0},
    {true, 4, 0xff, 0},
};

static void parse(void)
{
    for (size_t i = 0; i < COUNT(parses); i++) {
        const struct change *change = &parses[i];
        uint8_t bytes[200];
        size_t length = packets_write(change->ipv6 ? &ipv6 : &ipv4, bytes);
        struct packet packet = {.length = 12345};
        uint8_t *copy;
        bool good;

        bytes[change->place] = change->byte;
        copy = unit_copy(bytes, length);
        good = packet_parse(copy, length, &packet);
        expect(good == (change->length > 0), "case %zu", i);
        expect(packet.length == (good ? change->length : 12345), "case %zu: %zu", i, packet.length);
        free(copy);
    }
}

static void addresses(void)
{
    uint8_t bytes[200];
    struct packet packet;

    expect(packet_parse(bytes, packets_write(&ipv4, bytes), &packet), "IPv4");
    expect(packet.length == 78 && packet.traffic_class == 0xb9, "IPv4");
    expect(!packet.source.ipv6 &&
               memcmp(packet.source.bytes, "\x0a\x01\0\x07\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0,
           "source");
    expect(!packet.destination.ipv6 &&
               memcmp(packet.destination.bytes, "\x0a\x01\0\xc8\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0,
           "destination");
    expect(packet_parse(bytes, packets_write(&ipv6, bytes), &packet), "IPv6");
    expect(packet.length == 98 && packet.traffic_class == 0xb9, "IPv6: class %x",
           packet.traffic_class);
    expect(packet.source.ipv6 && memcmp(packet.source.bytes, bytes + 8, 16) == 0, "source");
    expect(packet.destination.ipv6 && memcmp(packet.destination.bytes, bytes + 24, 16) == 0,
           "destination");
}

/* Cut short anywhere: none is taken, and none read beyond its end. What is longer has padding. */
static void every_size(void)
{
    uint8_t bytes[200] = {0};

    for (int version = 4; version <= 6; version += 2) {
        size_t length = packets_write(version == 4 ? &ipv4 : &ipv6, bytes);

        for (size_t size = 0; size <= length + 16; size++) {
            uint8_t *copy = unit_copy(bytes, size);
            uint8_t reply[PACKET_ICMP_MAX];
            struct packet packet;
            struct packet_content content;
            bool whole = size >= length;

            expect(packet_parse(copy, size, &packet) == whole, "%d: %zu", version, size);
            expect(packet_find_content(copy, size, &content) == whole, "%d: %zu", version, size);
            expect(!whole || (packet.length == length && content.packet_length == length),
                   "%d: %zu", version, size);
            expect((packet_unreachable(copy, size, NULL, reply) > 0) == whole, "%d: %zu", version,
                   size);
            expect(packet_take_ecn(copy, size, 3) == whole, "%d: %zu", version, size);
            free(copy);
        }
    }
}

/* Extension headers, in the place of what the packet carries. */
static const struct {
    uint8_t next;
    uint8_t bytes[32];
    size_t length;
    bool good;
    size_t offset;
    uint8_t protocol;
    bool fragment;
} chains[] = {
    {6, {0}, 0, true, 40, 6, false},
    {59, {0}, 0, true, 40, 59, false},
    {50, {0}, 0, true, 40, 50, false},
    {0, {17, 0}, 8, true, 48, 17, false},
    {0, {17, 0}, 7, false, 0, 0, false},
    {0, {17, 1}, 8, false, 0, 0, false},
    {0, {17, 1}, 15, false, 0, 0, false},
    {0, {17, 1}, 16, true, 56, 17, false},
    {0, {17, 255}, 32, false, 0, 0, false},
    {60, {0, 0, 0, 0, 0, 0, 0, 0, 43}, 16, false, 0, 0, false},
    {60, {0, 0, 0, 0, 0, 0, 0, 0, 43, 0, 0, 0, 0, 0, 0, 0, 6}, 24, true, 64, 6, false},
    {44, {6, 9, 0, 0}, 8, true, 48, 6, false},
    {44, {6, 0, 0, 1}, 8, true, 48, 6, true},
    {44, {6, 0, 0, 8}, 8, false, 0, 0, false},
    {44, {6, 0, 1, 0}, 8, false, 0, 0, false},
    {44, {6, 0, 0, 6}, 8, true, 48, 6, false},
    {44, {6, 0, 0, 1}, 7, false, 0, 0, false},
    {44, {44, 0, 0, 1, 0, 0, 0, 0, 6}, 16, true, 56, 6, true},
};

static void extension_headers(void)
{
    for (size_t i = 0; i < COUNT(chains); i++) {
        uint8_t bytes[40 + 32] = {0x60, [5] = (uint8_t)chains[i].length, [6] = chains[i].next};
        struct packet_content content = {.offset = 999};
        uint8_t *copy;

        memcpy(bytes + 40, chains[i].bytes, 32);
        copy = unit_copy(bytes, 40 + chains[i].length);
        expect(packet_find_content(copy, 40 + chains[i].length, &content) == chains[i].good,
               "case %zu", i);
        expect(content.offset == (chains[i].good ? chains[i].offset : 999), "case %zu: %zu", i,
               content.offset);
        expect(!chains[i].good || (content.protocol == chains[i].protocol &&
                                   content.fragment == chains[i].fragment),
               "case %zu: %d", i, content.protocol);
        free(copy);
    }
}

static void ipv4_content(void)
{
    static const struct {
        uint16_t fragment;
        bool good;
        bool first;
    } fragments[] = {{0, true, false},      {DF, true, false},      {0x8000, true, false},
                     {MF, true, true},      {MF | 1, false, false}, {1, false, false},
                     {0x1000, false, false}};

    for (size_t i = 0; i < COUNT(fragments); i++) {
        struct sample sample = ipv4;
        struct packet_content content;
        uint8_t bytes[200];
        bool good;

        sample.fragment = fragments[i].fragment;
        sample.extra = i % 2 * 40;
        good = packet_find_content(bytes, packets_write(&sample, bytes), &content);
        expect(good == fragments[i].good, "case %zu", i);
        expect(!good || (content.fragment == fragments[i].first && content.protocol == UDP &&
                         content.offset == packets_transport(&sample)),
               "case %zu", i);
    }
}

/* All sixteen pairs, and what is beside the two bits. */
static void ecn(void)
{
    static const uint8_t outer[] = {0, 1, 2, 2};
    static const uint8_t all_classes[] = {0, 0xb8, 0xfc};

    for (int i = 0; i < 4 * 4 * 2 * 3; i++) {
        uint8_t inner_ecn = i & 3;
        uint8_t outer_ecn = i >> 2 & 3;
        uint8_t dscp = all_classes[i / 32];
        struct sample sample = i & 16 ? ipv6 : ipv4;
        struct packet packet;
        uint8_t bytes[200];
        uint8_t before[200];
        size_t headers;
        size_t length;
        bool taken;
        bool marked = inner_ecn != 0 && outer_ecn == 3;

        sample.class = dscp | inner_ecn;
        sample.id = (uint16_t)unit_random();
        length = packets_write(&sample, bytes);
        memcpy(before, bytes, length);
        expect(packet_outer_class(sample.class) == outer[inner_ecn], "%d", i);
        taken = packet_take_ecn(bytes, length, (uint8_t)(~dscp & 0xfc) | outer_ecn);
        expect(taken == (inner_ecn != 0 || outer_ecn != 3), "%d", i);
        expect(packet_parse(bytes, length, &packet), "%d", i);
        expect(packet.traffic_class == (dscp | (marked ? 3 : inner_ecn)), "%d: %02x", i,
               packet.traffic_class);
        expect(packets_flaw(bytes, length, &headers) == NULL, "%d: %s", i,
               packets_flaw(bytes, length, &headers));
        expect(marked || memcmp(bytes, before, length) == 0, "%d: changed", i);
    }
}

/* The header checksum follows for every value of it. */
static void ecn_checksum(void)
{
    for (uint32_t id = 0; id < 65536; id++) {
        struct sample sample = ipv4;
        uint8_t bytes[200];
        size_t headers;

        sample.id = (uint16_t)id;
        sample.class = id % 2 + 1;
        sample.payload = 0;
        (void)packets_write(&sample, bytes);
        expect(packet_take_ecn(bytes, 28, 3) && bytes[1] == 3, "id %u", id);
        expect(!packets_flaw(bytes, 28, &headers), "id %u", id);
    }
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
    /* ICMPv6 behind a hop-by-hop header */
    {true, 40, {58, 0, 0, 0, 0, 0, 0, 0, 128}, 9, true},
    {true, 40, {58, 0, 0, 0, 0, 0, 0, 0, 135}, 9, true},
    {true, 40, {58, 0, 0, 0, 0, 0, 0, 0, 137}, 9, false},
    {true, 40, {58, 0, 0, 0, 0, 0, 0, 0, 1}, 9, false},
    {true, 40, {58, 0, 0, 0, 0, 0, 0, 0, 2}, 9, false},
    {true, 40, {58, 0, 0, 0, 0, 0, 0, 0, 127}, 9, false},
    {true, 40, {58, 6, 0, 0, 0, 0, 0, 0}, 8, false},
    {true, 40, {44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 8}, 12, false},
};

static void answered(void)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct sample sample = answers[i].ipv6 ? ipv6 : ipv4;
        uint8_t reply[PACKET_ICMP_MAX];
        uint8_t bytes[200];
        uint8_t *copy;
        size_t length;

        sample.extra = answers[i].place == 40 ? 8 : 0;
        length = packets_write(&sample, bytes);
        memcpy(bytes + answers[i].place, answers[i].bytes, answers[i].length);
        copy = unit_copy(bytes, length);
        expect((packet_unreachable(copy, length, NULL, reply) > 0) == answers[i].answered,
               "case %zu", i);
        free(copy);
    }
}

/* Packets of every length: the answer's own headers, and as much of the packet as is allowed. */
static void answer(void)
{
    for (size_t payload = 0; payload < 1500; payload += 1 + payload / 16) {
        for (int version = 4; version <= 6; version += 2) {
            struct sample sample = version == 4 ? ipv4 : ipv6;
            size_t headers = version == 4 ? 28 : 48;
            size_t longest = version == 4 ? 576 : 1280;
            uint8_t reply[PACKET_ICMP_MAX];
            struct packet asked;
            struct packet packet;
            uint8_t bytes[2000];
            size_t length;
            size_t got;

            sample.payload = payload;
            length = packets_write(&sample, bytes);
            memset(reply, 0xa5, sizeof(reply));
            got = packet_unreachable(bytes, length + 16, NULL, reply);
            expect(got == (headers + length < longest ? headers + length : longest), "%zu: %zu",
                   length, got);
            expect(packet_parse(bytes, length, &asked) && packet_parse(reply, got, &packet), "%zu",
                   length);
            expect(packet.length == got && (packet.traffic_class & 3) == 0, "%zu", length);
            expect(memcmp(&packet.source, &asked.destination, sizeof(asked.source)) == 0 &&
                       memcmp(&packet.destination, &asked.source, sizeof(asked.source)) == 0,
                   "%zu: addresses", length);
            expect(memcmp(reply + headers, bytes, got - headers) == 0, "%zu: quoted", length);
            if (version == 4) {
                expect(packets_sum(reply, 20, 0) == 0xffff && reply[9] == 1, "%zu", length);
                expect(packets_sum(reply + 20, got - 20, 0) == 0xffff, "%zu", length);
                expect(memcmp(reply + 20, "\3\1", 2) == 0, "%zu", length);
            } else {
                uint32_t pseudo = packets_pseudo(reply, 58, got - 40);

                expect(packets_sum(reply + 40, got - 40, pseudo) == 0xffff, "%zu", length);
                expect(reply[6] == 58 && memcmp(reply + 40, "\1\3", 2) == 0, "%zu", length);
            }
            expect(memcmp(reply + headers - 4, "\0\0\0\0", 4) == 0, "%zu: unused", length);
        }
    }
}

/* From an address of the same family, which is in the checksums, too. */
static void answer_from(void)
{
    static const struct address from[] = {{false, {10, 0, 0, 15}}, {true, {0xfd, [15] = 9}}};

    for (int which = 0; which < 2; which++) {
        for (int version = 0; version < 2; version++) {
            struct sample sample = version == 0 ? ipv4 : ipv6;
            size_t header = version == 0 ? 20 : 40;
            uint8_t reply[PACKET_ICMP_MAX], bytes[200];
            struct packet asked, packet;
            size_t length = packets_write(&sample, bytes), got;
            uint32_t pseudo;

            got = packet_unreachable(bytes, length, &from[which], reply);
            expect(packet_parse(bytes, length, &asked) && packet_parse(reply, got, &packet),
                   "%d, %d", which, version);
            expect(memcmp(&packet.source, which == version ? &from[which] : &asked.destination,
                          sizeof(packet.source)) == 0,
                   "%d, %d: source", which, version);
            expect(memcmp(&packet.destination, &asked.source, sizeof(asked.source)) == 0,
                   "%d, %d: destination", which, version);
            pseudo = version == 0 ? 0 : packets_pseudo(reply, 58, got - header);
            expect(packets_sum(reply + header, got - header, pseudo) == 0xffff, "%d, %d: checksum",
                   which, version);
            expect(version == 1 || packets_sum(reply, 20, 0) == 0xffff, "%d: header", which);
        }
    }
}

int main(void)
{
    static const struct test tests[] = {
        {.name = "parse", .run = parse},
        {.name = "addresses", .run = addresses},
        {.name = "every_size", .run = every_size},
        {.name = "extension_headers", .run = extension_headers},
        {.name = "ipv4_content", .run = ipv4_content},
        {.name = "ecn", .run = ecn},
        {.name = "ecn_checksum", .run = ecn_checksum},
        {.name = "answered", .run = answered},
        {.name = "answer", .run = answer},
        {.name = "answer_from", .run = answer_from},
    };

    return unit_run("engine_packet", tests, COUNT(tests));
}

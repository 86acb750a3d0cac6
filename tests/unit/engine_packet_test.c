#include "engine/packet/packet.h"

#include <stdlib.h>
#include <string.h>

#include "engine_packets.h"
#include "unit.h"

static const struct sample base = {
    .protocol = UDP, .host = 7, .class = 0xb9, .ttl = 64, .fragment = DF, .port = 9, .payload = 50};
/* What is changed in a packet: one byte. */
static const struct {
    size_t place;
    uint8_t byte;
    size_t length; /* that is found; 0: none */
} parses[] = {
    {0, 0x45, 78}, {0, 0x46, 78}, {0, 0x4f, 78}, {0, 0x44, 0}, {0, 0x40, 0},
    {0, 0x35, 0},  {0, 0x55, 0},  {0, 0x65, 0},  {0, 0x05, 0}, {3, 77, 77},
    {3, 20, 20},   {3, 19, 0},    {3, 0, 0},     {3, 79, 0},   {2, 1, 0},
};

TEST(parse)
{
    for (size_t i = 0; i < COUNT(parses); i++) {
        uint8_t bytes[200];
        size_t length = packets_write(&base, bytes);
        struct packet packet = {.length = 12345};
        uint8_t *copy;
        bool good;

        bytes[parses[i].place] = parses[i].byte;
        copy = unit_copy(bytes, length);
        good = packet_parse(copy, length, &packet);
        expect(good == (parses[i].length > 0), "case %zu", i);
        expect(packet.length == (good ? parses[i].length : 12345), "case %zu: %zu", i,
               packet.length);
        free(copy);
    }
}

TEST(addresses)
{
    uint8_t bytes[200];
    struct packet packet;

    expect(packet_parse(bytes, packets_write(&base, bytes), &packet), "parsed");
    expect(packet.length == 78 && packet.traffic_class == 0xb9, "class %x", packet.traffic_class);
    expect(packet.source == 0x0a010007, "source: %x", packet.source);
    expect(packet.destination == 0x0a0100c8, "destination: %x", packet.destination);
}

/* Cut short anywhere: none is taken, and none read beyond its end. What is longer has padding. */
TEST(every_size)
{
    uint8_t bytes[200] = {0};
    size_t length = packets_write(&base, bytes);

    for (size_t size = 0; size <= length + 16; size++) {
        uint8_t *copy = unit_copy(bytes, size);
        struct packet packet;
        struct packet_content content;
        bool whole = size >= length;

        expect(packet_parse(copy, size, &packet) == whole, "%zu", size);
        expect(packet_find_content(copy, size, &content) == whole, "%zu", size);
        expect(!whole || (packet.length == length && content.packet_length == length), "%zu", size);
        expect(packet_take_ecn(copy, size, 3) == whole, "%zu", size);
        free(copy);
    }
}

TEST(content)
{
    static const struct {
        uint16_t fragment;
        bool good;
        bool first;
    } fragments[] = {{0, true, false},      {DF, true, false},      {0x8000, true, false},
                     {MF, true, true},      {MF | 1, false, false}, {1, false, false},
                     {0x1000, false, false}};

    for (size_t i = 0; i < COUNT(fragments); i++) {
        struct sample sample = base;
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
TEST(ecn)
{
    static const uint8_t outer[] = {0, 1, 2, 2};
    static const uint8_t all_classes[] = {0, 0xb8, 0xfc};

    for (int i = 0; i < 4 * 4 * 3; i++) {
        uint8_t inner_ecn = i & 3;
        uint8_t outer_ecn = i >> 2 & 3;
        uint8_t dscp = all_classes[i / 16];
        struct sample sample = base;
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
TEST(ecn_checksum)
{
    for (uint32_t id = 0; id < 65536; id++) {
        struct sample sample = base;
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

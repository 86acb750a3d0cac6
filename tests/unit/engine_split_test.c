#include "engine/packet/split.h"

#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "engine_packets.h"
#include "unit.h"

enum {
    UDP_L4 = 5,
    FRAME_MAX = 10 + 65535,
    BEHIND = 15,
};

static const struct sample tcp4 = {.protocol = TCP,
                                   .host = 1,
                                   .class = 0x02,
                                   .ttl = 64,
                                   .id = 0xfffe,
                                   .fragment = DF,
                                   .port = 4000,
                                   .sequence = 0xfffffc00,
                                   .acknowledged = 0x01020304,
                                   .flags = ACK | PSH,
                                   .window = 500,
                                   .options = 12,
                                   .option = 1,
                                   .payload = 5000};

/* The frame that the kernel would give, in memory that ends with what may be written behind it. */
static uint8_t *make_frame(const struct sample *sample, size_t segment, bool needs_checksum,
                           size_t *ret_length)
{
    uint8_t *frame = calloc(1, FRAME_MAX + 2000);
    struct virtio_net_hdr vnet = {
        .flags = needs_checksum ? VIRTIO_NET_HDR_F_NEEDS_CSUM : VIRTIO_NET_HDR_F_DATA_VALID,
        .gso_type = sample->protocol == UDP ? UDP_L4 : VIRTIO_NET_HDR_GSO_TCPV4,
        .hdr_len = (uint16_t)unit_random(), /* only a hint */
        .gso_size = (uint16_t)segment,
    };
    size_t length = packets_write(sample, frame + 10);

    if (sample->flags & CWR)
        vnet.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
    if (needs_checksum) {
        size_t transport = packets_transport(sample);
        uint16_t sum =
            packets_sum(NULL, 0, packets_pseudo(frame + 10, sample->protocol, length - transport));

        vnet.csum_start = (uint16_t)transport;
        vnet.csum_offset = sample->protocol == TCP ? 16 : 6;
        frame[10 + transport + vnet.csum_offset] = (uint8_t)(sum >> 8);
        frame[10 + transport + vnet.csum_offset + 1] = (uint8_t)sum;
    }
    memcpy(frame, &vnet, sizeof(vnet));
    *ret_length = 10 + length;
    return realloc(frame, *ret_length + BEHIND);
}

/* Splits, and compares each packet with one that is made as it ought to be. */
static void check(const char *what, size_t number, const struct sample *sample, size_t segment,
                  bool needs_checksum)
{
    static uint8_t wanted[FRAME_MAX];
    size_t length;
    uint8_t *frame = make_frame(sample, segment, needs_checksum, &length);
    struct split split;
    uint8_t *packet;
    size_t packet_length;
    size_t done = 0;
    uint16_t count = 0;

    expect(split_begin(&split, frame, length), "%s %zu: refused", what, number);
    while (split_next(&split, &packet, &packet_length) && done < sample->payload) {
        struct sample one = *sample;
        bool last = sample->payload - done <= segment;
        size_t wanted_length;
        uint8_t behind[BEHIND];

        one.payload = last ? sample->payload - done : segment;
        one.sequence += (uint32_t)done;
        one.id += count;
        one.flags &= (uint8_t)((last ? 0xff : ~(PSH | FIN)) & (count > 0 ? ~CWR : 0xff));
        wanted_length = packets_write(&one, wanted);
        expect(packet_length == wanted_length && packet >= frame + 10 &&
                   packet + packet_length <= frame + length,
               "%s %zu: packet %d: length %zu, not %zu", what, number, count, packet_length,
               wanted_length);
        expect(packet_length != wanted_length || memcmp(packet, wanted, wanted_length) == 0,
               "%s %zu: packet %d differs", what, number, count);
        /* padding, as it is before encryption */
        memcpy(behind, packet + packet_length, BEHIND);
        memset(packet + packet_length, 0, BEHIND);
        memcpy(packet + packet_length, behind, BEHIND);
        done += one.payload;
        count++;
    }
    expect(done == sample->payload, "%s %zu: %zu bytes of %zu", what, number, done,
           sample->payload);
    expect(!split_next(&split, &packet, &packet_length), "%s %zu: more", what, number);
    free(frame);
}

static const struct {
    struct sample change; /* payload, flags, options and extra of it */
    size_t segment;
} cases[] = {
    {{.payload = 5000, .flags = ACK | PSH, .options = 12}, 1380},
    {{.payload = 2760, .flags = ACK, .options = 12}, 1380}, /* no remainder */
    {{.payload = 2761, .flags = ACK, .options = 12}, 1380}, /* a byte remains */
    {{.payload = 1380, .flags = ACK | PSH | FIN | CWR, .options = 12}, 1380},
    {{.payload = 1379, .flags = ACK | PSH | FIN | CWR, .options = 12}, 1380},
    {{.payload = 1, .flags = ACK | PSH}, 65535},
    {{.payload = 4000, .flags = ACK | FIN | PSH | CWR | ECE, .options = 40}, 1000},
    {{.payload = 4000, .flags = ACK | CWR}, 536},
    {{.payload = 4000, .flags = ACK | URG}, 536},
    /* segments shorter than the headers: these lie over several */
    {{.payload = 500, .flags = ACK | PSH, .options = 40}, 1},
    {{.payload = 500, .flags = ACK | PSH, .options = 12}, 51},
    {{.payload = 500, .flags = ACK | PSH, .options = 12}, 52},
    {{.payload = 500, .flags = ACK | PSH, .options = 12}, 53},
    {{.payload = 3000, .flags = ACK, .options = 40, .extra = 16}, 700},
    {{.payload = 65000, .flags = ACK | PSH, .options = 12}, 1380},
    {{.payload = 65535 - 60 - 40, .flags = ACK | PSH, .options = 40}, 8},
};

/* A kind: 1 is UDP, and 2 a checksum that is wanted. */
static struct sample vary(const struct sample *base, int kind, const struct sample *change)
{
    struct sample sample = *base;

    sample.payload = change->payload;
    sample.extra = change->extra;
    sample.flags = kind & 1 ? 0 : change->flags;
    sample.options = kind & 1 ? 0 : change->options;
    if (kind & 1)
        sample.protocol = UDP;
    return sample;
}

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int kind = 0; kind < 4; kind++) {
            struct sample sample = vary(&tcp4, kind, &cases[i].change);

            check("case", i * 10 + (size_t)kind, &sample, cases[i].segment, kind & 2);
        }
    }
}

TEST(random_frames)
{
    for (size_t i = 0; i < 2000; i++) {
        struct sample sample = {
            .protocol = unit_random_below(3) ? TCP : UDP,
            .host = (uint8_t)unit_random(),
            .class = (uint8_t)unit_random(),
            .ttl = (uint8_t)unit_random(),
            .id = (uint16_t)unit_random(),
            .fragment = unit_random_below(2) ? DF : 0,
            .extra = unit_random_below(3) ? 0 : unit_random_below(11) * 4,
            .port = (uint16_t)unit_random(),
            .sequence = (uint32_t)unit_random(),
            .acknowledged = (uint32_t)unit_random(),
            .reserved = (uint8_t)unit_random_below(16),
            .window = (uint16_t)unit_random(),
            .payload = 1 + unit_random_below(i % 10 ? 4000 : 60000),
        };

        if (sample.protocol == TCP) {
            sample.flags = (uint8_t)unit_random();
            sample.options = unit_random_below(11) * 4;
            sample.option = (uint8_t)unit_random();
            sample.urgent = (uint16_t)unit_random();
        }
        check("random", i, &sample, 1 + unit_random_below(2000), unit_random_below(2));
    }
}

/* What is changed in a frame that is otherwise split: bytes of it, the virtio header being the
 * first ten. */
static const struct {
    int kind; /* as in vary() */
    size_t place;
    uint8_t bytes[4];
    size_t length;
    bool good;
} lies[] = {
    {0, 0, {1}, 1, true},
    {0, 0, {0}, 1, true},
    /* type */
    {0, 1, {4}, 1, false}, /* IPv6 */
    {0, 1, {5}, 1, false},
    {1, 1, {1}, 1, false},
    {1, 1, {0x85}, 1, false},
    {0, 1, {0x81}, 1, true},
    {0, 1, {3}, 1, false},
    {0, 1, {2}, 1, false},
    {0, 1, {0x80}, 1, false},
    {0, 1, {0x21}, 1, false},
    {0, 1, {0x41}, 1, false},
    {0, 1, {0xff}, 1, false},
    /* header length: nobody looks at it */
    {0, 2, {0, 0}, 2, true},
    {0, 2, {0xff, 0xff}, 2, true},
    /* segment size */
    {0, 4, {0, 0}, 2, false},
    {0, 4, {0xff, 0xff}, 2, true},
    /* checksum's place */
    {0, 6, {19}, 1, false},
    {0, 6, {21}, 1, false},
    {0, 6, {20, 1}, 2, false},
    {0, 8, {6}, 1, false},
    {1, 8, {16}, 1, false},
    {0, 8, {0xff, 0xff}, 2, false},
    /* IP version and lengths */
    {0, 10, {0x44}, 1, false},
    {0, 10, {0x46}, 1, false},
    {0, 10, {0x65}, 1, false},
    {0, 10, {0x55}, 1, false},
    {0, 12, {0, 0}, 2, false},
    {0, 12, {0, 40}, 2, false},
    {0, 12, {0xff, 0xff}, 2, false},
    /* fragments */
    {0, 16, {0x20, 0}, 2, false},
    {0, 16, {0x00, 1}, 2, false},
    /* protocol */
    {0, 19, {UDP}, 1, false},
    {0, 19, {1}, 1, false},
    {1, 19, {TCP}, 1, false},
    /* TCP and UDP lengths */
    {0, 10 + 20 + 12, {0x40}, 1, false},
    {0, 10 + 20 + 12, {0x00}, 1, false},
    {0, 10 + 20 + 12, {0xf0}, 1, true},
    {1, 10 + 20 + 4, {0, 0}, 2, false},
    {1, 10 + 20 + 4, {0xff, 0xff}, 2, false},
};

TEST(lying)
{
    for (size_t i = 0; i < COUNT(lies); i++) {
        struct sample sample =
            vary(&tcp4, lies[i].kind, &(struct sample){.payload = 3000, .flags = ACK});
        struct split split;
        uint8_t *packet;
        size_t length;
        size_t packet_length;
        uint8_t *frame = make_frame(&sample, 1000, true, &length);
        int packets = 0;

        memcpy(frame + lies[i].place, lies[i].bytes, lies[i].length);
        expect(split_begin(&split, frame, length) == lies[i].good, "case %zu", i);
        while (lies[i].good && split_next(&split, &packet, &packet_length))
            packets++;
        expect(packets > 0 || !lies[i].good, "case %zu", i);
        free(frame);
    }
}

/* A frame that ends early, or goes on: its length isn't what the IP header says. */
TEST(every_length)
{
    for (int kind = 0; kind < 4; kind++) {
        struct sample sample = vary(&tcp4, kind, &(struct sample){.payload = 300, .flags = ACK});
        size_t whole;
        uint8_t *frame = make_frame(&sample, 100, kind & 2, &whole);

        for (size_t length = 0; length <= whole + BEHIND; length++) {
            uint8_t *copy = unit_copy(frame, length);
            struct split split;

            expect(split_begin(&split, copy, length) == (length == whole), "kind %d: %zu", kind,
                   length);
            free(copy);
        }
        free(frame);
    }
}

/* The same with the IP header telling the truth: headers without payload, and parts of headers. */
TEST(every_honest_length)
{
    for (int kind = 0; kind < 4; kind++) {
        struct sample sample = vary(
            &tcp4, kind, &(struct sample){.payload = 9, .flags = ACK, .options = 40, .extra = 8});
        size_t transport = packets_transport(&sample);
        size_t headers = packets_headers(&sample);
        size_t whole;
        uint8_t *frame = make_frame(&sample, 4, kind & 2, &whole);

        for (size_t length = transport; length <= headers + 9; length++) {
            uint8_t *copy = malloc(10 + length);
            struct split split;

            memcpy(copy, frame, 10 + length);
            copy[10 + 2] = 0;
            copy[10 + 3] = (uint8_t)length;
            if (sample.protocol == UDP && length >= transport + 6)
                copy[10 + transport + 5] = (uint8_t)(length - transport);
            expect(split_begin(&split, copy, 10 + length) == (length > headers), "kind %d: %zu",
                   kind, length);
            free(copy);
        }
        free(frame);
    }
}

/* A packet that is not to be cut: only its checksum may be wanting. */
static const struct {
    uint16_t start;
    uint16_t offset;
    bool good;
} places[] = {
    {20, 16, true},  {20, 6, true},      {20, 98, true},  {20, 100, false},  {20, 17, false},
    {20, 99, false}, {20, 65534, false}, {116, 2, true},  {118, 0, true},    {118, 2, false},
    {119, 0, false}, {120, 0, false},    {121, 0, false}, {65535, 0, false}, {65535, 65534, false},
    {0, 10, false},  {19, 16, false},    {28, 16, true},  {21, 2, true},
};

TEST(one_packet)
{
    struct sample sample = tcp4;

    sample.options = 0;
    sample.payload = 80;
    for (size_t i = 0; i < COUNT(places); i++) {
        struct virtio_net_hdr vnet = {
            .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
            .gso_size = (uint16_t)unit_random(),
            .csum_start = places[i].start,
            .csum_offset = places[i].offset,
        };
        uint8_t bytes[10 + 120];
        struct split split;
        uint8_t *packet;
        uint8_t *frame;
        size_t length;

        memcpy(bytes, &vnet, sizeof(vnet));
        (void)packets_write(&sample, bytes + 10);
        frame = unit_copy(bytes, sizeof(bytes));
        expect(split_begin(&split, frame, sizeof(bytes)) == places[i].good, "case %zu", i);
        if (places[i].good) {
            uint16_t old = (uint16_t)(bytes[10 + places[i].start + places[i].offset] << 8 |
                                      bytes[11 + places[i].start + places[i].offset]);
            uint16_t sum = packets_sum(frame + 10 + places[i].start, 120u - places[i].start, 0);

            /* with it, the sum is the complement of what its place held before */
            expect(split_next(&split, &packet, &length) && length == 120 && packet == frame + 10,
                   "case %zu", i);
            expect((sum + old) % 65535 == 0, "case %zu: %04x, %04x", i, sum, old);
            expect(!split_next(&split, &packet, &length), "case %zu: more", i);
        }
        free(frame);
    }
}

/* A checksum that comes out as 0 is sent as 0xffff; a packet of which none is wanted stays as it
 * is. */
TEST(zero_checksum)
{
    struct sample sample = {.protocol = UDP, .payload = 1000, .port = 7};

    for (uint32_t i = 0; i < 65536; i++) {
        struct virtio_net_hdr vnet = {
            .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 20, .csum_offset = 6};
        uint8_t frame[10 + 32] = {0};
        uint8_t before[10 + 32];
        size_t headers;
        struct split split;
        uint8_t *packet;
        size_t length;
        uint16_t sum;

        sample.payload = 4;
        (void)packets_write(&sample, frame + 10);
        frame[38] = (uint8_t)(i >> 8);
        frame[39] = (uint8_t)i;
        sum = packets_sum(NULL, 0, packets_pseudo(frame + 10, UDP, 12));
        frame[36] = (uint8_t)(sum >> 8);
        frame[37] = (uint8_t)sum;
        memcpy(frame, &vnet, sizeof(vnet));
        memcpy(before, frame, sizeof(frame));
        expect(split_begin(&split, frame, sizeof(frame)) && split_next(&split, &packet, &length) &&
                   !packets_flaw(packet, length, &headers),
               "none: %u", i);
        memcpy(frame, before, sizeof(frame));
        vnet = (struct virtio_net_hdr){0};
        memcpy(frame, &vnet, sizeof(vnet));
        expect(split_begin(&split, frame, sizeof(frame)) && split_next(&split, &packet, &length) &&
                   length == 32 && memcmp(packet, before + 10, 32) == 0,
               "as it is: %u", i);
        /* The same as a segment. */
        memcpy(frame, before, sizeof(frame));
        vnet = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                       .gso_type = UDP_L4,
                                       .gso_size = 4,
                                       .csum_start = 20,
                                       .csum_offset = 6};
        memcpy(frame, &vnet, sizeof(vnet));
        expect(split_begin(&split, frame, sizeof(frame)) && split_next(&split, &packet, &length) &&
                   !packets_flaw(packet, length, &headers),
               "segment: %u", i);
    }
}

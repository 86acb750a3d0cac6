#include "engine/packet/merge.h"

#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "engine/packet/split.h"
#include "engine_packets.h"
#include "unit.h"

enum {
    UDP_L4 = 5,
    WRITES_MAX = 2000,
    PAYLOAD = 100,
};

/* What came out. */
static struct written {
    uint8_t *frame;
    size_t length;
    int count;
} written[WRITES_MAX];
static size_t writes;

static void record(void *context, const struct iovec *iov, int count)
{
    struct written *write = &written[writes];

    expect(context == written, "context");
    expect(count >= 2 && count <= 1 + MERGE_SEGMENTS_MAX && iov[0].iov_len == HANDOVER_VNET_SIZE,
           "iovec of %d", count);
    if (writes == WRITES_MAX)
        unit_trouble("too many writes");
    write->length = 0;
    write->count = count;
    for (int i = 0; i < count; i++)
        write->length += iov[i].iov_len;
    expect(write->length <= HANDOVER_VNET_SIZE + MERGE_BYTES_MAX, "%zu bytes", write->length);
    write->frame = malloc(write->length + 15);
    write->length = 0;
    for (int i = 0; i < count; i++) {
        memcpy(write->frame + write->length, iov[i].iov_base, iov[i].iov_len);
        write->length += iov[i].iov_len;
    }
    writes++;
}

static struct merge merge;

static void begin(bool tcp, bool udp)
{
    for (; writes > 0; writes--)
        free(written[writes - 1].frame);
    memset(&merge, 0xa5, sizeof(merge));
    merge_init(&merge, tcp, udp, record, written);
}

static const struct sample bases[] = {
    {.protocol = TCP,
     .host = 1,
     .class = 2,
     .ttl = 64,
     .id = 0xffff,
     .fragment = DF,
     .port = 4000,
     .sequence = 0xffffffc0,
     .acknowledged = 0x01020304,
     .flags = ACK,
     .window = 500,
     .options = 12,
     .option = 1,
     .payload = PAYLOAD},
    {.protocol = UDP,
     .host = 1,
     .class = 2,
     .ttl = 64,
     .id = 0xffff,
     .port = 4000,
     .payload = PAYLOAD},
};

/* The packet that comes after another of its flow. */
static struct sample after(const struct sample *sample)
{
    struct sample next = *sample;

    next.id++;
    next.sequence += (uint32_t)sample->payload;
    return next;
}

/* What a second packet is like that follows a first one. */
enum rule {
    NOTHING_CHANGED,
    SHORTER,
    WITH_PSH,
    FIRST_CWR,
    FIRST_CWR_THEN_PSH,
    BOTH_ECE,
    SAME_ID_DF,
    LAST_MERGED = SAME_ID_DF, /* those up to here are merged */
    LONGER,
    FIRST_PSH,
    EMPTY,
    FIRST_EMPTY,
    SEQUENCE_GAP,
    SEQUENCE_AGAIN,
    OTHER_ACK,
    OTHER_WINDOW,
    OTHER_URGENT,
    OTHER_RESERVED,
    OTHER_OPTION,
    FEWER_OPTIONS,
    MORE_OPTIONS,
    SECOND_FIN,
    SECOND_SYN,
    SECOND_RST,
    SECOND_URG,
    SECOND_CWR,
    BOTH_CWR,
    SECOND_ECE,
    FIRST_ECE,
    NO_ACK,
    BOTH_NO_ACK,
    BOTH_FIN,
    BOTH_SYN,
    BOTH_RST,
    BOTH_URG,
    OTHER_CLASS,
    OTHER_ECN,
    OTHER_TTL,
    OTHER_DF,
    ID_GAP,
    ID_BACK,
    SAME_ID,
    IP_OPTIONS,
    BOTH_IP_OPTIONS,
    FRAGMENT,
    BOTH_FRAGMENTS,
    LATER_FRAGMENT,
    RESERVED_FLAG,
    BOTH_RESERVED_FLAGS,
    BROKEN_PAYLOAD,
    BROKEN_FIRST_PAYLOAD,
    BROKEN_CHECKSUM,
    BROKEN_IP_CHECKSUM,
    BROKEN_FIRST_IP_CHECKSUM,
    ZERO_CHECKSUM,
    BOTH_ZERO_CHECKSUMS,
    BOTH_RIGHT_ZERO_CHECKSUMS,
    BOTH_IP_LENGTHS,
    BOTH_UDP_LENGTHS,
    BOTH_SHORT_HEADERS,
    BOTH_LONG_HEADERS,
    RULES,
};

/* Whether it can be said of such a packet at all. */
static bool does_apply(enum rule rule, const struct sample *base)
{
    switch (rule) {
    case NOTHING_CHANGED:
    case SHORTER:
    case LONGER:
    case EMPTY:
    case FIRST_EMPTY:
    case OTHER_CLASS:
    case OTHER_ECN:
    case OTHER_TTL:
    case IP_OPTIONS:
    case BOTH_IP_OPTIONS:
    case BROKEN_PAYLOAD:
    case BROKEN_FIRST_PAYLOAD:
    case BROKEN_CHECKSUM:
    case BOTH_IP_LENGTHS:
    case SAME_ID_DF:
    case OTHER_DF:
    case ID_GAP:
    case ID_BACK:
    case SAME_ID:
    case FRAGMENT:
    case BOTH_FRAGMENTS:
    case LATER_FRAGMENT:
    case RESERVED_FLAG:
    case BOTH_RESERVED_FLAGS:
    case BROKEN_IP_CHECKSUM:
    case BROKEN_FIRST_IP_CHECKSUM:
        return true;
    case ZERO_CHECKSUM:
    case BOTH_ZERO_CHECKSUMS:
    case BOTH_RIGHT_ZERO_CHECKSUMS:
    case BOTH_UDP_LENGTHS:
        return base->protocol == UDP;
    default:
        return base->protocol == TCP;
    }
}

static void change_tcp(enum rule rule, struct sample *one, struct sample *two)
{
    static const struct {
        uint8_t first;
        uint8_t second;
    } flags[RULES] = {
        [WITH_PSH] = {ACK, ACK | PSH},
        [FIRST_CWR] = {ACK | CWR, ACK},
        [FIRST_CWR_THEN_PSH] = {ACK | CWR | ECE, ACK | PSH | ECE},
        [BOTH_ECE] = {ACK | ECE, ACK | ECE},
        [FIRST_PSH] = {ACK | PSH, ACK},
        [SECOND_FIN] = {ACK, ACK | FIN},
        [SECOND_SYN] = {ACK, ACK | SYN},
        [SECOND_RST] = {ACK, ACK | RST},
        [SECOND_URG] = {ACK, ACK | URG},
        [SECOND_CWR] = {ACK, ACK | CWR},
        [BOTH_CWR] = {ACK | CWR, ACK | CWR},
        [SECOND_ECE] = {ACK, ACK | ECE},
        [FIRST_ECE] = {ACK | ECE, ACK},
        [NO_ACK] = {ACK, 0},
        [BOTH_NO_ACK] = {0, 0},
        [BOTH_FIN] = {ACK | FIN, ACK | FIN},
        [BOTH_SYN] = {ACK | SYN, ACK | SYN},
        [BOTH_RST] = {ACK | RST, ACK | RST},
        [BOTH_URG] = {ACK | URG, ACK | URG},
    };

    if (flags[rule].first | flags[rule].second || rule == BOTH_NO_ACK) {
        one->flags = flags[rule].first;
        two->flags = flags[rule].second;
    }
    two->sequence += rule == SEQUENCE_GAP ? 1 : 0;
    two->sequence -= rule == SEQUENCE_AGAIN ? PAYLOAD : 0;
    two->acknowledged += rule == OTHER_ACK ? 1 : 0;
    two->window ^= rule == OTHER_WINDOW ? 1 : 0;
    two->urgent ^= rule == OTHER_URGENT ? 1 : 0;
    two->reserved ^= rule == OTHER_RESERVED ? 1 : 0;
    two->option ^= rule == OTHER_OPTION ? 1 : 0;
    two->options -= rule == FEWER_OPTIONS ? 4 : 0;
    two->options += rule == MORE_OPTIONS ? 4 : 0;
}

static void change_ip(enum rule rule, struct sample *one, struct sample *two)
{
    two->class ^= rule == OTHER_CLASS ? 0x40 : rule == OTHER_ECN ? 1 : 0;
    two->ttl ^= rule == OTHER_TTL ? 1 : 0;
    two->fragment ^= rule == OTHER_DF ? DF : 0;
    two->id ^= rule == ID_GAP ? 1 : 0;
    if (rule == ID_BACK)
        two->id = (uint16_t)(one->id - 1);
    if (rule == SAME_ID || rule == SAME_ID_DF) {
        one->fragment = two->fragment = rule == SAME_ID ? 0 : DF;
        two->id = one->id;
    }
    if (rule == IP_OPTIONS || rule == BOTH_IP_OPTIONS)
        two->extra = 8;
    if (rule == BOTH_IP_OPTIONS)
        one->extra = 8;
    if (rule == FRAGMENT || rule == BOTH_FRAGMENTS)
        two->fragment = MF;
    if (rule == BOTH_FRAGMENTS)
        one->fragment = MF;
    if (rule == LATER_FRAGMENT)
        two->fragment = 100;
    if (rule == RESERVED_FLAG || rule == BOTH_RESERVED_FLAGS)
        two->fragment |= 0x8000;
    if (rule == BOTH_RESERVED_FLAGS)
        one->fragment |= 0x8000;
}

/* What can't be said in a sample: something is wrong, and no checksum tells. */
static void lie(enum rule rule, const struct sample *sample, uint8_t *bytes)
{
    size_t transport = packets_transport(sample);
    size_t left = packets_headers(sample) - transport + sample->payload;
    size_t checksum = transport + (sample->protocol == TCP ? 16 : 6);
    uint16_t sum;

    if (rule < BOTH_RIGHT_ZERO_CHECKSUMS)
        return;
    if (rule == BOTH_IP_LENGTHS)
        bytes[3] -= 8;
    if (rule == BOTH_IP_LENGTHS)
        bytes[11] += 8; /* the header's checksum: no carry here */
    if (rule == BOTH_UDP_LENGTHS)
        bytes[transport + 5] -= 8;
    if (rule == BOTH_SHORT_HEADERS || rule == BOTH_LONG_HEADERS)
        bytes[transport + 12] = rule == BOTH_SHORT_HEADERS ? 0x40 : 0xf0;
    memset(bytes + checksum, 0, 2);
    sum = (uint16_t)~packets_sum(bytes + transport, left,
                                 packets_pseudo(bytes, sample->protocol, left));
    /* either the checksum, or the payload makes it right */
    if (rule == BOTH_RIGHT_ZERO_CHECKSUMS)
        checksum = packets_headers(sample);
    sum = packets_sum((const uint8_t[]){bytes[checksum], bytes[checksum + 1]}, 2, sum);
    bytes[checksum] = (uint8_t)(sum >> 8);
    bytes[checksum + 1] = (uint8_t)sum;
}

/* The same, and checksums do tell. */
static void break_packet(enum rule rule, const struct sample *sample, bool first, uint8_t *bytes)
{
    size_t transport = packets_transport(sample);
    size_t checksum = transport + (sample->protocol == TCP ? 16 : 6);

    lie(rule, sample, bytes);
    if (rule == (first ? BROKEN_FIRST_PAYLOAD : BROKEN_PAYLOAD))
        bytes[packets_headers(sample) + 50] ^= 1;
    if (rule == BROKEN_CHECKSUM && !first)
        bytes[checksum] ^= 0x80;
    if (rule == (first ? BROKEN_FIRST_IP_CHECKSUM : BROKEN_IP_CHECKSUM))
        bytes[10] ^= 1;
    if (rule == BOTH_ZERO_CHECKSUMS || (rule == ZERO_CHECKSUM && !first))
        memset(bytes + checksum, 0, 2);
}

/* A frame that holds just this packet, unchanged. */
static void expect_alone(const char *what, size_t number, size_t write, const uint8_t *bytes,
                         size_t length)
{
    static const uint8_t zeros[HANDOVER_VNET_SIZE];

    expect(written[write].length == HANDOVER_VNET_SIZE + length &&
               memcmp(written[write].frame, zeros, HANDOVER_VNET_SIZE) == 0 &&
               memcmp(written[write].frame + HANDOVER_VNET_SIZE, bytes, length) == 0,
           "%s %zu: write %zu", what, number, write);
}

/* A frame whose virtio header fits it, and that is cut into these packets again: `same` is false if
 * their ids may differ. */
static void expect_merged(const char *what, size_t number, size_t write,
                          const struct sample samples[], size_t count, bool same)
{
    struct virtio_net_hdr vnet;
    struct split split;
    uint8_t *packet;
    size_t length;
    size_t place = packets_transport(samples) + (samples->protocol == TCP ? 16 : 6);
    uint8_t *frame = written[write].frame;
    uint16_t pseudo =
        packets_sum(NULL, 0,
                    packets_pseudo(frame + 10, samples->protocol,
                                   written[write].length - 10 - packets_transport(samples)));
    uint8_t type = samples->protocol == UDP ? UDP_L4 : VIRTIO_NET_HDR_GSO_TCPV4;

    memcpy(&vnet, frame, sizeof(vnet));
    expect(vnet.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM &&
               vnet.gso_type == (type | (samples->flags & CWR ? VIRTIO_NET_HDR_GSO_ECN : 0)) &&
               vnet.gso_size == samples->payload && vnet.hdr_len == packets_headers(samples) &&
               vnet.csum_start == packets_transport(samples) &&
               vnet.csum_start + vnet.csum_offset == (int)place,
           "%s %zu: virtio header", what, number);
    expect(frame[10 + place] == pseudo >> 8 && frame[10 + place + 1] == (pseudo & 0xff),
           "%s %zu: pseudo-header's sum", what, number);
    expect(packets_sum(frame + 10, 20, 0) == 0xffff, "%s %zu: IPv4 checksum", what, number);
    expect(split_begin(&split, frame, written[write].length), "%s %zu: split", what, number);
    for (size_t i = 0; i < count; i++) {
        uint8_t wanted[2000];
        struct sample sample = samples[i];
        size_t wanted_length;

        if (!same)
            sample.id = (uint16_t)(samples->id + i);
        wanted_length = packets_write(&sample, wanted);
        expect(split_next(&split, &packet, &length) && length == wanted_length &&
                   memcmp(packet, wanted, length) == 0,
               "%s %zu: packet %zu differs", what, number, i);
    }
    expect(!split_next(&split, &packet, &length), "%s %zu: more packets", what, number);
}

static void check_rule(enum rule rule, size_t base)
{
    struct sample samples[2] = {bases[base]};
    uint8_t bytes[2][300] = {0};
    uint8_t before[2][300];
    size_t length[2];

    begin(true, true);
    samples[0].payload = rule == FIRST_EMPTY ? 0 : PAYLOAD;
    samples[1] = after(&samples[0]);
    samples[1].payload = rule == EMPTY     ? 0
                         : rule == SHORTER ? 1
                         : rule == LONGER  ? PAYLOAD + 1
                                           : PAYLOAD;
    if (rule == BOTH_LONG_HEADERS) { /* 28 bytes longer than the packet */
        samples[0].payload = samples[1].payload = 0;
        samples[1].sequence = samples[0].sequence - 28;
    }
    if (rule == BOTH_SHORT_HEADERS) /* the rest is payload */
        samples[1].sequence += 4 + (uint32_t)samples[0].options;
    if (samples->protocol == TCP)
        change_tcp(rule, &samples[0], &samples[1]);
    change_ip(rule, &samples[0], &samples[1]);
    for (int i = 0; i < 2; i++) {
        length[i] = packets_write(&samples[i], bytes[i]);
        break_packet(rule, &samples[i], i == 0, bytes[i]);
        memcpy(before[i], bytes[i], length[i]);
        merge_add(&merge, bytes[i], length[i]);
    }
    merge_flush(&merge);
    expect(merge.groups == 0, "rule %d, base %zu", rule, base);
    if (rule <= LAST_MERGED) {
        expect(writes == 1 && written[0].count == 3, "rule %d, base %zu: %zu writes", rule, base,
               writes);
        expect_merged("rule", rule * 10 + base, 0, samples, 2, rule != SAME_ID_DF);
    } else {
        expect(writes == 2, "rule %d, base %zu: %zu writes", rule, base, writes);
        for (size_t i = 0; i < writes; i++)
            expect_alone("rule", rule * 10 + base, i, before[i], length[i]);
    }
}

TEST(rules)
{
    for (enum rule rule = 0; rule < RULES; rule++) {
        for (size_t base = 0; base < COUNT(bases); base++) {
            if (does_apply(rule, &bases[base]))
                check_rule(rule, base);
        }
    }
}

/* What nothing can follow is not kept waiting. */
TEST(at_once)
{
    static const struct {
        uint8_t flags[2];
        size_t payload[2];
        size_t writes[2];
    } cases[] = {
        {{ACK, ACK}, {PAYLOAD, PAYLOAD}, {0, 0}},
        {{ACK, ACK | PSH}, {PAYLOAD, PAYLOAD}, {0, 1}},
        {{ACK, ACK}, {PAYLOAD, PAYLOAD - 1}, {0, 1}},
        {{ACK, ACK}, {PAYLOAD, PAYLOAD + 1}, {0, 1}},
        {{ACK | PSH, ACK | PSH}, {PAYLOAD, PAYLOAD}, {1, 2}},
        {{ACK, ACK}, {0, PAYLOAD}, {1, 1}},
        {{ACK, ACK}, {PAYLOAD, 0}, {0, 2}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample = bases[0];
        uint8_t bytes[2][300];

        begin(true, true);
        for (int k = 0; k < 2; k++) {
            sample.flags = cases[i].flags[k];
            sample.payload = cases[i].payload[k];
            merge_add(&merge, bytes[k], packets_write(&sample, bytes[k]));
            expect(writes == cases[i].writes[k], "case %zu: %zu writes", i, writes);
            sample = after(&sample);
        }
        merge_flush(&merge);
    }
}

/* A run of packets of one flow, each in memory of its own. */
struct run {
    struct sample sample[100];
    uint8_t bytes[100][1500];
    size_t length[100];
};

static struct run *make_run(const struct sample *base, size_t count)
{
    struct run *run = malloc(sizeof(*run));
    struct sample sample = *base;

    for (size_t i = 0; i < count; i++) {
        run->sample[i] = sample;
        run->length[i] = packets_write(&sample, run->bytes[i]);
        sample = after(&sample);
    }
    return run;
}

/* At most so many packets in a group, and so many bytes; the next goes on in another. */
TEST(limits)
{
    for (size_t base = 0; base < COUNT(bases); base++) {
        struct sample sample = bases[base];
        struct run *run = make_run(&sample, 100);

        begin(true, true);
        for (size_t i = 0; i < 100; i++)
            merge_add(&merge, run->bytes[i], run->length[i]);
        expect(writes == 1, "base %zu: not written when full", base);
        merge_flush(&merge);
        expect(writes == 2, "base %zu: %zu writes", base, writes);
        expect_merged("packets", base, 0, run->sample, 64, true);
        expect_merged("packets", base, 1, run->sample + 64, 36, true);
        free(run);

        sample.payload = 1400;
        run = make_run(&sample, 100);
        begin(true, true);
        for (size_t i = 0; i < 100; i++)
            merge_add(&merge, run->bytes[i], run->length[i]);
        merge_flush(&merge);
        expect(writes == 3, "base %zu: %zu writes", base, writes);
        for (size_t i = 0, first = 0; i < writes; i++) {
            size_t fitting = (65535 - packets_headers(&sample)) / 1400;
            size_t count = i < 2 ? fitting : 100 - 2 * fitting;

            expect_merged("bytes", base, i, run->sample + first, count, true);
            first += count;
        }
        free(run);
    }
}

/* Exactly 65535 bytes. */
TEST(longest)
{
    static uint8_t bytes[3][70000];
    struct sample sample = bases[0];

    begin(true, true);
    sample.payload = 30000;
    merge_add(&merge, bytes[0], packets_write(&sample, bytes[0]));
    sample = after(&sample);
    merge_add(&merge, bytes[1], packets_write(&sample, bytes[1]));
    sample = after(&sample);
    sample.payload = 65535 - 52 - 60000;
    merge_add(&merge, bytes[2], packets_write(&sample, bytes[2]));
    merge_flush(&merge);
    expect(writes == 1 && written[0].length == 10 + 65535, "%zu writes", writes);

    begin(true, true);
    sample = bases[0];
    sample.payload = 30000;
    merge_add(&merge, bytes[0], packets_write(&sample, bytes[0]));
    sample = after(&sample);
    merge_add(&merge, bytes[1], packets_write(&sample, bytes[1]));
    sample = after(&sample);
    sample.payload = 65535 - 52 - 60000 + 1;
    merge_add(&merge, bytes[2], packets_write(&sample, bytes[2]));
    merge_flush(&merge);
    expect(writes == 2, "%zu writes", writes);
}

/* All ids are the same, or go up by one: not now this, now that. */
TEST(ids)
{
    static const struct {
        uint16_t id[4];
        size_t writes;
    } cases[] = {
        {{7, 8, 9, 10}, 1},
        {{7, 7, 7, 7}, 1},
        {{7, 7, 8, 8}, 2},
        {{7, 8, 8, 8}, 2},
        {{65534, 65535, 0, 1}, 1},
        {{0, 0, 0, 0}, 1},
        {{7, 8, 9, 9}, 2},
        {{7, 7, 7, 8}, 2},
        {{9, 8, 7, 6}, 4},
        {{7, 9, 11, 13}, 4},
        {{65535, 65535, 65535, 0}, 2},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample = bases[0];
        uint8_t bytes[4][300];

        begin(true, true);
        for (int k = 0; k < 4; k++) {
            sample.id = cases[i].id[k];
            merge_add(&merge, bytes[k], packets_write(&sample, bytes[k]));
            sample = after(&sample);
        }
        merge_flush(&merge);
        expect(writes == cases[i].writes, "case %zu: %zu writes", i, writes);
    }
}

/* What differs in one of these is another flow, gathered beside. */
TEST(flows)
{
    for (size_t base = 0; base < COUNT(bases); base++) {
        for (int kind = 0; kind < 4; kind++) {
            struct sample samples[2][3] = {{bases[base]}, {bases[base]}};
            uint8_t bytes[2][3][300];

            begin(true, true);
            samples[1][0].host ^= kind == 0 ? 1 : 0;
            samples[1][0].port ^= kind == 1 ? 1 : 0;
            samples[1][0].peer ^= kind == 3 ? 1 : 0;
            if (kind == 2) { /* another protocol */
                samples[1][0] = bases[1 - base];
                samples[1][0].port = samples[0][0].port;
            }
            for (int i = 0; i < 3; i++) {
                for (int flow = 0; flow < 2; flow++) {
                    if (i > 0)
                        samples[flow][i] = after(&samples[flow][i - 1]);
                    merge_add(&merge, bytes[flow][i],
                              packets_write(&samples[flow][i], bytes[flow][i]));
                }
            }
            expect(writes == 0 && merge.groups == 2, "base %zu, kind %d", base, kind);
            merge_flush(&merge);
            expect(writes == 2, "base %zu, kind %d: %zu writes", base, kind, writes);
            expect_merged("flow", base, 0, samples[0], 3, true);
            expect_merged("flow", base, 1, samples[1], 3, true);
        }
    }
}

/* One flow more than there is room for: the oldest goes out. Then they come one after another. */
TEST(many_flows)
{
    struct sample samples[20][2];
    static uint8_t bytes[20][2][300];

    begin(true, true);
    for (size_t i = 0; i < 20; i++) {
        samples[i][0] = bases[i % COUNT(bases)];
        samples[i][0].port += (uint16_t)i;
        samples[i][1] = after(&samples[i][0]);
        merge_add(&merge, bytes[i][0], packets_write(&samples[i][0], bytes[i][0]));
        merge_add(&merge, bytes[i][1], packets_write(&samples[i][1], bytes[i][1]));
        expect(writes == (i < MERGE_GROUPS ? 0 : i + 1 - MERGE_GROUPS), "flow %zu: %zu", i, writes);
    }
    merge_flush(&merge);
    expect(writes == 20, "%zu writes", writes);
    for (size_t i = 0; i < writes; i++)
        expect_merged("flow", i, i, samples[i], 2, true);
}

/* What the device can't take isn't merged. */
TEST(switched_off)
{
    for (int on = 0; on < 4; on++) {
        for (size_t base = 0; base < COUNT(bases); base++) {
            struct run *run = make_run(&bases[base], 3);
            bool merged = bases[base].protocol == TCP ? on & 1 : on & 2;

            begin(on & 1, on & 2);
            for (size_t i = 0; i < 3; i++) {
                merge_add(&merge, run->bytes[i], run->length[i]);
                expect(merged || writes == i + 1, "base %zu: not at once", base);
            }
            merge_flush(&merge);
            expect(writes == (merged ? 1 : 3), "on %d, base %zu: %zu writes", on, base, writes);
            free(run);
        }
    }
}

/* A packet of another kind between the same addresses comes out where it came in. */
TEST(others)
{
    static const struct {
        struct sample sample;
        size_t writes; /* before the flush */
    } cases[] = {
        {{.protocol = 1, .host = 1, .payload = 60}, 2}, /* ICMP */
        {{.protocol = 1, .host = 2, .payload = 60}, 1}, /* of another host */
        {{.protocol = UDP, .host = 1, .fragment = 9, .payload = 60}, 2},
        {{.protocol = UDP, .host = 1, .extra = 4, .payload = 60}, 2},
        {{.protocol = UDP, .host = 1, .payload = 60}, 0},
        {{.protocol = UDP, .host = 1, .payload = 0}, 1},
        {{.protocol = TCP, .host = 1, .port = 4000, .flags = RST}, 2},
        {{.protocol = TCP, .host = 1, .port = 4001, .flags = RST}, 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct run *run = make_run(&bases[0], 3);
        uint8_t bytes[200];

        begin(true, true);
        merge_add(&merge, run->bytes[0], run->length[0]);
        merge_add(&merge, run->bytes[1], run->length[1]);
        merge_add(&merge, bytes, packets_write(&cases[i].sample, bytes));
        expect(writes == cases[i].writes, "case %zu: %zu writes", i, writes);
        merge_add(&merge, run->bytes[2], run->length[2]);
        merge_flush(&merge);
        if (cases[i].writes == 2)
            expect_merged("case", i, 0, run->sample, 2, true);
        free(run);
    }
}

/* Cut anywhere, with and without a length in the IP header that fits: goes out as it came. */
TEST(every_length)
{
    for (size_t base = 0; base < COUNT(bases); base++) {
        uint8_t bytes[300];
        size_t whole = packets_write(&bases[base], bytes);

        for (size_t length = 0; length < 2 * whole; length++) {
            struct run *run = make_run(&bases[base], 1);
            struct sample next = after(&bases[base]);
            uint8_t *copy;

            begin(true, true);
            (void)packets_write(&next, bytes);
            if (length >= whole)
                bytes[3] = (uint8_t)(length - whole);
            copy = unit_copy(bytes, length % whole);
            merge_add(&merge, run->bytes[0], run->length[0]);
            merge_add(&merge, copy, length % whole);
            merge_flush(&merge);
            expect(writes == 2, "base %zu: %zu", base, length);
            /* Which of the two was written first depends on whether the addresses are there. */
            expect_alone("length", length, written[0].length == 10 + length % whole ? 0 : 1, copy,
                         length % whole);
            free(copy);
            free(run);
        }
    }
}

/* Super-packets are split, merged, and are what they were, bit by bit. */
TEST(round_trip)
{
    for (size_t i = 0; i < 1000; i++) {
        struct sample sample = bases[i % COUNT(bases)];
        size_t segment = 1 + unit_random_below(1400);
        size_t packets = 2 + unit_random_below(60);
        struct virtio_net_hdr vnet = {
            .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
            .gso_type = sample.protocol == UDP ? UDP_L4 : VIRTIO_NET_HDR_GSO_TCPV4};
        struct run *run = malloc(sizeof(*run));
        static uint8_t frame[10 + 65535];
        static uint8_t before[10 + 65535];
        struct split split;
        size_t length;
        uint8_t *packet;
        size_t packet_length;

        begin(true, true);
        if (packets * segment > 65000)
            packets = 65000 / segment;
        sample.payload = (packets - 1) * segment + 1 + unit_random_below((uint32_t)segment);
        sample.id = (uint16_t)unit_random();
        sample.sequence = (uint32_t)unit_random();
        if (sample.protocol == TCP)
            sample.flags = ACK | (unit_random() & (PSH | ECE | CWR));
        if (sample.flags & CWR)
            vnet.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
        vnet.gso_size = (uint16_t)segment;
        vnet.hdr_len = (uint16_t)packets_headers(&sample);
        vnet.csum_start = (uint16_t)packets_transport(&sample);
        vnet.csum_offset = sample.protocol == TCP ? 16 : 6;
        memcpy(frame, &vnet, sizeof(vnet));
        length = 10 + packets_write(&sample, frame + 10);
        uint16_t sum = packets_sum(
            NULL, 0,
            packets_pseudo(frame + 10, sample.protocol, length - 10 - packets_transport(&sample)));
        frame[10 + vnet.csum_start + vnet.csum_offset] = (uint8_t)(sum >> 8);
        frame[10 + vnet.csum_start + vnet.csum_offset + 1] = (uint8_t)sum;
        memcpy(before, frame, length);
        expect(split_begin(&split, frame, length), "case %zu", i);
        for (size_t k = 0; split_next(&split, &packet, &packet_length); k++) {
            size_t headers;

            expect(!packets_flaw(packet, packet_length, &headers), "case %zu: %zu", i, k);
            memcpy(run->bytes[k], packet, packet_length);
            merge_add(&merge, run->bytes[k], packet_length);
        }
        merge_flush(&merge);
        expect(writes == 1 && written[0].length == length &&
                   memcmp(written[0].frame, before, length) == 0,
               "case %zu: %zu writes", i, writes);
        free(run);
    }
}

/* The packets of a few flows in any order, many of which can't be merged: cut again, those of each
 * flow are what they were, in their order. */
struct storm {
    uint8_t bytes[400][300];
    uint8_t before[400][300];
    size_t length[400];
    int flow[400];
    bool seen[400];
};

static void storm_packet(struct storm *storm, size_t number, struct sample flows[])
{
    int flow = (int)unit_random_below(12);
    const struct sample *base = &bases[(size_t)flow % COUNT(bases)];
    struct sample *sample = &flows[flow];
    enum rule rule = unit_random_below(RULES);
    struct sample first = *sample;
    struct sample packet = *sample;

    if (unit_random_below(3))
        rule = NOTHING_CHANGED;
    /* An id that stays the same under DF is the one thing that a group doesn't keep. */
    if (rule == SAME_ID_DF || ((rule == ID_GAP || rule == ID_BACK) && sample->fragment) ||
        !does_apply(rule, sample))
        rule = NOTHING_CHANGED;
    if (packet.protocol == TCP)
        change_tcp(rule, &first, &packet);
    change_ip(rule, &first, &packet);
    packet.payload = rule == EMPTY ? 0 : rule == SHORTER ? 30 : rule == LONGER ? 120 : PAYLOAD;
    storm->length[number] = packets_write(&packet, storm->bytes[number]);
    break_packet(rule, &packet, false, storm->bytes[number]);
    memcpy(storm->before[number], storm->bytes[number], storm->length[number]);
    storm->flow[number] = flow;
    storm->seen[number] = false;
    *sample = after(&packet);
    sample->flags = sample->protocol == TCP ? ACK : 0;
    sample->options = base->options;
    sample->extra = 0;
    sample->payload = PAYLOAD;
    sample->fragment = base->fragment;
}

/* Looks for the packet among those that are next in their flows. */
static bool take_out(struct storm *storm, size_t count, const uint8_t *packet, size_t length)
{
    bool passed[12] = {false};

    for (size_t i = 0; i < count; i++) {
        if (storm->seen[i] || passed[storm->flow[i]])
            continue;
        passed[storm->flow[i]] = true;
        if (storm->length[i] == length && memcmp(storm->before[i], packet, length) == 0) {
            storm->seen[i] = true;
            return true;
        }
    }
    return false;
}

TEST(storms)
{
    struct storm *storm = malloc(sizeof(*storm));
    size_t merged = 0;

    for (size_t round = 0; round < 500; round++) {
        struct sample samples[12];
        size_t count = 1 + unit_random_below(400);
        size_t left = count;

        begin(true, true);
        for (size_t i = 0; i < 12; i++) {
            samples[i] = bases[i % COUNT(bases)];
            samples[i].host = (uint8_t)(1 + i / 8);
            samples[i].port = (uint16_t)(4000 + i);
        }
        for (size_t i = 0; i < count; i++) {
            storm_packet(storm, i, samples);
            merge_add(&merge, storm->bytes[i], storm->length[i]);
        }
        merge_flush(&merge);
        merged += count - writes;
        for (size_t i = 0; i < writes; i++) {
            struct split split;
            uint8_t *packet;
            size_t length;

            expect(split_begin(&split, written[i].frame, written[i].length), "round %zu", round);
            while (split_next(&split, &packet, &length)) {
                expect(take_out(storm, count, packet, length), "round %zu: write %zu", round, i);
                left--;
            }
        }
        expect(left == 0, "round %zu: %zu packets", round, left);
    }
    expect(merged > 10000, "only %zu packets were merged", merged);
    free(storm);
}

/* A batch of packets. Some bytes describe each packet: it is the next packet of one of a few flows,
 * with something changed, or it consists of given bytes. The merged packets are cut again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/packet/merge.h"
#include "engine/packet/split.h"
#include "engine_packets.h"
#include "fuzz.h"

enum {
    PACKETS_MAX = 300,
    PACKET_MAX = 2048,
    FLOWS = 12,
};

static struct {
    uint8_t *bytes;
    uint8_t before[PACKET_MAX];
    size_t length;
    int flow; /* FLOWS: none of them */
    bool written;
} packets[PACKETS_MAX];
static size_t count;

/* Returns the packet that ends there. Its payload may be written once. */
static size_t find(const struct iovec *part)
{
    const uint8_t *end = (const uint8_t *)part->iov_base + part->iov_len;

    for (size_t i = 0; i < count; i++) {
        if (packets[i].bytes + packets[i].length == end) {
            require(!packets[i].written);
            packets[i].written = true;
            /* the packets of its flow that came earlier were written earlier */
            for (size_t k = 0; k < i; k++)
                require(packets[i].flow == FLOWS || packets[k].flow != packets[i].flow ||
                        packets[k].written);
            return i;
        }
    }
    abort();
}

/* A group's packets may all have the same id. After cutting their ids differ. */
static void require_equal(uint8_t *packet, size_t length, size_t number)
{
    size_t headers;

    require(length == packets[number].length);
    require(packets_flaw(packet, length, &headers) == NULL);
    require(packets_flaw(packets[number].before, length, &headers) == NULL);
    require(memcmp(packet + 4, packets[number].before + 4, 2) == 0 || packet[6] & 0x40);
    memcpy(packet + 4, packets[number].before + 4, 2);
    memcpy(packet + 10, packets[number].before + 10, 2);
    require(memcmp(packet, packets[number].before, length) == 0);
}

static void check_group(const struct iovec *iov, int parts)
{
    static uint8_t frame[HANDOVER_VNET_SIZE + MERGE_BYTES_MAX + 15];
    struct split split;
    uint8_t *packet;
    size_t length;
    size_t used = 0;

    for (int i = 0; i < parts; i++) {
        require(used + iov[i].iov_len <= HANDOVER_VNET_SIZE + MERGE_BYTES_MAX);
        memcpy(frame + used, iov[i].iov_base, iov[i].iov_len);
        used += iov[i].iov_len;
    }
    require(split_begin(&split, frame, used));
    for (int i = 1; i < parts; i++) {
        require(split_next(&split, &packet, &length));
        require_equal(packet, length, find(&iov[i]));
    }
    require(!split_next(&split, &packet, &length));
}

static void take(void *context, const struct iovec *iov, int parts)
{
    static const uint8_t zeros[HANDOVER_VNET_SIZE];

    (void)context;
    require(parts >= 2 && parts <= 1 + MERGE_SEGMENTS_MAX);
    require(iov[0].iov_len == HANDOVER_VNET_SIZE);
    if (parts == 2) {
        size_t number = find(&iov[1]);

        require(iov[1].iov_base == packets[number].bytes);
        require(memcmp(iov[0].iov_base, zeros, sizeof(zeros)) == 0);
        require(memcmp(iov[1].iov_base, packets[number].before, iov[1].iov_len) == 0);
    } else {
        check_group(iov, parts);
    }
}

static void add(const uint8_t *bytes, size_t length, int flow)
{
    packets[count].bytes = malloc(length ? length : 1);
    memcpy(packets[count].bytes, bytes, length);
    memcpy(packets[count].before, bytes, length);
    packets[count].length = length;
    packets[count].flow = flow;
    packets[count].written = false;
    count++;
}

static void change(struct sample *sample, uint8_t what, uint8_t value)
{
    switch (what) {
    case 0:
        sample->class ^= value;
        break;
    case 1:
        sample->ttl ^= value;
        break;
    case 2:
        sample->id ^= value;
        break;
    case 3:
        sample->fragment ^= (uint16_t)(value << 8);
        break;
    case 5:
        sample->extra = value % 6 * 4u;
        break;
    case 6:
        sample->sequence ^= value;
        break;
    case 7:
        sample->acknowledged ^= value;
        break;
    case 8:
        sample->reserved ^= value & 15;
        break;
    case 9:
        sample->flags ^= value;
        break;
    case 10:
        sample->window ^= value;
        break;
    case 11:
        sample->urgent ^= value;
        break;
    case 12:
        sample->options = value % 11 * 4u;
        break;
    case 13:
        sample->option ^= value;
        break;
    case 14:
        sample->payload = value * 5u;
        break;
    default:
        sample->payload = value;
        break;
    }
}

/* Reads three bytes: the flow and the change, the change's value, and the byte that is broken, if
 * one is. */
static void add_sample(const uint8_t *data, struct sample flows[])
{
    int flow = (data[0] >> 4) % FLOWS;
    struct sample *sample = &flows[flow];
    uint8_t bytes[PACKET_MAX];
    size_t length;

    if (data[1])
        change(sample, data[0] & 15, data[1]);
    length = packets_write(sample, bytes);
    if (data[2])
        bytes[data[2] < 128 ? data[2] % length : length - 1 - data[2] % length] ^= data[2];
    /* the broken packet may be of another flow */
    add(bytes, length, data[2] ? FLOWS : flow);
    sample->id++;
    sample->sequence += (uint32_t)sample->payload;
}

static size_t add_bytes(const uint8_t *data, size_t size)
{
    uint8_t bytes[256];
    size_t length = data[1] < size - 3 ? data[1] : size - 3;

    memcpy(bytes, data + 3, length);
    if (data[2] & 1 && length >= 40 && bytes[0] == 0x45)
        packets_repair(bytes, length, 20);
    add(bytes, length, FLOWS);
    return 3 + length;
}

static void begin_flows(struct sample flows[])
{
    for (int i = 0; i < FLOWS; i++)
        flows[i] = (struct sample){
            .protocol = i & 2 ? UDP : TCP,
            .host = (uint8_t)(1 + i / 8),
            .ttl = 64,
            .fragment = i & 4 ? 0 : DF,
            .port = (uint16_t)(1000 + i),
            .flags = i & 2 ? 0 : ACK,
            .options = i & 2 ? 0 : 12,
            .payload = 40,
        };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct merge merge;
    struct sample flows[FLOWS];

    if (size < 1)
        return 0;
    merge_init(&merge, data[0] & 1, data[0] & 2, take, NULL);
    begin_flows(flows);
    count = 0;
    for (data++, size--; size >= 3 && count < PACKETS_MAX;) {
        size_t used = 3;

        if (data[0] >> 4 < FLOWS)
            add_sample(data, flows);
        else
            used = add_bytes(data, size);
        merge_add(&merge, packets[count - 1].bytes, packets[count - 1].length);
        data += used;
        size -= used;
    }
    merge_flush(&merge);
    require(merge.groups == 0);
    for (size_t i = 0; i < count; i++) {
        require(packets[i].written);
        free(packets[i].bytes);
    }
    return 0;
}

/* Any bytes as a frame from the TUN device. The first byte says whether lengths are made right
 * first, because chance seldom does that. */
#include <linux/virtio_net.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/packet/split.h"
#include "engine_packets.h"
#include "fuzz.h"

enum {
    BEHIND = 15,
    FILLER = 0x5a,
};

static void put16(uint8_t *place, size_t value)
{
    place[0] = (uint8_t)(value >> 8);
    place[1] = (uint8_t)value;
}

/* Makes lengths and the checksum's place fit the packet. */
static void mend(uint8_t *frame, size_t size)
{
    uint8_t *packet = frame + HANDOVER_VNET_SIZE;
    size_t length = size - HANDOVER_VNET_SIZE;
    size_t transport = (packet[0] & 15) * 4u;
    uint8_t protocol = packet[9];
    struct virtio_net_hdr vnet;

    memcpy(&vnet, frame, sizeof(vnet));
    vnet.csum_start = (uint16_t)transport;
    vnet.csum_offset = protocol == TCP ? 16 : 6;
    memcpy(frame, &vnet, sizeof(vnet));
    put16(packet + 2, length);
    if (protocol == UDP && transport + 8 <= length)
        put16(packet + transport + 4, length - transport);
}

static void use_up(uint8_t *packet, size_t length, const uint8_t *end)
{
    uint8_t behind[BEHIND];

    require(packet + length <= end);
    memcpy(behind, packet + length, BEHIND);
    memset(packet + length, 0, BEHIND);
    memset(packet, FILLER, 1);
    memcpy(packet + length, behind, BEHIND);
}

/* Each payload byte comes once, in its place. */
static void check_segments(struct split *split, uint8_t *frame, const uint8_t *data, size_t size)
{
    const struct virtio_net_hdr *vnet = (const void *)data;
    uint8_t *packet;
    size_t length;
    size_t headers = 0;
    size_t done = 0;
    size_t payload = 0;
    bool shorter = false;

    while (split_next(split, &packet, &length)) {
        require(packet >= frame + HANDOVER_VNET_SIZE);
        require(packets_flaw(packet, length, &headers) == NULL);
        payload = size - HANDOVER_VNET_SIZE - headers;
        require(!shorter && length > headers && length - headers <= vnet->gso_size);
        shorter = length - headers < vnet->gso_size;
        require(done + length - headers <= payload);
        require(memcmp(packet + headers, data + HANDOVER_VNET_SIZE + headers + done,
                       length - headers) == 0);
        done += length - headers;
        use_up(packet, length, frame + size);
    }
    require(done == payload && done > 0);
}

static void check_whole(struct split *split, uint8_t *frame, const uint8_t *data, size_t size)
{
    const struct virtio_net_hdr *vnet = (const void *)data;
    uint8_t *packet;
    size_t length;

    require(split_next(split, &packet, &length));
    require(packet == frame + HANDOVER_VNET_SIZE && length == size - HANDOVER_VNET_SIZE);
    if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        size_t place = (size_t)vnet->csum_start + vnet->csum_offset;

        require(place + 2 <= length && (packet[place] | packet[place + 1]) != 0);
        memcpy(packet + place, data + HANDOVER_VNET_SIZE + place, 2);
    }
    require(memcmp(packet, data + HANDOVER_VNET_SIZE, length) == 0);
    use_up(packet, length, frame + size);
    require(!split_next(split, &packet, &length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *frame;
    uint8_t *before;
    struct split split;

    if (size < 1)
        return 0;
    frame = malloc(size - 1 + BEHIND);
    before = malloc(size);
    memcpy(frame, data + 1, size - 1);
    memset(frame + size - 1, FILLER, BEHIND);
    if (data[0] & 1 && size - 1 >= HANDOVER_VNET_SIZE + 40)
        mend(frame, size - 1);
    size--;
    memcpy(before, frame, size);
    if (split_begin(&split, frame, size)) {
        if (before[1] == VIRTIO_NET_HDR_GSO_NONE)
            check_whole(&split, frame, before, size);
        else
            check_segments(&split, frame, before, size);
    }
    for (size_t i = 0; i < BEHIND; i++)
        require(frame[size + i] == FILLER);
    free(before);
    free(frame);
    return 0;
}

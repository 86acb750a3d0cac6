/* The reverse of split.h: IP packets that came out of one batch of datagrams, gathered into few
 * writes to a TUN device (GRO). Nothing is copied: a write's iovec begins with a virtio header and
 * the first packet, whose headers are changed in place, and goes on with the payloads of the
 * others, where they are. So a flush is due before the buffers that hold the packets are used
 * again. No allocation. Pure, but for the writer it calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "handover/handover.h"

enum {
    MERGE_GROUPS = 8,        /* flows that are gathered beside each other */
    MERGE_SEGMENTS_MAX = 64, /* packets in a group (the kernel's UDP_MAX_SEGMENTS) */
    MERGE_BYTES_MAX = 65535,
};

/* Writes one frame: iov[0] is the virtio header, the rest the packet. What comes of it is the
 * writer's affair. */
typedef void merge_writer(void *context, const struct iovec *iov, int count);

struct merge_group {
    int count;              /* of iov in use; 0: a free group */
    uint8_t protocol;       /* IPPROTO_TCP or IPPROTO_UDP */
    uint32_t ports;         /* both, as in the header */
    size_t bytes;           /* of the packet so far */
    size_t headers;         /* of the first packet */
    size_t segment;         /* payload bytes of the first packet */
    uint32_t next_sequence; /* TCP */
    uint16_t next_id;
    uint16_t id_step; /* from packet to packet, known from the second on */
    uint8_t vnet[HANDOVER_VNET_SIZE];
    struct iovec iov[1 + MERGE_SEGMENTS_MAX]; /* [0] the virtio header, [1] the first packet */
};

struct merge {
    struct merge_group group[MERGE_GROUPS];
    int order[MERGE_GROUPS]; /* of the groups in use, oldest first */
    int groups;
    bool tcp; /* whether TCP is to be merged, and UDP: what the device can take (TUNSETOFFLOAD) */
    bool udp;
    merge_writer *writer;
    void *context;
};

void merge_init(struct merge *merge, bool tcp, bool udp, merge_writer *writer, void *context);

/* Takes in one IP packet, which the caller has found to be valid as such (packet.h), without
 * padding, and which stays where it is, writable, until the flush. Anything that isn't to be merged
 * is written at once, after what is gathered of the same flow; a group is written as soon as
 * nothing may follow in it. */
void merge_add(struct merge *merge, uint8_t *packet, size_t length);
void merge_flush(struct merge *merge);

/* The reverse of split.h (generic receive offload, GRO): gathers the IP packets of one batch of
 * datagrams into few writes to a TUN device. Nothing is copied. A write's iovec has a virtio
 * header, the first packet, whose headers are changed in place, and the payloads of the others,
 * where they are. So the buffers that hold the packets may be used again only after a flush. No
 * allocation. Pure, but for the writer it calls. */
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

/* Writes one frame: iov[0] is the virtio header, the rest is the packet. The writer deals with
 * errors itself. */
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

/* Adds one IP packet, valid by packet_parse() and without padding, which stays where it is,
 * writable, until the flush. A packet that isn't to be merged is written at once, after what is
 * gathered of the same flow. A group is written as soon as nothing may follow in it. */
void merge_add(struct merge *merge, uint8_t *packet, size_t length);
void merge_flush(struct merge *merge);

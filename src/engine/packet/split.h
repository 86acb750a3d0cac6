/* Segmentation (GSO): cuts a frame of a TUN device with IFF_VNET_HDR, up to 64 KiB that TCP or UDP
 * would leave to a network card to cut (TSO, USO), into IP packets of the size that goes on the
 * wire, with complete checksums. Pure.
 *
 * No payload is copied: a segment's headers are written over the end of the segment before, in the
 * frame itself. So each packet has to be used up (encrypted to another place) before the caller
 * asks for the next. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handover/handover.h"

enum {
    SPLIT_VNET_UDP = 5,          /* VIRTIO_NET_HDR_GSO_UDP_L4 of Linux 6.2: not in older headers */
    SPLIT_HEADERS_MAX = 60 + 60, /* IP and TCP, each with all options */
};

struct split {
    uint8_t *packet; /* of the frame, behind the virtio header */
    size_t length;
    size_t headers;         /* length of all headers, which each segment begins with */
    size_t transport;       /* where the TCP or UDP header begins */
    size_t segment;         /* payload bytes of each but the last; 0: the packet goes as it is */
    size_t done;            /* payload bytes given */
    uint32_t sequence;      /* TCP: of the first segment */
    uint16_t id;            /* of the first segment */
    uint16_t number;        /* of segments given */
    uint16_t ip_sum;        /* of the fields that all IP headers share */
    uint16_t transport_sum; /* of the fields that all pseudo-headers and transport headers share */
    uint8_t protocol;       /* IPPROTO_TCP or IPPROTO_UDP */
    uint8_t flags;          /* TCP: of the super-packet */
    bool finished;
    uint8_t header[SPLIT_HEADERS_MAX]; /* of each segment, with zeros where they differ */
};

/* Begins with a frame: the virtio header and the packet, writable. Everything in it may be wrong:
 * the virtio header comes from the kernel, but on behalf of the container. Returns false if it
 * makes no sense; the caller then drops the frame. */
bool split_begin(struct split *split, uint8_t *frame, size_t length);

/* Writes where the next packet is, in the frame. Returns false after the last. The caller may write
 * up to 15 bytes behind the packet (padding), and restores them before the next call. There may be
 * as many packets as bytes of payload: a caller with other work counts packets, not frames. */
bool split_next(struct split *split, uint8_t **ret_packet, size_t *ret_length);

#include "engine/packet/split.h"

#include <endian.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>

#include "engine/packet/checksum.h"
#include "engine/packet/packet.h"

_Static_assert(sizeof(struct virtio_net_hdr) == HANDOVER_VNET_SIZE,
               "a virtio header without num_buffers");

/* A checksum for UDP's header, where 0 says that there is none. The other protocols take 0xffff for
 * 0 as well. */
static uint16_t never_zero(uint16_t checksum)
{
    return checksum ? checksum : UINT16_MAX;
}

/* Completes the checksum of a packet that isn't cut. Its place holds the pseudo-header's sum. */
static bool complete_checksum(struct split *split, size_t start, size_t offset)
{
    uint8_t *place = split->packet + start + offset;
    uint16_t checksum;

    if (start < sizeof(struct packet_ipv4) || offset % 2 != 0 ||
        start + offset + sizeof(checksum) > split->length)
        return false;
    checksum =
        (uint16_t)~checksum_fold(checksum_add(0, split->packet + start, split->length - start));
    checksum = never_zero(checksum);
    memcpy(place, &checksum, sizeof(checksum));
    return true;
}

/* Reads the kind of segments that are wanted. */
static bool read_type(struct split *split, uint8_t type)
{
    switch (type) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
        split->protocol = IPPROTO_TCP;
        return true;
    case SPLIT_VNET_UDP:
        split->protocol = IPPROTO_UDP;
        return true;
    default:
        return false;
    }
}

/* Finds where the headers end. */
static bool measure_headers(struct split *split)
{
    struct packet_content content;
    size_t left;
    size_t size;

    if (!packet_find_content(split->packet, split->length, &content) ||
        content.packet_length != split->length || content.fragment ||
        content.protocol != split->protocol)
        return false;
    split->transport = content.offset;
    left = split->length - content.offset;
    if (split->protocol == IPPROTO_TCP) {
        const struct packet_tcp *tcp = (const void *)(split->packet + split->transport);

        if (left < sizeof(*tcp))
            return false;
        size = (size_t)(tcp->words >> 4) * 4;
        if (size < sizeof(*tcp))
            return false;
    } else {
        const struct packet_udp *udp = (const void *)(split->packet + split->transport);

        size = sizeof(*udp);
        if (left < size || be16toh(udp->length) != left)
            return false;
    }
    split->headers = split->transport + size;
    return split->headers < split->length && split->headers <= SPLIT_HEADERS_MAX;
}

/* Keeps the headers, with zeros in the fields that differ between segments, and their sums. */
static void keep_headers(struct split *split)
{
    struct packet_ipv4 *ipv4 = (void *)split->header;
    struct packet_tcp *tcp = (void *)(split->header + split->transport);
    struct packet_udp *udp = (void *)(split->header + split->transport);
    uint64_t sum;

    memcpy(split->header, split->packet, split->headers);
    split->id = be16toh(ipv4->id);
    ipv4->id = 0;
    ipv4->length = 0;
    ipv4->checksum = 0;
    split->ip_sum = checksum_fold(checksum_add(0, split->header, split->transport));
    if (split->protocol == IPPROTO_TCP) {
        split->sequence = be32toh(tcp->sequence);
        split->flags = tcp->flags;
        tcp->sequence = 0;
        tcp->flags = 0;
        tcp->checksum = 0;
    } else {
        udp->length = 0;
        udp->checksum = 0;
    }
    sum = checksum_pseudo(split->header, split->protocol, 0);
    sum = checksum_add(sum, split->header + split->transport, split->headers - split->transport);
    split->transport_sum = checksum_fold(sum);
}

bool split_begin(struct split *split, uint8_t *frame, size_t length)
{
    struct virtio_net_hdr vnet;
    bool needs_checksum;
    size_t place;

    if (length < HANDOVER_VNET_SIZE + sizeof(struct packet_ipv4))
        return false;
    memcpy(&vnet, frame, sizeof(vnet));
    needs_checksum = vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
    *split =
        (struct split){.packet = frame + HANDOVER_VNET_SIZE, .length = length - HANDOVER_VNET_SIZE};
    if (vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return !needs_checksum || complete_checksum(split, vnet.csum_start, vnet.csum_offset);
    if (!read_type(split, vnet.gso_type) || !measure_headers(split) || vnet.gso_size == 0)
        return false;
    place = split->protocol == IPPROTO_TCP ? offsetof(struct packet_tcp, checksum)
                                           : offsetof(struct packet_udp, checksum);
    if (needs_checksum && (vnet.csum_start != split->transport || vnet.csum_offset != place))
        return false;
    split->segment = vnet.gso_size;
    keep_headers(split);
    return true;
}

static void finish_ip(const struct split *split, uint8_t *packet, size_t length)
{
    struct packet_ipv4 *ipv4 = (void *)packet;

    ipv4->length = htobe16((uint16_t)length);
    ipv4->id = htobe16((uint16_t)(split->id + split->number));
    ipv4->checksum = (uint16_t)~checksum_fold((uint64_t)split->ip_sum + ipv4->length + ipv4->id);
}

/* Returns a segment's TCP flags: CWR is on the first segment alone, PSH and FIN are on the last. */
static uint8_t segment_flags(const struct split *split, bool last)
{
    uint8_t flags = split->flags;

    if (split->number > 0)
        flags &= (uint8_t)~PACKET_TCP_CWR;
    if (!last)
        flags &= (uint8_t) ~(PACKET_TCP_PSH | PACKET_TCP_FIN);
    return flags;
}

static void finish_tcp(const struct split *split, uint8_t *packet, size_t length, bool last)
{
    struct packet_tcp *tcp = (void *)(packet + split->transport);
    uint64_t sum = split->transport_sum;

    tcp->sequence = htobe32(split->sequence + (uint32_t)split->done);
    tcp->flags = segment_flags(split, last);
    sum += (uint64_t)tcp->sequence + htobe16(tcp->flags) +
           htobe16((uint16_t)(length - split->transport));
    sum = checksum_add(sum, packet + split->headers, length - split->headers);
    tcp->checksum = (uint16_t)~checksum_fold(sum);
}

/* The length is added twice: it is in the pseudo-header and in the header. */
static void finish_udp(const struct split *split, uint8_t *packet, size_t length)
{
    struct packet_udp *udp = (void *)(packet + split->transport);

    udp->length = htobe16((uint16_t)(length - split->transport));
    udp->checksum = never_zero((uint16_t)~checksum_fold(
        checksum_add((uint64_t)split->transport_sum + udp->length + udp->length,
                     packet + split->headers, length - split->headers)));
}

static void next_segment(struct split *split, uint8_t **ret_packet, size_t *ret_length)
{
    uint8_t *packet = split->packet + split->done;
    size_t left = split->length - split->headers - split->done;
    bool last = left <= split->segment;
    size_t payload = last ? left : split->segment;
    size_t length = split->headers + payload;

    memcpy(packet, split->header, split->headers);
    finish_ip(split, packet, length);
    if (split->protocol == IPPROTO_TCP)
        finish_tcp(split, packet, length, last);
    else
        finish_udp(split, packet, length);
    split->done += payload;
    split->number++;
    split->finished = last;
    *ret_packet = packet;
    *ret_length = length;
}

bool split_next(struct split *split, uint8_t **ret_packet, size_t *ret_length)
{
    if (split->finished)
        return false;
    if (split->segment > 0) {
        next_segment(split, ret_packet, ret_length);
    } else {
        split->finished = true;
        *ret_packet = split->packet;
        *ret_length = split->length;
    }
    return true;
}

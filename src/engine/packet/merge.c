/* Merges what the kernel merges (inet_gro_receive, tcp_gro_receive, udp_gro_receive): only packets
 * that segmentation will turn back into exactly the same packets. There is one exception, which is
 * the kernel's as well: packets that are never fragmented may all have the same id, which nobody
 * looks at (RFC 6864); they are numbered when they are cut again.
 *
 * A merged packet has no checksum of its own, and the kernel takes it for right. So the checksum of
 * each packet is checked before. */
#include "engine/packet/merge.h"

#include <endian.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>

#include "engine/packet/checksum.h"
#include "engine/packet/packet.h"
#include "engine/packet/split.h"

/* A packet, and what its headers say. */
struct view {
    uint8_t *packet;
    size_t length;
    size_t headers; /* their length, IP and TCP or UDP */
    uint32_t ports;
    uint16_t id;
    uint8_t protocol;
    uint8_t flags; /* TCP */
};

/* The place of the TCP or UDP header. */
enum { TRANSPORT = sizeof(struct packet_ipv4) };

void merge_init(struct merge *merge, bool tcp, bool udp, merge_writer *writer, void *context)
{
    for (int i = 0; i < MERGE_GROUPS; i++)
        merge->group[i].count = 0;
    merge->groups = 0;
    merge->tcp = tcp;
    merge->udp = udp;
    merge->writer = writer;
    merge->context = context;
}

/* Returns false for anything but a plain IP header: without options, and of no fragment. */
static bool view_ip(struct view *view)
{
    const struct packet_ipv4 *ipv4 = (const void *)view->packet;

    if (view->length < sizeof(*ipv4) || ipv4->version_words != 0x45)
        return false;
    view->protocol = ipv4->protocol;
    view->id = be16toh(ipv4->id);
    return be16toh(ipv4->length) == view->length &&
           (ipv4->fragment & ~htobe16(PACKET_IPV4_DF)) == 0;
}

/* Reads a packet's headers. Returns false if they don't say plainly to which flow it belongs. */
static bool view_packet(uint8_t *packet, size_t length, struct view *view)
{
    const struct packet_tcp *tcp;
    const struct packet_udp *udp;
    size_t left;
    size_t size;

    view->packet = packet;
    view->length = length;
    if (!view_ip(view))
        return false;
    left = length - TRANSPORT;
    if (view->protocol == IPPROTO_TCP) {
        tcp = (const void *)(packet + TRANSPORT);
        if (left < sizeof(*tcp))
            return false;
        size = (size_t)(tcp->words >> 4) * 4;
        if (size < sizeof(*tcp) || size > left)
            return false;
        view->flags = tcp->flags;
    } else if (view->protocol == IPPROTO_UDP) {
        udp = (const void *)(packet + TRANSPORT);
        size = sizeof(*udp);
        if (left < size || be16toh(udp->length) != left)
            return false;
        view->flags = 0;
    } else {
        return false;
    }
    view->headers = TRANSPORT + size;
    memcpy(&view->ports, packet + TRANSPORT, sizeof(view->ports));
    return true;
}

/* Returns whether packets of this kind are merged at all. A UDP packet without a checksum can't be
 * checked. */
static bool is_mergeable(const struct merge *merge, const struct view *view)
{
    const struct packet_udp *udp = (const void *)(view->packet + TRANSPORT);
    const uint8_t looked_at =
        PACKET_TCP_ACK | PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_FIN | PACKET_TCP_URG;

    if (view->length == view->headers)
        return false;
    if (view->protocol == IPPROTO_TCP)
        return merge->tcp && (view->flags & looked_at) == PACKET_TCP_ACK;
    return merge->udp && udp->checksum != 0;
}

static bool has_right_checksums(const struct view *view)
{
    const uint8_t *transport = view->packet + TRANSPORT;
    size_t length = view->length - TRANSPORT;
    uint64_t sum = checksum_pseudo(view->packet, view->protocol, (uint32_t)length);

    return checksum_fold(checksum_add(sum, transport, length)) == UINT16_MAX &&
           checksum_fold(checksum_add(0, view->packet, TRANSPORT)) == UINT16_MAX;
}

static bool has_same_addresses(const uint8_t *a, const uint8_t *b)
{
    const size_t place = offsetof(struct packet_ipv4, source);

    return memcmp(a + place, b + place, 8) == 0;
}

static struct merge_group *find_group(struct merge *merge, const struct view *view)
{
    for (int i = 0; i < merge->groups; i++) {
        struct merge_group *group = &merge->group[merge->order[i]];

        if (group->ports == view->ports && group->protocol == view->protocol &&
            has_same_addresses(group->iov[1].iov_base, view->packet))
            return group;
    }
    return NULL;
}

/* The ids of a group go up by one; or, where DF is set, they may all be the same. */
static bool follows_ip(const struct merge_group *group, const struct view *view)
{
    const struct packet_ipv4 *first = group->iov[1].iov_base;
    const struct packet_ipv4 *next = (const void *)view->packet;

    if (next->traffic_class != first->traffic_class || next->fragment != first->fragment ||
        next->ttl != first->ttl)
        return false;
    if (group->count > 2)
        return view->id == group->next_id;
    return view->id == group->next_id ||
           (next->fragment != 0 && view->id == (uint16_t)(group->next_id - 1));
}

/* The first of a group may have CWR, but none of the others. */
static bool follows_tcp(const struct merge_group *group, const struct view *view)
{
    const uint8_t *headers = group->iov[1].iov_base;
    const struct packet_tcp *first = (const void *)(headers + TRANSPORT);
    const struct packet_tcp *next = (const void *)(view->packet + TRANSPORT);

    return be32toh(next->sequence) == group->next_sequence &&
           next->acknowledged == first->acknowledged && next->words == first->words &&
           (next->flags & ~PACKET_TCP_PSH) == (first->flags & ~PACKET_TCP_CWR) &&
           next->window == first->window && next->urgent == first->urgent &&
           memcmp(next + 1, first + 1, group->headers - TRANSPORT - sizeof(*first)) == 0;
}

/* Returns whether a packet of the same flow may be the next in its group. */
static bool follows(const struct merge_group *group, const struct view *view)
{
    size_t payload = view->length - view->headers;

    return payload <= group->segment && group->bytes + payload <= MERGE_BYTES_MAX &&
           follows_ip(group, view) && (view->protocol != IPPROTO_TCP || follows_tcp(group, view));
}

static void append(struct merge_group *group, const struct view *view)
{
    uint8_t *headers = group->iov[1].iov_base;
    struct packet_tcp *tcp = (void *)(headers + TRANSPORT);
    size_t payload = view->length - view->headers;

    if (view->protocol == IPPROTO_TCP)
        tcp->flags |= view->flags & PACKET_TCP_PSH;
    if (group->count == 2)
        group->id_step = view->id == group->next_id;
    group->next_id = (uint16_t)(view->id + group->id_step);
    group->next_sequence += (uint32_t)payload;
    group->bytes += payload;
    group->iov[group->count++] =
        (struct iovec){.iov_base = view->packet + view->headers, .iov_len = payload};
}

/* Returns whether nothing may follow in a group after this packet. */
static bool is_last(const struct merge_group *group, const struct view *view)
{
    return view->length - view->headers < group->segment || view->flags & PACKET_TCP_PSH ||
           group->count == 1 + MERGE_SEGMENTS_MAX;
}

static void finish_ip(struct merge_group *group)
{
    struct packet_ipv4 *ipv4 = group->iov[1].iov_base;

    ipv4->length = htobe16((uint16_t)group->bytes);
    ipv4->checksum = 0;
    ipv4->checksum = (uint16_t)~checksum_fold(checksum_add(0, (void *)ipv4, sizeof(*ipv4)));
}

/* Turns the first packet's headers into those of the whole group, and writes the virtio header. */
static void finish_group(struct merge_group *group)
{
    uint8_t *packet = group->iov[1].iov_base;
    struct packet_tcp *tcp = (void *)(packet + TRANSPORT);
    struct packet_udp *udp = (void *)(packet + TRANSPORT);
    size_t length = group->bytes - TRANSPORT;
    uint16_t pseudo = checksum_fold(checksum_pseudo(packet, group->protocol, (uint32_t)length));
    struct virtio_net_hdr vnet = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .hdr_len = (uint16_t)group->headers,
        .gso_size = (uint16_t)group->segment,
        .csum_start = TRANSPORT,
    };

    finish_ip(group);
    if (group->protocol == IPPROTO_TCP) {
        vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        if (tcp->flags & PACKET_TCP_CWR)
            vnet.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
        vnet.csum_offset = offsetof(struct packet_tcp, checksum);
        tcp->checksum = pseudo;
    } else {
        vnet.gso_type = SPLIT_VNET_UDP;
        vnet.csum_offset = offsetof(struct packet_udp, checksum);
        udp->length = htobe16((uint16_t)length);
        udp->checksum = pseudo;
    }
    memcpy(group->vnet, &vnet, sizeof(vnet));
}

/* Writes a group and frees it. A single packet goes out as it came. */
static void write_group(struct merge *merge, struct merge_group *group)
{
    int number = (int)(group - merge->group);
    int place = 0;

    if (group->count > 2)
        finish_group(group);
    merge->writer(merge->context, group->iov, group->count);
    group->count = 0;
    while (merge->order[place] != number)
        place++;
    merge->groups--;
    memmove(&merge->order[place], &merge->order[place + 1],
            (size_t)(merge->groups - place) * sizeof(merge->order[0]));
}

static void write_alone(const struct merge *merge, uint8_t *packet, size_t length)
{
    uint8_t vnet[HANDOVER_VNET_SIZE] = {0};
    struct iovec iov[] = {
        {.iov_base = vnet, .iov_len = sizeof(vnet)},
        {.iov_base = packet, .iov_len = length},
    };

    merge->writer(merge->context, iov, 2);
}

/* Returns a free group. If there is none, the oldest group is written to make room. */
static struct merge_group *take_group(struct merge *merge)
{
    int number = 0;

    if (merge->groups == MERGE_GROUPS)
        write_group(merge, &merge->group[merge->order[0]]);
    while (merge->group[number].count > 0)
        number++;
    merge->order[merge->groups++] = number;
    return &merge->group[number];
}

static void begin_group(struct merge *merge, const struct view *view)
{
    struct merge_group *group = take_group(merge);
    const struct packet_tcp *tcp = (const void *)(view->packet + TRANSPORT);

    group->count = 2;
    group->protocol = view->protocol;
    group->ports = view->ports;
    group->bytes = view->length;
    group->headers = view->headers;
    group->segment = view->length - view->headers;
    group->next_sequence =
        view->protocol == IPPROTO_TCP ? be32toh(tcp->sequence) + (uint32_t)group->segment : 0;
    group->next_id = (uint16_t)(view->id + 1);
    group->id_step = 0;
    memset(group->vnet, 0, sizeof(group->vnet));
    group->iov[0] = (struct iovec){.iov_base = group->vnet, .iov_len = sizeof(group->vnet)};
    group->iov[1] = (struct iovec){.iov_base = view->packet, .iov_len = view->length};
}

/* Writes all groups between the two addresses of a packet whose flow isn't known: they go before
 * it. */
static void write_flows(struct merge *merge, const uint8_t *packet, size_t length)
{
    if (length < sizeof(struct packet_ipv4))
        return;
    for (int i = 0; i < merge->groups;) {
        struct merge_group *group = &merge->group[merge->order[i]];

        if (has_same_addresses(group->iov[1].iov_base, packet))
            write_group(merge, group);
        else
            i++;
    }
}

void merge_add(struct merge *merge, uint8_t *packet, size_t length)
{
    struct view view;
    struct merge_group *group;
    bool fits;
    bool good;

    if (!view_packet(packet, length, &view)) {
        write_flows(merge, packet, length);
        write_alone(merge, packet, length);
        return;
    }
    group = find_group(merge, &view);
    fits = group && follows(group, &view);
    /* A packet that can neither follow nor be followed needn't be checked. */
    good = is_mergeable(merge, &view) && (fits || !(view.flags & PACKET_TCP_PSH)) &&
           has_right_checksums(&view);
    if (good && fits) {
        append(group, &view);
        if (is_last(group, &view))
            write_group(merge, group);
        return;
    }
    if (group)
        write_group(merge, group);
    if (good)
        begin_group(merge, &view);
    else
        write_alone(merge, packet, length);
}

void merge_flush(struct merge *merge)
{
    while (merge->groups > 0)
        write_group(merge, &merge->group[merge->order[0]]);
}

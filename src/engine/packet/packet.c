#include "engine/packet/packet.h"

#include <endian.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "engine/packet/checksum.h"

enum {
    ECN_MASK = 3,
    ECN_NOT_ECT = 0,
    ECN_ECT_0 = 2,
    ECN_CE = 3,
};

enum {
    IPV4_SIZE = sizeof(struct packet_ipv4),
    IPV6_SIZE = sizeof(struct packet_ipv6),
    ICMP_SIZE = 8,          /* of ours, and of every one that we have to look at */
    ICMP_IPV4_MAX = 576,    /* RFC 1812, 4.3.2.3 */
    CLASS_CONTROL = 6 << 5, /* precedence "internetwork control" (RFC 1812, 4.3.2.5) */
    REPLY_TTL = 64,
};

/* Of the IP header: how long it is, with IPv4's options, and what it says the packet's length is.
 * Returns false if that is not within `size`. */
static bool read_lengths(const uint8_t *bytes, size_t size, size_t *ret_header, size_t *ret_packet)
{
    const struct packet_ipv4 *ipv4 = (const void *)bytes;
    const struct packet_ipv6 *ipv6 = (const void *)bytes;
    size_t header;
    size_t packet;

    if (size >= IPV4_SIZE && bytes[0] >> 4 == 4) {
        header = (size_t)(bytes[0] & 15) * 4;
        packet = be16toh(ipv4->length);
    } else if (size >= IPV6_SIZE && bytes[0] >> 4 == 6) {
        header = IPV6_SIZE;
        packet = (size_t)IPV6_SIZE + be16toh(ipv6->length);
    } else {
        return false;
    }
    if (header < IPV4_SIZE || header > packet || packet > size)
        return false;
    *ret_header = header;
    *ret_packet = packet;
    return true;
}

static uint8_t traffic_class(const uint8_t *bytes)
{
    return bytes[0] >> 4 == 4 ? bytes[1] : (uint8_t)((bytes[0] & 15) << 4 | bytes[1] >> 4);
}

bool packet_parse(const uint8_t *bytes, size_t size, struct packet *ret_packet)
{
    const struct packet_ipv4 *ipv4 = (const void *)bytes;
    const struct packet_ipv6 *ipv6 = (const void *)bytes;
    struct packet packet = {0};
    size_t header;

    if (!read_lengths(bytes, size, &header, &packet.length))
        return false;
    packet.traffic_class = traffic_class(bytes);
    if (bytes[0] >> 4 == 4) {
        memcpy(packet.source.bytes, ipv4->source, 4);
        memcpy(packet.destination.bytes, ipv4->destination, 4);
    } else {
        packet.source.ipv6 = true;
        packet.destination.ipv6 = true;
        memcpy(packet.source.bytes, ipv6->source, 16);
        memcpy(packet.destination.bytes, ipv6->destination, 16);
    }
    *ret_packet = packet;
    return true;
}

static bool find_ipv4(const struct packet_ipv4 *ipv4, struct packet_content *content)
{
    uint16_t fragment = be16toh(ipv4->fragment);

    content->protocol = ipv4->protocol;
    content->fragment = fragment & PACKET_IPV4_MF;
    return !(fragment & PACKET_IPV4_OFFSET);
}

/* Goes along the extension headers. Each starts with the next one's kind and its own length. */
static bool find_ipv6(const uint8_t *bytes, struct packet_content *content)
{
    content->protocol = ((const struct packet_ipv6 *)(const void *)bytes)->next;
    for (;;) {
        const uint8_t *header = bytes + content->offset;
        size_t left = content->packet_length - content->offset;
        size_t length;

        switch (content->protocol) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_ROUTING:
        case IPPROTO_DSTOPTS:
            length = left < 8 ? 0 : (header[1] + 1u) * 8;
            break;
        case IPPROTO_FRAGMENT:
            length = 8;
            if (left < length || header[2] != 0 || header[3] & 0xf8)
                return false;
            content->fragment = content->fragment || header[3] & 1;
            break;
        default:
            return true;
        }
        if (length == 0 || length > left)
            return false;
        content->protocol = header[0];
        content->offset += length;
    }
}

bool packet_find_content(const uint8_t *bytes, size_t size, struct packet_content *ret_content)
{
    struct packet_content content = {0};

    if (!read_lengths(bytes, size, &content.offset, &content.packet_length) ||
        !(bytes[0] >> 4 == 4 ? find_ipv4((const void *)bytes, &content)
                             : find_ipv6(bytes, &content)))
        return false;
    *ret_content = content;
    return true;
}

/* CE goes inside only: outside, the way begins anew. */
uint8_t packet_outer_class(uint8_t inner_class)
{
    uint8_t ecn = inner_class & ECN_MASK;

    return ecn == ECN_CE ? ECN_ECT_0 : ecn;
}

/* RFC 1624, equation 3. */
static void set_ipv4_class(struct packet_ipv4 *ipv4, uint8_t class)
{
    uint64_t sum = (uint16_t)~ipv4->checksum;

    sum += (uint16_t)~htobe16(ipv4->traffic_class);
    sum += htobe16(class);
    ipv4->traffic_class = class;
    ipv4->checksum = (uint16_t)~checksum_fold(sum);
}

bool packet_take_ecn(uint8_t *bytes, size_t size, uint8_t outer_class)
{
    size_t header;
    size_t packet;

    if ((outer_class & ECN_MASK) != ECN_CE)
        return true;
    if (!read_lengths(bytes, size, &header, &packet) ||
        (traffic_class(bytes) & ECN_MASK) == ECN_NOT_ECT)
        return false;
    if (bytes[0] >> 4 == 4)
        set_ipv4_class((void *)bytes, bytes[1] | ECN_CE);
    else
        bytes[1] |= ECN_CE << 4;
    return true;
}

/* Whether an address stands for one host, which may be on another machine. */
static bool is_host(const struct address *address)
{
    static const uint8_t zeros[15];
    const uint8_t *bytes = address->bytes;

    if (address->ipv6) /* not multicast, unspecified or loopback */
        return bytes[0] != 0xff && (memcmp(bytes, zeros, 15) != 0 || bytes[15] > 1);
    return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
}

/* An ICMP message that is itself an error, or can't be told to be none. */
static bool is_error(const uint8_t *bytes, const struct packet_content *content)
{
    uint8_t type;

    if (content->protocol != IPPROTO_ICMP && content->protocol != IPPROTO_ICMPV6)
        return false;
    if (content->packet_length - content->offset < ICMP_SIZE)
        return true;
    type = bytes[content->offset];
    if (content->protocol == IPPROTO_ICMPV6)
        return !(type & ICMP6_INFOMSG_MASK) || type == ND_REDIRECT;
    return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB || type > NR_ICMP_TYPES;
}

/* The checksum covers the ICMP message alone. */
static void write_ipv4_reply(const struct packet *packet, uint8_t *reply, size_t length)
{
    struct packet_ipv4 ipv4 = {
        .version_words = 0x45,
        .traffic_class = CLASS_CONTROL,
        .length = htobe16((uint16_t)length),
        .fragment = htobe16(PACKET_IPV4_DF),
        .ttl = REPLY_TTL,
        .protocol = IPPROTO_ICMP,
    };
    uint8_t *icmp = reply + IPV4_SIZE;
    uint16_t checksum;

    memcpy(ipv4.source, packet->destination.bytes, 4);
    memcpy(ipv4.destination, packet->source.bytes, 4);
    ipv4.checksum = (uint16_t)~checksum_fold(checksum_add(0, (const void *)&ipv4, sizeof(ipv4)));
    memcpy(reply, &ipv4, sizeof(ipv4));
    icmp[0] = ICMP_DEST_UNREACH;
    icmp[1] = ICMP_HOST_UNREACH;
    checksum = (uint16_t)~checksum_fold(checksum_add(0, icmp, length - IPV4_SIZE));
    memcpy(icmp + 2, &checksum, sizeof(checksum));
}

/* The checksum covers the pseudo-header as well. */
static void write_ipv6_reply(const struct packet *packet, uint8_t *reply, size_t length)
{
    size_t icmp_length = length - IPV6_SIZE;
    struct packet_ipv6 ipv6 = {
        .version_class_label = htobe32(0x60000000),
        .length = htobe16((uint16_t)icmp_length),
        .next = IPPROTO_ICMPV6,
        .hop_limit = REPLY_TTL,
    };
    uint8_t *icmp = reply + IPV6_SIZE;
    uint64_t sum;
    uint16_t checksum;

    memcpy(ipv6.source, packet->destination.bytes, 16);
    memcpy(ipv6.destination, packet->source.bytes, 16);
    memcpy(reply, &ipv6, sizeof(ipv6));
    icmp[0] = ICMP6_DST_UNREACH;
    icmp[1] = ICMP6_DST_UNREACH_ADDR;
    sum = checksum_pseudo(reply, IPPROTO_ICMPV6, (uint32_t)icmp_length);
    checksum = (uint16_t)~checksum_fold(checksum_add(sum, icmp, icmp_length));
    memcpy(icmp + 2, &checksum, sizeof(checksum));
}

size_t packet_unreachable(const uint8_t *bytes, size_t size, const struct address *from,
                          uint8_t ret_reply[static PACKET_ICMP_MAX])
{
    struct packet packet;
    struct packet_content content;
    size_t headers;
    size_t length;
    bool ipv6;

    if (!packet_parse(bytes, size, &packet) || !packet_find_content(bytes, size, &content) ||
        !is_host(&packet.source) || !is_host(&packet.destination) || is_error(bytes, &content))
        return 0;
    ipv6 = packet.source.ipv6;
    if (from && from->ipv6 == ipv6)
        packet.destination = *from;
    headers = (ipv6 ? IPV6_SIZE : IPV4_SIZE) + (size_t)ICMP_SIZE;
    length = headers + packet.length;
    if (length > (ipv6 ? PACKET_ICMP_MAX : ICMP_IPV4_MAX))
        length = ipv6 ? PACKET_ICMP_MAX : ICMP_IPV4_MAX;
    memset(ret_reply, 0, headers);
    memcpy(ret_reply + headers, bytes, length - headers);
    if (ipv6)
        write_ipv6_reply(&packet, ret_reply, length);
    else
        write_ipv4_reply(&packet, ret_reply, length);
    return length;
}

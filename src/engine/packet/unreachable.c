#include "engine/packet/unreachable.h"

#include <endian.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "engine/packet/checksum.h"
#include "engine/packet/packet.h"

struct ipv6 {
    uint32_t version_class_label;
    uint16_t length; /* of what follows */
    uint8_t next;
    uint8_t hop_limit;
    uint8_t source[16];
    uint8_t destination[16];
} PACKET_WIRE;

enum {
    IPV4_SIZE = sizeof(struct packet_ipv4),
    IPV6_SIZE = sizeof(struct ipv6),
    ICMP_SIZE = 8,          /* of the header, in ICMP and in ICMPv6 */
    CLASS_CONTROL = 6 << 5, /* precedence "internetwork control" (RFC 1812, 4.3.2.5) */
    REPLY_TTL = 64,
};

/* Clears the place of the headers, and copies as much of the packet behind them as there is room
 * for. Returns the answer's length. */
static size_t quote(const uint8_t *packet, size_t length, size_t ip_size, size_t max,
                    uint8_t *ret_answer)
{
    size_t headers = ip_size + ICMP_SIZE;

    if (length > max - headers)
        length = max - headers;
    memset(ret_answer, 0, headers);
    memcpy(ret_answer + headers, packet, length);
    return headers + length;
}

/* Adds type, code and checksum. `sum` is that of the pseudo-header. */
static void finish_icmp(uint8_t *icmp, size_t length, uint8_t type, uint8_t code, uint64_t sum)
{
    uint16_t checksum;

    icmp[0] = type;
    icmp[1] = code;
    checksum = (uint16_t)~checksum_fold(checksum_add(sum, icmp, length));
    memcpy(icmp + 2, &checksum, sizeof(checksum));
}

/* ---- IPv4 ---- */

/* Returns whether an address stands for one host, which may be on another machine. */
static bool is_host(uint32_t address)
{
    uint32_t first = address >> 24;

    return first != 0 && first != 127 && first < 224;
}

/* Returns whether the packet is an ICMP error, or too short to tell. */
static bool is_error(const uint8_t *bytes, const struct packet_content *content)
{
    uint8_t type;

    if (content->protocol != IPPROTO_ICMP)
        return false;
    if (content->packet_length - content->offset < ICMP_SIZE)
        return true;
    type = bytes[content->offset];
    return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB || type > NR_ICMP_TYPES;
}

static size_t answer_ipv4(const uint8_t *bytes, size_t size, uint32_t from, uint8_t *ret_answer)
{
    struct packet_ipv4 header = {
        .version_words = 0x45,
        .traffic_class = CLASS_CONTROL,
        .fragment = htobe16(PACKET_IPV4_DF),
        .ttl = REPLY_TTL,
        .protocol = IPPROTO_ICMP,
    };
    struct packet packet;
    struct packet_content content;
    size_t length;
    uint32_t source;

    if (!packet_parse(bytes, size, &packet) || !packet_find_content(bytes, size, &content) ||
        !is_host(packet.source) || !is_host(packet.destination) || is_error(bytes, &content))
        return 0;
    length = quote(bytes, packet.length, IPV4_SIZE, UNREACHABLE_IPV4_MAX, ret_answer);
    source = htobe32(from ? from : packet.destination);
    header.length = htobe16((uint16_t)length);
    memcpy(header.source, &source, sizeof(header.source));
    memcpy(header.destination, ((const struct packet_ipv4 *)(const void *)bytes)->source,
           sizeof(header.destination));
    header.checksum =
        (uint16_t)~checksum_fold(checksum_add(0, (const void *)&header, sizeof(header)));
    memcpy(ret_answer, &header, sizeof(header));
    finish_icmp(ret_answer + IPV4_SIZE, length - IPV4_SIZE, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH,
                0);
    return length;
}

/* ---- IPv6 ---- */

/* Returns whether an address is neither multicast nor unspecified nor loopback. */
static bool is_ipv6_host(const uint8_t address[static 16])
{
    static const uint8_t zeros[15];

    return address[0] != 0xff && (memcmp(address, zeros, sizeof(zeros)) != 0 || address[15] > 1);
}

/* Goes along the extension headers, each of which begins with the next one's kind and its own
 * length. Returns false if they are longer than the packet, or if it is a fragment but the first.
 */
static bool find_content(const uint8_t *bytes, struct packet_content *content)
{
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

static bool is_ipv6_error(const uint8_t *bytes, const struct packet_content *content)
{
    uint8_t type;

    if (content->protocol != IPPROTO_ICMPV6)
        return false;
    if (content->packet_length - content->offset < ICMP_SIZE)
        return true;
    type = bytes[content->offset];
    return !(type & ICMP6_INFOMSG_MASK) || type == ND_REDIRECT;
}

static size_t answer_ipv6(const uint8_t *bytes, size_t size, uint8_t *ret_answer)
{
    const struct ipv6 *packet = (const void *)bytes;
    struct packet_content content = {
        .packet_length = (size_t)IPV6_SIZE + be16toh(packet->length),
        .offset = IPV6_SIZE,
        .protocol = packet->next,
    };
    struct ipv6 header = {
        .version_class_label = htobe32(0x60000000),
        .next = IPPROTO_ICMPV6,
        .hop_limit = REPLY_TTL,
    };
    size_t length, icmp_length;
    uint64_t pseudo;

    if (content.packet_length > size || !find_content(bytes, &content) ||
        !is_ipv6_host(packet->source) || !is_ipv6_host(packet->destination) ||
        is_ipv6_error(bytes, &content))
        return 0;
    length = quote(bytes, content.packet_length, IPV6_SIZE, UNREACHABLE_MAX, ret_answer);
    icmp_length = length - IPV6_SIZE;
    header.length = htobe16((uint16_t)icmp_length);
    memcpy(header.source, packet->destination, sizeof(header.source));
    memcpy(header.destination, packet->source, sizeof(header.destination));
    memcpy(ret_answer, &header, sizeof(header));
    pseudo = checksum_add((uint64_t)htobe32((uint32_t)icmp_length) + htobe16(IPPROTO_ICMPV6),
                          ret_answer + offsetof(struct ipv6, source), 2 * sizeof(header.source));
    finish_icmp(ret_answer + IPV6_SIZE, icmp_length, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR,
                pseudo);
    return length;
}

size_t unreachable_answer(const uint8_t *bytes, size_t size, uint32_t from,
                          uint8_t ret_answer[static UNREACHABLE_MAX])
{
    if (size >= IPV6_SIZE && bytes[0] >> 4 == 6)
        return answer_ipv6(bytes, size, ret_answer);
    return answer_ipv4(bytes, size, from, ret_answer);
}

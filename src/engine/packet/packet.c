#include "engine/packet/packet.h"

#include <endian.h>
#include <string.h>

#include "engine/packet/checksum.h"

enum {
    ECN_MASK = 3,
    ECN_NOT_ECT = 0,
    ECN_ECT_0 = 2,
    ECN_CE = 3,
};

/* Reads how long the IP header is, with its options, and how long the packet, by its own word.
 * Returns false if that is not within `size`. */
static bool read_lengths(const uint8_t *bytes, size_t size, size_t *ret_header, size_t *ret_packet)
{
    const struct packet_ipv4 *ipv4 = (const void *)bytes;
    size_t header;
    size_t packet;

    if (size < sizeof(*ipv4) || bytes[0] >> 4 != 4)
        return false;
    header = (size_t)(bytes[0] & 15) * 4;
    packet = be16toh(ipv4->length);
    if (header < sizeof(*ipv4) || header > packet || packet > size)
        return false;
    *ret_header = header;
    *ret_packet = packet;
    return true;
}

static uint32_t read_address(const uint8_t bytes[static 4])
{
    uint32_t address;

    memcpy(&address, bytes, sizeof(address));
    return be32toh(address);
}

bool packet_parse(const uint8_t *bytes, size_t size, struct packet *ret_packet)
{
    const struct packet_ipv4 *ipv4 = (const void *)bytes;
    size_t header;
    size_t length;

    if (!read_lengths(bytes, size, &header, &length))
        return false;
    *ret_packet = (struct packet){
        .length = length,
        .source = read_address(ipv4->source),
        .destination = read_address(ipv4->destination),
        .traffic_class = ipv4->traffic_class,
    };
    return true;
}

bool packet_find_content(const uint8_t *bytes, size_t size, struct packet_content *ret_content)
{
    const struct packet_ipv4 *ipv4 = (const void *)bytes;
    struct packet_content content = {0};
    uint16_t fragment;

    if (!read_lengths(bytes, size, &content.offset, &content.packet_length))
        return false;
    fragment = be16toh(ipv4->fragment);
    if (fragment & PACKET_IPV4_OFFSET)
        return false;
    content.protocol = ipv4->protocol;
    content.fragment = fragment & PACKET_IPV4_MF;
    *ret_content = content;
    return true;
}

/* CE stays on the packet within; the datagram begins its own way without it. */
uint8_t packet_outer_class(uint8_t inner_class)
{
    uint8_t ecn = inner_class & ECN_MASK;

    return ecn == ECN_CE ? ECN_ECT_0 : ecn;
}

/* RFC 1624, equation 3. */
static void set_class(struct packet_ipv4 *ipv4, uint8_t class)
{
    uint64_t sum = (uint16_t)~ipv4->checksum;

    sum += (uint16_t)~htobe16(ipv4->traffic_class);
    sum += htobe16(class);
    ipv4->traffic_class = class;
    ipv4->checksum = (uint16_t)~checksum_fold(sum);
}

bool packet_take_ecn(uint8_t *bytes, size_t size, uint8_t outer_class)
{
    struct packet_ipv4 *ipv4 = (void *)bytes;
    size_t header;
    size_t packet;

    if ((outer_class & ECN_MASK) != ECN_CE)
        return true;
    if (!read_lengths(bytes, size, &header, &packet) ||
        (ipv4->traffic_class & ECN_MASK) == ECN_NOT_ECT)
        return false;
    set_class(ipv4, ipv4->traffic_class | ECN_CE);
    return true;
}

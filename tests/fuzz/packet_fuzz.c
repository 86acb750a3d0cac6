/* Any bytes as an IP packet. The first is the traffic class of the datagram that carried it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/packet/packet.h"
#include "engine_packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_ipv4_right(const uint8_t *bytes)
{
    return packets_sum(bytes, (bytes[0] & 15) * 4u, 0) == 0xffff;
}

static void check_reply(const uint8_t *bytes, const struct packet *packet)
{
    bool ipv6 = packet->source.ipv6;
    size_t headers = ipv6 ? 48 : 28;
    uint8_t reply[PACKET_ICMP_MAX];
    struct packet answer;
    size_t length = packet_unreachable(bytes, packet->length, NULL, reply);
    uint32_t pseudo;

    if (length == 0)
        return;
    require(length > headers && length <= (ipv6 ? 1280 : 576));
    require(length <= headers + packet->length);
    require(packet_parse(reply, length, &answer) && answer.length == length);
    require(memcmp(&answer.source, &packet->destination, sizeof(answer.source)) == 0);
    require(memcmp(&answer.destination, &packet->source, sizeof(answer.source)) == 0);
    require(memcmp(reply + headers, bytes, length - headers) == 0);
    pseudo = ipv6 ? packets_pseudo(reply, 58, length - 40) : 0;
    require(packets_sum(reply + headers - 8, length - headers + 8, pseudo) == 0xffff);
    require(ipv6 || is_ipv4_right(reply));
    /* never an error about an error */
    require(packet_unreachable(reply, length, NULL, reply) == 0);
}

static void check_ecn(uint8_t *bytes, const struct packet *packet, uint8_t outer)
{
    uint8_t *before = malloc(packet->length);
    struct packet after;
    bool right = packet->source.ipv6 || is_ipv4_right(bytes);
    bool marked = (outer & 3) == 3;
    uint8_t inner = packet->traffic_class;
    bool kept;

    memcpy(before, bytes, packet->length);
    kept = packet_take_ecn(bytes, packet->length, outer);
    require(kept == !(marked && (inner & 3) == 0));
    require(packet_parse(bytes, packet->length, &after));
    require(after.traffic_class == (kept && marked ? inner | 3 : inner));
    require((packet->source.ipv6 || is_ipv4_right(bytes)) == right);
    bytes[0] = before[0];
    bytes[1] = before[1];
    if (!packet->source.ipv6)
        memcpy(bytes + 10, before + 10, 2);
    require(memcmp(bytes, before, packet->length) == 0);
    free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packet packet;
    struct packet_content content;
    uint8_t *bytes;
    uint8_t outer;

    if (size < 1)
        return 0;
    outer = *data++;
    size--;
    bytes = malloc(size ? size : 1);
    memcpy(bytes, data, size);
    if (packet_parse(bytes, size, &packet)) {
        require(packet.length >= 20 && packet.length <= size);
        require(packet_outer_class(packet.traffic_class) < 3);
        if (packet_find_content(bytes, size, &content))
            require(content.packet_length == packet.length && content.offset >= 20 &&
                    content.offset <= packet.length);
        check_reply(bytes, &packet);
        check_ecn(bytes, &packet, outer);
    } else {
        uint8_t reply[PACKET_ICMP_MAX];

        require(!packet_find_content(bytes, size, &content));
        require(packet_unreachable(bytes, size, NULL, reply) == 0);
        require(packet_take_ecn(bytes, size, outer) == ((outer & 3) != 3));
    }
    free(bytes);
    return 0;
}

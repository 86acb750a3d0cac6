/* Any bytes as an IP packet. The first is the traffic class of the datagram that carried it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/packet/packet.h"
#include "engine/packet/unreachable.h"
#include "engine_packets.h"
#include "fuzz.h"

static bool is_right(const uint8_t *bytes)
{
    return packets_sum(bytes, (bytes[0] & 15) * 4u, 0) == 0xffff;
}

/* The engine's answers, IPv4 and IPv6, go to the packet's sender, are valid, and never answer an
 * answer. */
static void check_answer(const uint8_t *bytes, size_t size)
{
    uint8_t answer[UNREACHABLE_MAX];
    size_t length = unreachable_answer(bytes, size, 0, answer);
    bool ipv6 = length > 0 && bytes[0] >> 4 == 6;
    size_t header = ipv6 ? 40 : 20, place = ipv6 ? 8 : 12, part = ipv6 ? 16 : 4;
    uint32_t pseudo;

    if (length == 0)
        return;
    require(length > header + 8 && length <= (ipv6 ? UNREACHABLE_MAX : UNREACHABLE_IPV4_MAX));
    require(length <= header + 8 + size);
    require(memcmp(answer + place, bytes + place + part, part) == 0);
    require(memcmp(answer + place + part, bytes + place, part) == 0);
    require(memcmp(answer + header + 8, bytes, length - header - 8) == 0);
    pseudo = ipv6 ? packets_sum(answer + 8, 32, (uint32_t)(length - header) + 58) : 0;
    require(packets_sum(answer + header, length - header, pseudo) == 0xffff);
    require(ipv6 || is_right(answer));
    require(unreachable_answer(answer, length, 0, answer) == 0);
}

static void check_ecn(uint8_t *bytes, const struct packet *packet, uint8_t outer)
{
    uint8_t *before = malloc(packet->length);
    struct packet after;
    bool right = is_right(bytes);
    bool marked = (outer & 3) == 3;
    uint8_t inner = packet->traffic_class;
    bool kept;

    memcpy(before, bytes, packet->length);
    kept = packet_take_ecn(bytes, packet->length, outer);
    require(kept == !(marked && (inner & 3) == 0));
    require(packet_parse(bytes, packet->length, &after));
    require(after.traffic_class == (kept && marked ? inner | 3 : inner));
    require(is_right(bytes) == right);
    bytes[1] = before[1];
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
    check_answer(bytes, size);
    if (packet_parse(bytes, size, &packet)) {
        require(packet.length >= 20 && packet.length <= size);
        require(packet_outer_class(packet.traffic_class) < 3);
        if (packet_find_content(bytes, size, &content))
            require(content.packet_length == packet.length && content.offset >= 20 &&
                    content.offset <= packet.length);
        check_ecn(bytes, &packet, outer);
    } else {
        require(!packet_find_content(bytes, size, &content));
        require(packet_take_ecn(bytes, size, outer) == ((outer & 3) != 3));
    }
    free(bytes);
    return 0;
}

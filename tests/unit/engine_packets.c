#include "engine_packets.h"

#include <string.h>

static void put16(uint8_t *place, size_t value)
{
    place[0] = (uint8_t)(value >> 8);
    place[1] = (uint8_t)value;
}

static void put32(uint8_t *place, uint32_t value)
{
    put16(place, value >> 16);
    put16(place + 2, value & 0xffff);
}

static size_t get16(const uint8_t *place)
{
    return (size_t)place[0] << 8 | place[1];
}

uint8_t packets_byte(uint32_t place)
{
    return (uint8_t)((place * 2654435761u) >> 13);
}

uint16_t packets_sum(const uint8_t *bytes, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

uint32_t packets_pseudo(const uint8_t *bytes, uint8_t protocol, size_t length)
{
    uint32_t sum = (uint32_t)(length + protocol);

    return packets_sum(bytes + 12, 8, sum);
}

size_t packets_transport(const struct sample *sample)
{
    return 20 + sample->extra;
}

size_t packets_headers(const struct sample *sample)
{
    return packets_transport(sample) + (sample->protocol == TCP ? 20 + sample->options : 8);
}

void packets_repair(uint8_t *bytes, size_t length, size_t transport)
{
    uint8_t protocol = bytes[9];
    uint8_t *place = bytes + transport + (protocol == TCP ? 16 : 6);
    size_t sum;

    put16(bytes + 2, length);
    put16(bytes + 10, 0);
    put16(bytes + 10, (uint16_t)~packets_sum(bytes, (bytes[0] & 15) * 4u, 0));
    if (protocol != TCP)
        put16(bytes + transport + 4, length - transport);
    put16(place, 0);
    sum = (uint16_t)~packets_sum(bytes + transport, length - transport,
                                 packets_pseudo(bytes, protocol, length - transport));
    put16(place, protocol != TCP && sum == 0 ? 0xffff : sum);
}

static void write_ip(const struct sample *sample, uint8_t *bytes)
{
    bytes[0] = (uint8_t)(0x45 + sample->extra / 4);
    bytes[1] = sample->class;
    put16(bytes + 4, sample->id);
    put16(bytes + 6, sample->fragment);
    bytes[8] = sample->ttl;
    bytes[9] = sample->protocol;
    memcpy(bytes + 12,
           (const uint8_t[]){10, 1, 0, sample->host, 10, 1, 0, (uint8_t)(200 + sample->peer)}, 8);
    memset(bytes + 20, 1, sample->extra);
}

size_t packets_write(const struct sample *sample, uint8_t *ret_bytes)
{
    size_t transport = packets_transport(sample);
    size_t headers = packets_headers(sample);
    uint8_t *place = ret_bytes + transport;

    memset(ret_bytes, 0, headers);
    write_ip(sample, ret_bytes);
    put16(place, sample->port);
    put16(place + 2, 5001);
    if (sample->protocol == TCP) {
        put32(place + 4, sample->sequence);
        put32(place + 8, sample->acknowledged);
        place[12] = (uint8_t)((5 + sample->options / 4) << 4 | sample->reserved);
        place[13] = sample->flags;
        put16(place + 14, sample->window);
        put16(place + 18, sample->urgent);
        memset(place + 20, sample->option, sample->options);
    }
    for (size_t i = 0; i < sample->payload; i++)
        ret_bytes[headers + i] = packets_byte(sample->sequence + (uint32_t)i);
    packets_repair(ret_bytes, headers + sample->payload, transport);
    return headers + sample->payload;
}

static const char *flaw_above(const uint8_t *bytes, size_t length, size_t transport,
                              uint8_t protocol, size_t *ret_headers)
{
    size_t left = length - transport;

    if (protocol == TCP) {
        if (left < 20 || bytes[transport + 12] >> 4 < 5 || bytes[transport + 12] / 16 * 4u > left)
            return "TCP header";
        *ret_headers = transport + bytes[transport + 12] / 16 * 4u;
    } else if (protocol == UDP) {
        if (left < 8 || get16(bytes + transport + 4) != left)
            return "UDP header";
        if (get16(bytes + transport + 6) == 0)
            return "no UDP checksum";
        *ret_headers = transport + 8;
    } else {
        return "protocol";
    }
    if (packets_sum(bytes + transport, left, packets_pseudo(bytes, protocol, left)) != 0xffff)
        return "checksum";
    return NULL;
}

const char *packets_flaw(const uint8_t *bytes, size_t length, size_t *ret_headers)
{
    size_t transport;

    if (length < 20 || bytes[0] >> 4 != 4)
        return "version";
    transport = (bytes[0] & 15) * 4u;
    if (transport < 20 || transport > length || get16(bytes + 2) != length)
        return "IPv4 lengths";
    if (packets_sum(bytes, transport, 0) != 0xffff)
        return "IPv4 checksum";
    return flaw_above(bytes, length, transport, bytes[9], ret_headers);
}

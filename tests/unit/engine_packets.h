/* Packets for the tests of src/engine, and a plain, slow look at those that come out of it. Knows
 * nothing of src/engine; also for the fuzz targets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TCP = 6,
    UDP = 17,
};

enum {
    FIN = 0x01,
    SYN = 0x02,
    RST = 0x04,
    PSH = 0x08,
    ACK = 0x10,
    URG = 0x20,
    ECE = 0x40,
    CWR = 0x80,
};

enum {
    DF = 0x4000,
    MF = 0x2000,
};

/* What a packet is to be like. */
struct sample {
    uint8_t protocol;
    uint8_t host; /* the last byte of the source address */
    uint8_t peer; /* added to that of the destination address */
    uint8_t class;
    uint8_t ttl;
    uint16_t id;
    uint16_t fragment;
    size_t extra;      /* bytes of IP options, of 4 each */
    uint16_t port;     /* source */
    uint32_t sequence; /* TCP, the rest as well */
    uint32_t acknowledged;
    uint8_t reserved; /* the four bits below the header's length */
    uint8_t flags;
    uint16_t window;
    uint16_t urgent;
    size_t options;
    uint8_t option; /* what they consist of */
    size_t payload; /* bytes of packets_byte() from `sequence` on */
};

/* The payload at this place of a stream. */
uint8_t packets_byte(uint32_t place);

/* Writes the packet, all lengths and checksums right. Returns its length. */
size_t packets_write(const struct sample *sample, uint8_t *ret_bytes);
size_t packets_transport(const struct sample *sample);
size_t packets_headers(const struct sample *sample);
/* Makes lengths and checksums right again. `transport` as above. */
void packets_repair(uint8_t *bytes, size_t length, size_t transport);

/* RFC 1071, two bytes after another: not complemented. */
uint16_t packets_sum(const uint8_t *bytes, size_t length, uint32_t sum);
/* Of the pseudo-header. */
uint32_t packets_pseudo(const uint8_t *bytes, uint8_t protocol, size_t length);

/* What is wrong with a TCP or UDP packet; NULL if nothing is. */
const char *packets_flaw(const uint8_t *bytes, size_t length, size_t *ret_headers);

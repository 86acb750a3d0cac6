/* IPv4 packets, as far as a tunnel has to look into them. A link carries nothing else. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Headers as they are on the wire, in network byte order. They may lie at any address. */
#define PACKET_WIRE __attribute__((packed, may_alias))

struct packet_ipv4 {
    uint8_t version_words; /* length of this header in 32-bit words, below the version */
    uint8_t traffic_class;
    uint16_t length;
    uint16_t id;
    uint16_t fragment; /* three flags, and the offset */
    uint8_t ttl;
    uint8_t protocol;
    uint16_t checksum;
    uint8_t source[4];
    uint8_t destination[4];
} PACKET_WIRE;

struct packet_tcp {
    uint16_t source;
    uint16_t destination;
    uint32_t sequence;
    uint32_t acknowledged;
    uint8_t words; /* length of this header in the upper four bits */
    uint8_t flags;
    uint16_t window;
    uint16_t checksum;
    uint16_t urgent;
} PACKET_WIRE;

struct packet_udp {
    uint16_t source;
    uint16_t destination;
    uint16_t length;
    uint16_t checksum;
} PACKET_WIRE;

enum {
    PACKET_IPV4_DF = 0x4000, /* of `fragment` */
    PACKET_IPV4_MF = 0x2000,
    PACKET_IPV4_OFFSET = 0x1fff,
};

enum {
    PACKET_TCP_FIN = 0x01,
    PACKET_TCP_SYN = 0x02,
    PACKET_TCP_RST = 0x04,
    PACKET_TCP_PSH = 0x08,
    PACKET_TCP_ACK = 0x10,
    PACKET_TCP_URG = 0x20,
    PACKET_TCP_ECE = 0x40,
    PACKET_TCP_CWR = 0x80,
};

struct packet {
    size_t length;   /* by its own header; bytes behind that are padding */
    uint32_t source; /* addresses in host byte order */
    uint32_t destination;
    uint8_t traffic_class; /* DSCP and ECN */
};

/* Reads the IP header of the packet in `bytes`. Returns false if it is no IPv4 packet whose header
 * and length are within `size`. */
bool packet_parse(const uint8_t *bytes, size_t size, struct packet *ret_packet);

/* The content of an IP packet, behind its options. */
struct packet_content {
    size_t packet_length; /* by the IP header */
    size_t offset;        /* at most packet_length */
    uint8_t protocol;
    bool fragment; /* the first: the rest is in other packets */
};

/* Returns false for what packet_parse() does not take, and for fragments after the first. */
bool packet_find_content(const uint8_t *bytes, size_t size, struct packet_content *ret_content);

/* Congestion marks by RFC 6040, as the kernel has it (INET_ECN_encapsulate, INET_ECN_decapsulate;
 * wg_packet_create_data and wg_packet_consume_data_done).
 *
 * Returns the traffic class of the datagram that carries a packet with this inner class: DSCP 0 and
 * the ECN bits. */
uint8_t packet_outer_class(uint8_t inner_class);
/* Sets CE on the packet within if the datagram was marked so and the packet can bear it; the header
 * checksum follows. Returns false if the packet must be dropped (CE outside, Not-ECT inside,
 * or no IP packet). */
bool packet_take_ecn(uint8_t *bytes, size_t size, uint8_t outer_class);

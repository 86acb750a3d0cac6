/* The rtnetlink messages that the helper sends and reads (net/core/rtnetlink.c, net/ipv4/devinet.c,
 * net/ipv4/fib_frontend.c). Pure: bytes in, values out. Addresses are in host byte order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/netlink/message.h"
#include "link/endpoint.h"
#include "link/link.h"

enum {
    RTMSG_KIND_SIZE = 16,  /* no link's device has a longer kind, */
    RTMSG_ALIAS_SIZE = 96, /* nor a longer alias */
};

/* Devices. */

/* The counters of a device's packets since it was made. */
struct rtmsg_counters {
    uint64_t received_packets;
    uint64_t sent_packets;
    uint64_t received_bytes;
    uint64_t sent_bytes;
    /* The peer's packets that were dropped, since their source isn't the peer's address: the
     * device's rx_frame_errors (wg_packet_consume_data_done(), drivers/net/wireguard/receive.c). An
     * engine has the TUN device count them in the same way. */
    uint64_t dropped_packets;
};

struct rtmsg_link {
    int index;
    char name[LINK_NAME_SIZE];
    char kind[RTMSG_KIND_SIZE]; /* "" if it is missing or longer */
    uint32_t group;
    uint32_t mtu;
    bool up;
    bool carrier;
    bool loopback;
    bool point_to_point;
    bool answers_arp;               /* takes part in ARP, and has IPv4 */
    uint32_t arp_ignore;            /* net.ipv4.conf.DEVICE.arp_ignore; 0 without IPv4 */
    char alias[RTMSG_ALIAS_SIZE];   /* the same; root in the container can write it */
    uint32_t mtu6;                  /* IPv6's own limit, perhaps from a router; 0 if not told */
    struct rtmsg_counters counters; /* zeros if they weren't asked for */
};

/* Makes a device in the namespace behind `netns`, not up. Its lower half is in the namespace of the
 * sending socket. */
void rtmsg_link_new(struct message *message, const char *name, const char *kind, int netns,
                    uint32_t group);

/* A device's new properties in another namespace. */
struct rtmsg_move {
    char name[LINK_NAME_SIZE]; /* keeps this name: -EEXIST if it is taken there */
    char alias[RTMSG_ALIAS_SIZE];
    int netns;
    uint32_t group;
    uint32_t mtu;
    bool ipv6; /* the kernel has IPv6: make no link-local address */
};

/* Moves a device out of the namespace of the sending socket. */
void rtmsg_link_move(struct message *message, const struct rtmsg_move *move);

/* Asks for the device that has a name or an altname. */
void rtmsg_link_get(struct message *message, const char *name);
/* Asks for the device with an index. */
void rtmsg_link_get_index(struct message *message, int index);
/* Asks for all devices. */
void rtmsg_link_dump(struct message *message);
void rtmsg_link_delete(struct message *message, int index);
void rtmsg_link_up(struct message *message, int index);
void rtmsg_link_set_mtu(struct message *message, int index, uint32_t mtu);
void rtmsg_link_set_group(struct message *message, int index, uint32_t group, const char *alias);

/* Ask for a device, or for all, with the counters. */
void rtmsg_counters_get(struct message *message, int index);
void rtmsg_counters_dump(struct message *message);

/* Reads an RTM_NEWLINK. Returns 0, or -EBADMSG. */
int rtmsg_link_parse(const struct nlmsghdr *message, struct rtmsg_link *ret_link);

/* Sets net.ipv4.conf.DEVICE.arp_ignore (inet_set_link_af(), net/ipv4/devinet.c). */
void rtmsg_arp_set_ignore(struct message *message, int index, uint32_t ignore);

/* Addresses and routes. */

enum {
    RTMSG_GATEWAYS_MAX = 16, /* a route may have more, which are ignored */
};

struct rtmsg_route {
    uint32_t destination;
    uint8_t prefix_length;
    uint8_t type;  /* RTN_* */
    uint8_t scope; /* RT_SCOPE_* */
    int device;    /* 0: no device, or several */
    size_t gateways;
    uint32_t gateway[RTMSG_GATEWAYS_MAX];
};

void rtmsg_address_new(struct message *message, int index, uint32_t address, uint8_t prefix_length);
/* Asks for all IPv4 routes of all tables. Each address of a device is among them, as a local
 * route. */
void rtmsg_route_dump(struct message *message);

/* Reads an RTM_NEWROUTE. Returns 0, or -EBADMSG. */
int rtmsg_route_parse(const struct nlmsghdr *message, struct rtmsg_route *ret_route);

/* The way of packets to an address. */
struct rtmsg_path {
    int device;
    uint8_t type; /* RTN_* */
    uint32_t mtu; /* the route's own, or found out on the way; else 0 */
};

void rtmsg_path_get(struct message *message, const struct endpoint *endpoint);
/* Reads the RTM_NEWROUTE of the answer. Returns 0, or -EBADMSG. */
int rtmsg_path_parse(const struct nlmsghdr *message, struct rtmsg_path *ret_path);

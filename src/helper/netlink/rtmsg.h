/* The rtnetlink messages that the helper sends and reads (net/core/rtnetlink.c, net/ipv4/devinet.c,
 * net/ipv4/fib_frontend.c). Pure: bytes in, values out. Addresses are in host byte order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/netlink/message.h"
#include "link/endpoint.h"
#include "link/link.h"

enum {
    RTMSG_KIND_SIZE = 16,  /* a longer kind is none of ours */
    RTMSG_ALIAS_SIZE = 96, /* and so is a longer alias */
};

/* Devices. */

struct rtmsg_link {
    int index;
    char name[LINK_NAME_SIZE];
    char kind[RTMSG_KIND_SIZE]; /* "" if the device has none, or a longer one */
    uint32_t group;
    uint32_t mtu;
    bool up;
    char alias[RTMSG_ALIAS_SIZE]; /* the same; whatever root in the container has written */
    uint32_t mtu6; /* what IPv6 sends at most, which a router may have said; 0 if it isn't told */
};

/* A new device, not up, in the namespace behind `netns`, with its lower half in the namespace of
 * the socket that this is sent on. */
void rtmsg_link_new(struct message *message, const char *name, const char *kind, int netns,
                    uint32_t group);

/* What becomes of a device that is moved to another namespace. */
struct rtmsg_move {
    char name[LINK_NAME_SIZE]; /* which it is, and what it is called there: -EEXIST if that is taken
                                */
    char alias[RTMSG_ALIAS_SIZE];
    int netns;
    uint32_t group;
    uint32_t mtu;
    bool ipv6; /* whether the kernel has it: then no link-local address is made */
};

/* Moves a device of the namespace of the socket that this is sent on. */
void rtmsg_link_move(struct message *message, const struct rtmsg_move *move);

/* The device that a name or an altname stands for. */
void rtmsg_link_get(struct message *message, const char *name);
/* The device with an index. */
void rtmsg_link_get_index(struct message *message, int index);
/* All devices of a kind. */
void rtmsg_link_dump(struct message *message, const char *kind);
void rtmsg_link_delete(struct message *message, int index);
void rtmsg_link_up(struct message *message, int index);
void rtmsg_link_set_mtu(struct message *message, int index, uint32_t mtu);
void rtmsg_link_set_group(struct message *message, int index, uint32_t group, const char *alias);

/* The same as the two above, with all that struct rtmsg_counters holds: nobody else wants the
 * statistics. */
void rtmsg_counters_get(struct message *message, int index);
void rtmsg_counters_dump(struct message *message, const char *kind);

/* What more a device tells. */
struct rtmsg_counters {
    bool carrier;
    uint64_t received_packets;
    uint64_t sent_packets;
    uint64_t received_bytes;
    uint64_t sent_bytes;
    uint64_t frame_errors; /* of what was received: see struct link_seen */
};

/* Reads them from an RTM_NEWLINK. Returns 0, or -EBADMSG. */
int rtmsg_counters_parse(const struct nlmsghdr *message, struct rtmsg_counters *ret_counters);

/* Reads an RTM_NEWLINK. Returns 0, or -EBADMSG. */
int rtmsg_link_parse(const struct nlmsghdr *message, struct rtmsg_link *ret_link);

/* How a device answers ARP. */
struct rtmsg_arp {
    int index;
    bool loopback;
    bool point_to_point;
    bool answers;    /* it takes part in ARP, and has IPv4 */
    uint32_t ignore; /* net.ipv4.conf.DEVICE.arp_ignore; 0 where there is none */
};

/* All devices, for rtmsg_arp_parse(). */
void rtmsg_arp_dump(struct message *message);
/* Reads an RTM_NEWLINK. Returns 0, or -EBADMSG. */
int rtmsg_arp_parse(const struct nlmsghdr *message, struct rtmsg_arp *ret_arp);
/* Sets net.ipv4.conf.DEVICE.arp_ignore (inet_set_link_af(), net/ipv4/devinet.c). */
void rtmsg_arp_set_ignore(struct message *message, int index, uint32_t ignore);

/* Addresses and routes. */

enum {
    RTMSG_GATEWAYS_MAX = 16, /* that are looked at; a route may have more */
};

struct rtmsg_route {
    uint32_t destination;
    uint8_t prefix_length;
    uint8_t type;  /* RTN_* */
    uint8_t scope; /* RT_SCOPE_* */
    int device;    /* 0 if it has none, or more than one */
    size_t gateways;
    uint32_t gateway[RTMSG_GATEWAYS_MAX];
};

void rtmsg_address_new(struct message *message, int index, uint32_t address, uint8_t prefix_length);
/* All IPv4 routes of all tables; each address of the machine is among them, as a local route. */
void rtmsg_route_dump(struct message *message);

/* Reads an RTM_NEWROUTE. Returns 0, or -EBADMSG. */
int rtmsg_route_parse(const struct nlmsghdr *message, struct rtmsg_route *ret_route);

/* Where packets to an address would go. */
struct rtmsg_path {
    int device;
    uint8_t type; /* RTN_* */
    uint32_t mtu; /* of the route, if it has its own, or that was found out on the way; else 0 */
};

void rtmsg_path_get(struct message *message, const struct endpoint *endpoint);
/* Reads the RTM_NEWROUTE that answers. Returns 0, or -EBADMSG. */
int rtmsg_path_parse(const struct nlmsghdr *message, struct rtmsg_path *ret_path);

#include "helper/netlink/rtmsg.h"

#include <endian.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/netlink/attribute.h"

/* Starts a message about one device. */
static struct ifinfomsg *start_link(struct message *message, uint16_t type, int index)
{
    struct ifinfomsg *link = message_start(message, type, 0, sizeof(*link));

    link->ifi_index = index;
    return link;
}

void rtmsg_link_new(struct message *message, const char *name, const char *kind, int netns,
                    uint32_t group)
{
    struct nlattr *info;

    message_start(message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    message_put_string(message, IFLA_IFNAME, name);
    message_put_u32(message, IFLA_NET_NS_FD, (uint32_t)netns);
    message_put_u32(message, IFLA_GROUP, group);
    info = message_nest(message, IFLA_LINKINFO);
    message_put_string(message, IFLA_INFO_KIND, kind);
    message_unnest(message, info);
}

static void put_no_link_local(struct message *message)
{
    static const uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
    struct nlattr *families = message_nest(message, IFLA_AF_SPEC);
    struct nlattr *ipv6 = message_nest(message, AF_INET6);

    message_put(message, IFLA_INET6_ADDR_GEN_MODE, sizeof(mode), &mode);
    message_unnest(message, ipv6);
    message_unnest(message, families);
}

void rtmsg_link_move(struct message *message, const struct rtmsg_move *move)
{
    /* Multicast off, as with the kernel's WireGuard. */
    start_link(message, RTM_SETLINK, 0)->ifi_change = IFF_MULTICAST;
    message_put_string(message, IFLA_IFNAME, move->name);
    message_put_u32(message, IFLA_NET_NS_FD, (uint32_t)move->netns);
    message_put_u32(message, IFLA_GROUP, move->group);
    message_put_u32(message, IFLA_MTU, move->mtu);
    message_put(message, IFLA_IFALIAS, strlen(move->alias), move->alias);
    if (move->ipv6)
        put_no_link_local(message);
}

void rtmsg_link_get(struct message *message, const char *name)
{
    message_start(message, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
    message_put_string(message, IFLA_IFNAME, name);
    message_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void rtmsg_link_get_index(struct message *message, int index)
{
    start_link(message, RTM_GETLINK, index);
    message_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void rtmsg_link_dump(struct message *message)
{
    message_start(message, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
    message_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void rtmsg_counters_get(struct message *message, int index)
{
    start_link(message, RTM_GETLINK, index);
}

void rtmsg_counters_dump(struct message *message)
{
    message_start(message, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
}

void rtmsg_link_delete(struct message *message, int index)
{
    start_link(message, RTM_DELLINK, index);
}

void rtmsg_link_up(struct message *message, int index)
{
    struct ifinfomsg *link = start_link(message, RTM_SETLINK, index);

    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
}

void rtmsg_link_set_mtu(struct message *message, int index, uint32_t mtu)
{
    start_link(message, RTM_SETLINK, index);
    message_put_u32(message, IFLA_MTU, mtu);
}

void rtmsg_link_set_group(struct message *message, int index, uint32_t group, const char *alias)
{
    start_link(message, RTM_SETLINK, index);
    message_put_u32(message, IFLA_GROUP, group);
    message_put(message, IFLA_IFALIAS, strlen(alias), alias);
}

/* The kind in an IFLA_LINKINFO attribute, if it is there and no longer than a link's. */
static int parse_kind(const struct nlattr *info, char ret_kind[static RTMSG_KIND_SIZE])
{
    const struct nlattr *attributes[IFLA_INFO_KIND + 1];

    if (!info)
        return 0;
    if (attributes_find_nested(info, IFLA_INFO_KIND + 1, attributes))
        return -EBADMSG;
    (void)attribute_string(attributes[IFLA_INFO_KIND], RTMSG_KIND_SIZE, ret_kind);
    return 0;
}

/* Reads one of a device's settings in IPv4 or IPv6. The settings stand in a row in the attribute
 * `type` of a family (inet_fill_link_af(), net/ipv4/devinet.c; inet6_fill_ifla6_attrs(),
 * net/ipv6/addrconf.c). Returns 1, 0 if the device doesn't have the family, or -EBADMSG. */
static int parse_setting(const struct nlattr *families, size_t family, size_t type, size_t place,
                         uint32_t *ret_value)
{
    const struct nlattr *attributes[AF_INET6 + 1], *settings[IFLA_INET6_CONF + 1];
    const size_t offset = place * sizeof(*ret_value);

    if (!families)
        return 0;
    if (attributes_find_nested(families, AF_INET6 + 1, attributes))
        return -EBADMSG;
    if (!attributes[family])
        return 0;
    if (attributes_find_nested(attributes[family], IFLA_INET6_CONF + 1, settings) ||
        !settings[type] || mnl_attr_get_payload_len(settings[type]) < offset + sizeof(*ret_value))
        return -EBADMSG;
    memcpy(ret_value, (const char *)mnl_attr_get_payload(settings[type]) + offset,
           sizeof(*ret_value));
    return 1;
}

static int parse_counters(const struct nlattr *attribute, struct rtmsg_counters *ret_counters)
{
    /* Newer kernels have more at the end. In an attribute nothing is aligned. */
    struct rtnl_link_stats64 stats = {0};
    const size_t size = offsetof(struct rtnl_link_stats64, rx_fifo_errors);

    if (!attribute)
        return 0;
    if (mnl_attr_get_payload_len(attribute) < size)
        return -EBADMSG;
    memcpy(&stats, mnl_attr_get_payload(attribute), size);
    *ret_counters = (struct rtmsg_counters){
        .received_packets = stats.rx_packets,
        .sent_packets = stats.tx_packets,
        .received_bytes = stats.rx_bytes,
        .sent_bytes = stats.tx_bytes,
        .dropped_packets = stats.rx_frame_errors,
    };
    return 0;
}

int rtmsg_link_parse(const struct nlmsghdr *message, struct rtmsg_link *ret_link)
{
    const struct nlattr *attributes[IFLA_GROUP + 1];
    const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
    struct rtmsg_link link = {0};
    int ipv4;

    if (message->nlmsg_type != RTM_NEWLINK ||
        attributes_find_message(message, sizeof(*header), IFLA_GROUP + 1, attributes) ||
        attribute_string(attributes[IFLA_IFNAME], LINK_NAME_SIZE, link.name) ||
        attribute_optional(attributes[IFLA_GROUP], sizeof(link.group), &link.group) ||
        attribute_optional(attributes[IFLA_MTU], sizeof(link.mtu), &link.mtu) ||
        parse_kind(attributes[IFLA_LINKINFO], link.kind) ||
        parse_counters(attributes[IFLA_STATS64], &link.counters) || header->ifi_index <= 0)
        return -EBADMSG;
    ipv4 = parse_setting(attributes[IFLA_AF_SPEC], AF_INET, IFLA_INET_CONF,
                         IPV4_DEVCONF_ARP_IGNORE - 1, &link.arp_ignore);
    if (ipv4 < 0 || parse_setting(attributes[IFLA_AF_SPEC], AF_INET6, IFLA_INET6_CONF, DEVCONF_MTU6,
                                  &link.mtu6) < 0)
        return -EBADMSG;
    (void)attribute_string(attributes[IFLA_IFALIAS], RTMSG_ALIAS_SIZE, link.alias);
    link.index = header->ifi_index;
    link.up = header->ifi_flags & IFF_UP;
    link.carrier = header->ifi_flags & IFF_LOWER_UP;
    link.loopback = header->ifi_flags & IFF_LOOPBACK;
    link.point_to_point = header->ifi_flags & IFF_POINTOPOINT;
    link.answers_arp = ipv4 && !(header->ifi_flags & (IFF_LOOPBACK | IFF_NOARP));
    *ret_link = link;
    return 0;
}

void rtmsg_arp_set_ignore(struct message *message, int index, uint32_t ignore)
{
    struct nlattr *families, *ipv4, *settings;

    start_link(message, RTM_SETLINK, index);
    families = message_nest(message, IFLA_AF_SPEC);
    ipv4 = message_nest(message, AF_INET);
    settings = message_nest(message, IFLA_INET_CONF);
    message_put_u32(message, IPV4_DEVCONF_ARP_IGNORE, ignore);
    message_unnest(message, settings);
    message_unnest(message, ipv4);
    message_unnest(message, families);
}

void rtmsg_address_new(struct message *message, int index, uint32_t address, uint8_t prefix_length)
{
    struct ifaddrmsg *header =
        message_start(message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*header));

    header->ifa_family = AF_INET;
    header->ifa_prefixlen = prefix_length;
    header->ifa_scope = RT_SCOPE_UNIVERSE;
    header->ifa_index = (uint32_t)index;
    message_put_u32(message, IFA_LOCAL, htobe32(address));
    message_put_u32(message, IFA_ADDRESS, htobe32(address));
}

void rtmsg_route_dump(struct message *message)
{
    struct rtmsg *header = message_start(message, RTM_GETROUTE, NLM_F_DUMP, sizeof(*header));

    header->rtm_family = AF_INET;
}

/* An IPv4 address in host byte order; 0 without an attribute. */
static int parse_address(const struct nlattr *attribute, uint32_t *ret_address)
{
    uint32_t address = 0;

    if (attribute_optional(attribute, sizeof(address), &address))
        return -EBADMSG;
    *ret_address = be32toh(address);
    return 0;
}

static int take_gateway(const struct nlattr *attribute, struct rtmsg_route *route)
{
    uint32_t gateway;

    if (!attribute || route->gateways == RTMSG_GATEWAYS_MAX)
        return 0;
    if (parse_address(attribute, &gateway))
        return -EBADMSG;
    route->gateway[route->gateways++] = gateway;
    return 0;
}

/* RTA_MULTIPATH: one struct rtnexthop a hop, each followed by its own attributes. */
static int take_hops(const struct nlattr *hops, struct rtmsg_route *route)
{
    const char *next = mnl_attr_get_payload(hops);
    size_t left = mnl_attr_get_payload_len(hops);

    while (left > 0) {
        const struct nlattr *attributes[RTA_GATEWAY + 1];
        const struct rtnexthop *hop = (const void *)next;
        size_t step;

        if (left < sizeof(*hop) || hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left ||
            attributes_find(next + sizeof(*hop), hop->rtnh_len - sizeof(*hop), RTA_GATEWAY + 1,
                            attributes) ||
            take_gateway(attributes[RTA_GATEWAY], route))
            return -EBADMSG;
        step = NLMSG_ALIGN((size_t)hop->rtnh_len);
        if (step > left) /* the last hop's padding may be missing */
            step = left;
        next += step;
        left -= step;
    }
    return 0;
}

int rtmsg_route_parse(const struct nlmsghdr *message, struct rtmsg_route *ret_route)
{
    const struct nlattr *attributes[RTA_MULTIPATH + 1];
    const struct rtmsg *header = mnl_nlmsg_get_payload(message);
    struct rtmsg_route route = {0};
    uint32_t device = 0;

    if (message->nlmsg_type != RTM_NEWROUTE ||
        attributes_find_message(message, sizeof(*header), RTA_MULTIPATH + 1, attributes) ||
        header->rtm_family != AF_INET || header->rtm_dst_len > 32 ||
        parse_address(attributes[RTA_DST], &route.destination) ||
        take_gateway(attributes[RTA_GATEWAY], &route) ||
        (attributes[RTA_MULTIPATH] && take_hops(attributes[RTA_MULTIPATH], &route)) ||
        attribute_optional(attributes[RTA_OIF], sizeof(device), &device))
        return -EBADMSG;
    route.prefix_length = header->rtm_dst_len;
    route.type = header->rtm_type;
    route.scope = header->rtm_scope;
    route.device = (int)device;
    *ret_route = route;
    return 0;
}

void rtmsg_path_get(struct message *message, const struct endpoint *endpoint)
{
    struct rtmsg *header = message_start(message, RTM_GETROUTE, 0, sizeof(*header));

    header->rtm_family = endpoint->ipv6 ? AF_INET6 : AF_INET;
    header->rtm_dst_len = endpoint->ipv6 ? 128 : 32;
    if (endpoint->ipv6)
        message_put(message, RTA_DST, sizeof(endpoint->address6), endpoint->address6);
    else
        message_put_u32(message, RTA_DST, htobe32(endpoint->address));
}

int rtmsg_path_parse(const struct nlmsghdr *message, struct rtmsg_path *ret_path)
{
    const struct nlattr *attributes[RTA_METRICS + 1], *metrics[RTAX_MTU + 1];
    const struct rtmsg *header = mnl_nlmsg_get_payload(message);
    struct rtmsg_path path = {0};
    uint32_t device = 0;

    if (message->nlmsg_type != RTM_NEWROUTE ||
        attributes_find_message(message, sizeof(struct rtmsg), RTA_METRICS + 1, attributes) ||
        attribute_bytes(attributes[RTA_OIF], sizeof(device), &device))
        return -EBADMSG;
    if (attributes[RTA_METRICS] &&
        (attributes_find_nested(attributes[RTA_METRICS], RTAX_MTU + 1, metrics) ||
         attribute_optional(metrics[RTAX_MTU], sizeof(path.mtu), &path.mtu)))
        return -EBADMSG;
    path.device = (int)device;
    path.type = header->rtm_type;
    *ret_path = path;
    return 0;
}

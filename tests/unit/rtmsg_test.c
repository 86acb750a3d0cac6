#include "helper/netlink/rtmsg.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"
#include "wire.h"

/* What is sent, put together from the kernel's headers a second time. */

static void start_device(struct wire *wire, uint16_t type, uint16_t flags, uint32_t index)
{
    wire_start(wire, type, flags);
    wire_u32(wire, 0); /* the family, the type */
    wire_u32(wire, index);
    wire_u32(wire, 0); /* flags, and which of them are to change: none */
    wire_u32(wire, 0);
}

static void link_new(struct message *message, struct wire *wire)
{
    size_t info;

    rtmsg_link_new(message, "wg-5-1", "wireguard", 7, 0x6e616821);
    start_device(wire, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, 0);
    wire_attribute_string(wire, IFLA_IFNAME, "wg-5-1");
    wire_attribute_u32(wire, IFLA_NET_NS_FD, 7);
    wire_attribute_u32(wire, IFLA_GROUP, 0x6e616821);
    info = wire_nest(wire, IFLA_LINKINFO);
    wire_attribute_string(wire, IFLA_INFO_KIND, "wireguard");
    wire_unnest(wire, info);
}

#define ALIAS "net-admin-helper: engine, process 4194304"

static const struct rtmsg_move a_move = {
    .name = "wg-5-1", .alias = ALIAS, .netns = 7, .group = 0x6e616821, .mtu = 1420, .ipv6 = true};

static void put_move(struct wire *wire)
{
    start_device(wire, RTM_SETLINK, NLM_F_REQUEST, 0);
    wire->bytes[29] = IFF_MULTICAST >> 8; /* is to be off */
    wire_attribute_string(wire, IFLA_IFNAME, "wg-5-1");
    wire_attribute_u32(wire, IFLA_NET_NS_FD, 7);
    wire_attribute_u32(wire, IFLA_GROUP, 0x6e616821);
    wire_attribute_u32(wire, IFLA_MTU, 1420);
}

static void link_move(struct message *message, struct wire *wire)
{
    size_t families, family;

    rtmsg_link_move(message, &a_move);
    put_move(wire);
    wire_attribute(wire, IFLA_IFALIAS, ALIAS, strlen(ALIAS)); /* without a NUL */
    families = wire_nest(wire, IFLA_AF_SPEC);
    family = wire_nest(wire, AF_INET6);
    wire_attribute(wire, IFLA_INET6_ADDR_GEN_MODE, "\x01", 1); /* none */
    wire_unnest(wire, family);
    wire_unnest(wire, families);
}

/* On a kernel without IPv6. */
static void link_move_4(struct message *message, struct wire *wire)
{
    struct rtmsg_move move = a_move;

    move.alias[0] = '\0';
    move.ipv6 = false;
    rtmsg_link_move(message, &move);
    put_move(wire);
    wire_attribute(wire, IFLA_IFALIAS, "", 0);
}

static void link_get(struct message *message, struct wire *wire)
{
    rtmsg_link_get(message, "wg-8388607-1");
    start_device(wire, RTM_GETLINK, NLM_F_REQUEST, 0);
    wire_attribute_string(wire, IFLA_IFNAME, "wg-8388607-1");
    wire_attribute_u32(wire, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

static void link_get_index(struct message *message, struct wire *wire)
{
    rtmsg_link_get_index(message, 0x40000001);
    start_device(wire, RTM_GETLINK, NLM_F_REQUEST, 0x40000001);
    wire_attribute_u32(wire, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

static void link_dump(struct message *message, struct wire *wire)
{
    rtmsg_link_dump(message);
    start_device(wire, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0);
    wire_attribute_u32(wire, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

static void link_delete(struct message *message, struct wire *wire)
{
    rtmsg_link_delete(message, 0x01020304);
    start_device(wire, RTM_DELLINK, NLM_F_REQUEST, 0x01020304);
}

static void link_up(struct message *message, struct wire *wire)
{
    rtmsg_link_up(message, 0x7fffffff);
    start_device(wire, RTM_SETLINK, NLM_F_REQUEST, 0x7fffffff);
    wire->bytes[24] = wire->bytes[28] = IFF_UP;
}

static void link_set_mtu(struct message *message, struct wire *wire)
{
    rtmsg_link_set_mtu(message, 300, 65455);
    start_device(wire, RTM_SETLINK, NLM_F_REQUEST, 300);
    wire_attribute_u32(wire, IFLA_MTU, 65455);
}

static void link_set_group(struct message *message, struct wire *wire)
{
    rtmsg_link_set_group(message, 300, 0x01020304, "by us");
    start_device(wire, RTM_SETLINK, NLM_F_REQUEST, 300);
    wire_attribute_u32(wire, IFLA_GROUP, 0x01020304);
    wire_attribute(wire, IFLA_IFALIAS, "by us", 5);
}

/* Without the mask: with statistics. */
static void counters_get(struct message *message, struct wire *wire)
{
    rtmsg_counters_get(message, 0x40000001);
    start_device(wire, RTM_GETLINK, NLM_F_REQUEST, 0x40000001);
}

static void counters_dump(struct message *message, struct wire *wire)
{
    rtmsg_counters_dump(message);
    start_device(wire, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0);
}

/* struct rtmsg, with nothing but a family and the length of a destination. */
static void start_get_route(struct wire *wire, uint16_t flags, uint8_t family, uint8_t length)
{
    wire_start(wire, RTM_GETROUTE, flags);
    wire_u8(wire, family);
    wire_u8(wire, length);
    wire_put(wire, (const uint8_t[10]){0}, 10);
}

static void path_get(struct message *message, struct wire *wire)
{
    rtmsg_path_get(message, &(struct endpoint){.address = 0xc0000201, .port = 51820});
    start_get_route(wire, NLM_F_REQUEST, AF_INET, 32);
    wire_attribute(wire, RTA_DST, "\xc0\x00\x02\x01", 4);
}

static void path_get_ipv6(struct message *message, struct wire *wire)
{
    const struct endpoint endpoint = {
        .ipv6 = true, .address6 = {0x20, 1, 0x0d, 0xb8, [15] = 9}, .port = 51820};

    rtmsg_path_get(message, &endpoint);
    start_get_route(wire, NLM_F_REQUEST, AF_INET6, 128);
    wire_attribute(wire, RTA_DST, endpoint.address6, 16);
}

static void route_dump(struct message *message, struct wire *wire)
{
    rtmsg_route_dump(message);
    start_get_route(wire, NLM_F_REQUEST | NLM_F_DUMP, AF_INET, 0);
}

static void address_new(struct message *message, struct wire *wire)
{
    rtmsg_address_new(message, 9, 0x0afffffe, 31);
    wire_start(wire, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
    wire_u8(wire, AF_INET);
    wire_u8(wire, 31);
    wire_u16(wire, RT_SCOPE_UNIVERSE << 8); /* no flags before it */
    wire_u32(wire, 9);
    wire_attribute(wire, IFA_LOCAL, "\x0a\xff\xff\xfe", 4);
    wire_attribute(wire, IFA_ADDRESS, "\x0a\xff\xff\xfe", 4);
}

static void arp_set_ignore(struct message *message, struct wire *wire)
{
    size_t families, family, settings;

    rtmsg_arp_set_ignore(message, 300, 3);
    start_device(wire, RTM_SETLINK, NLM_F_REQUEST, 300);
    families = wire_nest(wire, IFLA_AF_SPEC);
    family = wire_nest(wire, AF_INET);
    settings = wire_nest(wire, IFLA_INET_CONF);
    wire_attribute_u32(wire, IPV4_DEVCONF_ARP_IGNORE, 3);
    wire_unnest(wire, settings);
    wire_unnest(wire, family);
    wire_unnest(wire, families);
}

TEST(sent_bytes)
{
    static const struct wire_request requests[] = {
        {"link_new", link_new},
        {"link_move", link_move},
        {"link_move_4", link_move_4},
        {"link_get", link_get},
        {"link_get_index", link_get_index},
        {"link_dump", link_dump},
        {"link_delete", link_delete},
        {"link_up", link_up},
        {"link_set_mtu", link_set_mtu},
        {"link_set_group", link_set_group},
        {"counters_get", counters_get},
        {"counters_dump", counters_dump},
        {"path_get", path_get},
        {"path_get_ipv6", path_get_ipv6},
        {"route_dump", route_dump},
        {"address_new", address_new},
        {"arp_set_ignore", arp_set_ignore},
    };

    wire_expect_requests(requests, COUNT(requests));
}

/* With texts of any length: a message that is too long is marked, one that is not is as long as its
 * parts. */
TEST(long_texts)
{
    for (size_t length = 0; length < 600; length++) {
        struct message *message = malloc(sizeof(*message));
        char text[601] = {0};
        size_t padded = (length + 1 + 3) / 4 * 4;

        memset(text, 'x', length);
        rtmsg_link_get(message, text);
        expect(message->overflowed == (32 + 4 + padded + 8 > MESSAGE_SIZE), "name of %zu", length);
        rtmsg_link_new(message, "wg-0-0", text, 3, 1);
        expect(message->overflowed == (32 + 12 + 8 + 8 + 4 + 4 + padded > MESSAGE_SIZE),
               "kind of %zu", length);
        rtmsg_link_set_group(message, 1, 0, text);
        expect(message->overflowed == (32 + 8 + 4 + (length + 3) / 4 * 4 > MESSAGE_SIZE),
               "alias of %zu", length);
        expect(message->header.nlmsg_len <= MESSAGE_SIZE, "length %u", message->header.nlmsg_len);
        free(message);
    }
}

/* What is received. A link with all that is looked at, and more, as the kernel sends it. */

static void start_link(struct wire *wire, int32_t index, uint32_t flags)
{
    wire_start(wire, RTM_NEWLINK, 0);
    wire_u8(wire, 0);
    wire_u8(wire, 0);
    wire_u16(wire, 0xfffe); /* ARPHRD_NONE */
    wire_u32(wire, (uint32_t)index);
    wire_u32(wire, flags);
    wire_u32(wire, 0);
}

/* One of which nothing else matters: x, of the index 3. */
static void start_named(struct wire *wire)
{
    start_link(wire, 3, 0);
    wire_attribute_string(wire, IFLA_IFNAME, "x");
}

static void put_kind(struct wire *wire, const char *kind, size_t size)
{
    static const uint8_t data[] = {8, 0, 1, 0, 1, 2, 3, 4};
    size_t info = wire_nest(wire, IFLA_LINKINFO);

    wire_attribute(wire, IFLA_INFO_KIND, kind, size);
    wire_attribute(wire, IFLA_INFO_DATA | 0x8000, data, sizeof(data));
    wire_unnest(wire, info);
}

/* IFLA_AF_SPEC: settings of IPv4, of which the 19th is arp_ignore, and of IPv6: forwarding, hop
 * limit, MTU; each as far as `size4` and `size6` bytes reach. */
static void put_families(struct wire *wire, size_t size4, uint32_t mtu6, size_t size6)
{
    const uint32_t settings6[] = {1, 64, mtu6, 1, 1, 1};
    size_t families = wire_nest(wire, IFLA_AF_SPEC);
    size_t family = wire_nest(wire, AF_INET);
    uint32_t settings4[33];

    for (uint32_t i = 0; i < COUNT(settings4); i++)
        settings4[i] = 100 + i;
    wire_attribute(wire, 1, settings4, size4); /* IFLA_INET_CONF */
    wire_unnest(wire, family);
    family = wire_nest(wire, AF_INET6);
    wire_attribute_u32(wire, IFLA_INET6_FLAGS, 0x80000000);
    wire_attribute(wire, IFLA_INET6_CONF, settings6, size6);
    wire_unnest(wire, family);
    wire_unnest(wire, families);
}

enum {
    LOWER_UP = 1 << 16, /* IFF_LOWER_UP of <linux/if.h>, which <net/if.h> hasn't got */
    SETTINGS4 = 33 * 4,
    SETTINGS6 = 6 * 4,
    ARP_IGNORE = 118, /* by put_families() */
};

/* rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors ...; the 14th is rx_frame_errors */
static const uint64_t stats[32] = {11, UINT64_MAX, 33,        UINT64_C(1) << 40, 55,
                                   66, [12] = 77,  [13] = 88, [14] = 99};

static void a_link(struct wire *wire)
{
    size_t nest;

    start_link(wire, 42, IFF_UP | IFF_POINTOPOINT | IFF_NOARP | LOWER_UP);
    wire_attribute_string(wire, IFLA_IFNAME, "wg-8388607-1");
    wire_attribute_u32(wire, IFLA_TXQLEN, 1000);
    wire_attribute(wire, IFLA_OPERSTATE, "\x06", 1);
    wire_attribute_u32(wire, IFLA_MTU, 1420);
    wire_attribute_u32(wire, IFLA_GROUP, 0x6e616821);
    wire_attribute_string(wire, IFLA_IFALIAS, "net-admin-helper: engine, process 7");
    wire_attribute_string(wire, IFLA_QDISC, "noqueue");
    wire_attribute(wire, IFLA_MAP, stats, 24);
    wire_attribute(wire, IFLA_STATS64, stats, 200);
    put_kind(wire, "wireguard", 10);
    put_families(wire, SETTINGS4, 1400, SETTINGS6);
    nest = wire_nest(wire, IFLA_PROP_LIST);
    wire_attribute_string(wire, IFLA_ALT_IFNAME, "another-name-that-is-longer-than-15");
    wire_unnest(wire, nest);
    wire_end(wire);
}

static const struct rtmsg_link a_wanted_link = {
    .index = 42,
    .name = "wg-8388607-1",
    .kind = "wireguard",
    .group = 0x6e616821,
    .mtu = 1420,
    .up = true,
    .carrier = true,
    .point_to_point = true,
    .arp_ignore = ARP_IGNORE,
    .counters = {11, UINT64_MAX, 33, UINT64_C(1) << 40, 88},
    .alias = "net-admin-helper: engine, process 7",
    .mtu6 = 1400,
};

static int parse_link(const struct nlmsghdr *message, void *ret)
{
    return rtmsg_link_parse(message, ret);
}

static void sane_link(const char *what, const void *ret)
{
    const struct rtmsg_link *link = ret;

    expect(link->index > 0, "%s: index %d", what, link->index);
    expect(memchr(link->name, '\0', sizeof(link->name)), "%s: name has no end", what);
    expect(memchr(link->kind, '\0', sizeof(link->kind)), "%s: kind has no end", what);
    expect(memchr(link->alias, '\0', sizeof(link->alias)), "%s: alias has no end", what);
}

static const struct reader link_reader = {"link", parse_link, sizeof(struct rtmsg_link), sane_link};

static void check_link(const char *what, struct wire *wire, const struct rtmsg_link *wanted)
{
    struct rtmsg_link link = {.index = -7, .name = "untouched"};

    if (!wire_read(&link_reader, what, wire, &link, wanted))
        return;
    expect(link.index == wanted->index, "%s: index %d", what, link.index);
    expect(strcmp(link.name, wanted->name) == 0, "%s: name %s", what, link.name);
    expect(strcmp(link.kind, wanted->kind) == 0, "%s: kind %s", what, link.kind);
    expect(link.group == wanted->group, "%s: group %x", what, link.group);
    expect(link.mtu == wanted->mtu && link.mtu6 == wanted->mtu6, "%s: MTU %u, %u", what, link.mtu,
           link.mtu6);
    expect(link.up == wanted->up && link.carrier == wanted->carrier, "%s: up %d, carrier %d", what,
           link.up, link.carrier);
    expect(link.loopback == wanted->loopback && link.point_to_point == wanted->point_to_point &&
               link.answers_arp == wanted->answers_arp && link.arp_ignore == wanted->arp_ignore,
           "%s: loopback %d, point to point %d, answers %d, ignore %u", what, link.loopback,
           link.point_to_point, link.answers_arp, link.arp_ignore);
    expect(memcmp(&link.counters, &wanted->counters, sizeof(link.counters)) == 0, "%s: counters",
           what);
    expect(strcmp(link.alias, wanted->alias) == 0, "%s: alias %s", what, link.alias);
}

TEST(good_link)
{
    struct rtmsg_link wanted = a_wanted_link;
    struct wire wire;

    a_link(&wire);
    check_link("a link", &wire, &wanted);
    for (uint32_t bit = 0; bit < 32; bit++) {
        start_link(&wire, 42, UINT32_C(1) << bit);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        wanted = (struct rtmsg_link){.index = 42,
                                     .name = "x",
                                     .up = bit == 0,
                                     .loopback = bit == 3,
                                     .point_to_point = bit == 4,
                                     .carrier = bit == 16};
        check_link("flag", &wire, &wanted);
    }
}

static const struct {
    int32_t index;
    bool good;
} indexes[] = {
    {1, true}, {2, true}, {INT32_MAX, true}, {0, false}, {-1, false}, {INT32_MIN, false},
};

TEST(link_indexes)
{
    for (size_t i = 0; i < COUNT(indexes); i++) {
        struct wire wire;
        struct rtmsg_link wanted = {.index = indexes[i].index, .name = "x"};

        start_link(&wire, indexes[i].index, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        check_link("index", &wire, indexes[i].good ? &wanted : NULL);
    }
}

/* Names and kinds: bytes, with how many of them, and what is to be read of it. */
static const struct {
    const char *bytes;
    size_t size;
    const char *name; /* NULL: the message is refused */
    const char *kind;
} strings[] = {
    {"a", 2, "a", "a"},
    {"", 1, "", ""},
    {"", 0, NULL, ""},
    {"a", 1, NULL, ""}, /* no NUL */
    {"abcdefghijklmn", 15, "abcdefghijklmn", "abcdefghijklmn"},
    {"abcdefghijklmno", 16, "abcdefghijklmno", "abcdefghijklmno"},
    {"abcdefghijklmnop", 17, NULL, ""}, /* 16 characters and a NUL */
    {"abcdefghijklmnop", 16, NULL, ""}, /* 16 characters */
    {"abcdefghijklmno", 15, NULL, ""},
    {"abc\0def", 8, NULL, ""}, /* two ends */
    {"abc\0", 5, NULL, ""},
    {"\0abc", 5, NULL, ""},
    {"\0\0", 2, NULL, ""},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     97, NULL, ""},                             /* too long for an alias, too */
    {"a\xff\x1b", 4, "a\xff\x1b", "a\xff\x1b"}, /* any bytes may be in a name */
};

TEST(link_strings)
{
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct rtmsg_link wanted = {.index = 3, .kind = "tun"};
        struct wire wire;
        char what[32];

        (void)snprintf(what, sizeof(what), "name %zu", i);
        start_link(&wire, 3, 0);
        wire_attribute(&wire, IFLA_IFNAME, strings[i].bytes, strings[i].size);
        put_kind(&wire, "tun", 4);
        if (strings[i].name)
            memcpy(wanted.name, strings[i].name, strlen(strings[i].name) + 1);
        check_link(what, &wire, strings[i].name ? &wanted : NULL);

        /* a kind that makes no sense is none of ours; the link is still one */
        (void)snprintf(what, sizeof(what), "kind %zu", i);
        wanted = (struct rtmsg_link){.index = 3, .name = "x"};
        memcpy(wanted.kind, strings[i].kind, strlen(strings[i].kind) + 1);
        start_named(&wire);
        put_kind(&wire, strings[i].bytes, strings[i].size);
        check_link(what, &wire, &wanted);
    }
}

/* Aliases have from 0 to 255 characters, of which 95 are read; a longer one is taken for none. */
TEST(link_aliases)
{
    for (size_t length = 0; length <= 255; length++) {
        struct rtmsg_link wanted = {.index = 3, .name = "x"};
        char alias[256] = {0};
        struct wire wire;

        memset(alias, 'a', length);
        if (length < RTMSG_ALIAS_SIZE)
            memcpy(wanted.alias, alias, length);
        start_named(&wire);
        wire_attribute_string(&wire, IFLA_IFALIAS, alias);
        check_link("alias", &wire, &wanted);
    }
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct rtmsg_link wanted = {.index = 3, .name = "x"};
        struct wire wire;
        /* What is too long for a name is not for an alias, if it ends as it should. */
        bool good = strings[i].kind[0] || (strings[i].size == 17);

        if (good)
            memcpy(wanted.alias, strings[i].bytes, strings[i].size);
        start_named(&wire);
        wire_attribute(&wire, IFLA_IFALIAS, strings[i].bytes, strings[i].size);
        check_link("odd alias", &wire, &wanted);
    }
}

TEST(odd_links)
{
    struct rtmsg_link wanted = {.index = 3, .name = "second", .kind = "two", .group = 2};
    static const char group[5] = {0};
    struct wire wire;

    start_link(&wire, 3, 0);
    check_link("no name", &wire, NULL);

    start_link(&wire, 3, 0);
    wire_attribute_string(&wire, IFLA_IFNAME, "first");
    wire_attribute_string(&wire, IFLA_IFNAME, "second");
    put_kind(&wire, "one", 4);
    put_kind(&wire, "two", 4);
    wire_attribute_u32(&wire, IFLA_GROUP, 1);
    wire_attribute_u32(&wire, IFLA_GROUP, 2);
    check_link("twice: the last counts", &wire, &wanted);

    for (size_t size = 0; size <= 5; size++) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x"};
        start_named(&wire);
        wire_attribute(&wire, IFLA_GROUP, group, size);
        check_link("group of another size", &wire, size == 4 ? &wanted : NULL);
    }
    for (uint16_t flag = 0x4000; flag != 0; flag = (uint16_t)(flag * 2)) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x", .group = 5};
        start_link(&wire, 3, 0);
        wire_attribute(&wire, IFLA_IFNAME | flag, "x", 2);
        wire_attribute_u32(&wire, IFLA_GROUP | flag, 5);
        check_link("flags in the type", &wire, &wanted);
    }
    for (unsigned int type = 0; type < 100; type++) {
        a_link(&wire);
        wire.bytes[4] = (uint8_t)type;
        wanted = a_wanted_link;
        check_link("message type", &wire, type == RTM_NEWLINK ? &wanted : NULL);
    }
    for (size_t more = 1; more <= 3; more++) {
        a_link(&wire);
        wire_put(&wire, group, more);
        check_link("bytes left over", &wire, NULL);
    }
    for (uint16_t length = 0; length < 4; length++) {
        a_link(&wire);
        wire_u16(&wire, length);
        wire_u16(&wire, 77);
        check_link("an attribute too short for its header", &wire, NULL);
    }
}

TEST(link_mtus)
{
    static const uint32_t values[] = {0, 1, 68, 1279, 1280, 1420, 65535, 65536, UINT32_MAX};
    static const char bytes[8] = {1};
    struct rtmsg_link wanted;
    struct wire wire;
    size_t families;

    for (size_t i = 0; i < COUNT(values); i++) {
        wanted = (struct rtmsg_link){
            .index = 3,
            .name = "x",
            .mtu = values[i],
            .mtu6 = values[COUNT(values) - 1 - i],
            .answers_arp = true,
            .arp_ignore = ARP_IGNORE,
        };
        start_named(&wire);
        wire_attribute_u32(&wire, IFLA_MTU, wanted.mtu);
        put_families(&wire, SETTINGS4, wanted.mtu6, SETTINGS6);
        check_link("MTU", &wire, &wanted);
    }
    for (size_t size = 0; size <= 8; size++) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x", .mtu = 1};
        start_named(&wire);
        wire_attribute(&wire, IFLA_MTU, bytes, size);
        check_link("MTU of another size", &wire, size == 4 ? &wanted : NULL);
    }
    for (size_t size = 0; size <= 8; size++) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x"};
        start_named(&wire);
        wire_attribute(&wire, IFLA_AF_SPEC, bytes, size);
        check_link("families that are none", &wire, size == 0 ? &wanted : NULL);
        for (uint16_t family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET) {
            start_named(&wire);
            families = wire_nest(&wire, IFLA_AF_SPEC);
            wire_attribute(&wire, family, bytes, size);
            wire_unnest(&wire, families);
            check_link("settings that are none", &wire, NULL);
        }
    }
}

/* A link with settings of so many bytes of each family. */
static void check_settings(uint32_t flags, size_t size4, size_t size6,
                           const struct rtmsg_link *wanted)
{
    struct wire wire;

    start_link(&wire, 3, flags);
    wire_attribute_string(&wire, IFLA_IFNAME, "x");
    put_families(&wire, size4, 1400, size6);
    check_link("settings", &wire, wanted);
}

TEST(link_settings)
{
    static const struct {
        uint32_t flags;
        struct rtmsg_link wanted;
    } kinds[] = {
        {IFF_BROADCAST, {.answers_arp = true}},
        {IFF_LOOPBACK, {.loopback = true}},
        {IFF_NOARP | IFF_BROADCAST, {.index = 0}},
        {IFF_NOARP | IFF_POINTOPOINT, {.point_to_point = true}},
        {IFF_POINTOPOINT, {.point_to_point = true, .answers_arp = true}},
    };
    struct rtmsg_link wanted;

    for (size_t i = COUNT(kinds); i-- > 0;) {
        wanted = kinds[i].wanted;
        wanted.index = 3;
        wanted.name[0] = 'x';
        wanted.arp_ignore = ARP_IGNORE;
        wanted.mtu6 = 1400;
        check_settings(kinds[i].flags, SETTINGS4, SETTINGS6, &wanted);
    }
    for (size_t size = 0; size <= SETTINGS4; size += 4)
        check_settings(0, size, SETTINGS6, size >= 19 * 4 ? &wanted : NULL);
    for (size_t size = 0; size <= SETTINGS6; size++)
        check_settings(0, SETTINGS4, size, size >= 12 ? &wanted : NULL);
}

TEST(link_counters)
{
    const struct rtmsg_link wanted = {
        .index = 3, .name = "x", .counters = {11, UINT64_MAX, 33, UINT64_C(1) << 40, 88}};
    struct wire wire;

    for (size_t size = 0; size <= sizeof(stats); size += 4) {
        start_named(&wire);
        wire_attribute(&wire, IFLA_STATS64, stats, size);
        check_link("counters", &wire, size >= 112 ? &wanted : NULL);
    }
}

/* A route. */

static void start_route(struct wire *wire, uint8_t family, uint8_t length, uint8_t type)
{
    wire_start(wire, RTM_NEWROUTE, NLM_F_MULTI);
    wire_u8(wire, family);
    wire_u8(wire, length);
    wire_u8(wire, 0);
    wire_u8(wire, 0);
    wire_u8(wire, 255); /* RT_TABLE_LOCAL */
    wire_u8(wire, 2);   /* RTPROT_KERNEL */
    wire_u8(wire, 254); /* RT_SCOPE_HOST */
    wire_u8(wire, type);
    wire_u32(wire, 0);
}

static void a_route(struct wire *wire)
{
    start_route(wire, AF_INET, 31, RTN_UNICAST);
    wire_attribute_u32(wire, RTA_TABLE, 254);
    wire_attribute(wire, RTA_DST, "\x0a\x01\x02\x04", 4);
    wire_attribute(wire, RTA_PREFSRC, "\x0a\x01\x02\x05", 4);
    wire_attribute(wire, RTA_GATEWAY, "\xc0\x00\x02\x01", 4);
    wire_attribute_u32(wire, RTA_OIF, 17);
    wire_end(wire);
}

static int parse_route(const struct nlmsghdr *message, void *ret)
{
    return rtmsg_route_parse(message, ret);
}

static void sane_route(const char *what, const void *ret)
{
    const struct rtmsg_route *route = ret;

    expect(route->prefix_length <= 32, "%s: /%u", what, route->prefix_length);
}

static const struct reader route_reader = {"route", parse_route, sizeof(struct rtmsg_route),
                                           sane_route};

static void check_route(const char *what, struct wire *wire, const struct rtmsg_route *wanted)
{
    struct rtmsg_route route = {.destination = 0xdeadbeef, .device = -7};

    if (!wire_read(&route_reader, what, wire, &route, wanted))
        return;
    expect(route.destination == wanted->destination && route.gateways == wanted->gateways &&
               route.gateway[0] == wanted->gateway[0],
           "%s: %08x via %zu, %08x", what, route.destination, route.gateways, route.gateway[0]);
    expect(route.prefix_length == wanted->prefix_length && route.type == wanted->type &&
               route.device == wanted->device && route.scope == RT_SCOPE_HOST,
           "%s: /%u, type %u, scope %u, device %d", what, route.prefix_length, route.type,
           route.scope, route.device);
}

/* Two hops of 16 bytes: a struct rtnexthop, and RTA_GATEWAY with 10.0.0.2 and 10.0.0.3. */
static const uint8_t two_hops[32] = {
    16, 0, 0, 0, 5, 0, 0, 0, 8, 0, RTA_GATEWAY, 0, 10, 0, 0, 2, /* */
    16, 0, 0, 0, 6, 0, 0, 0, 8, 0, RTA_GATEWAY, 0, 10, 0, 0, 3,
};

static void check_hops(const char *what, const void *hops, size_t size,
                       const struct rtmsg_route *wanted)
{
    struct wire wire;

    start_route(&wire, AF_INET, 0, RTN_UNICAST);
    wire_attribute(&wire, RTA_MULTIPATH, hops, size);
    check_route(what, &wire, wanted);
}

/* A route over several gateways. */
TEST(hops)
{
    const struct rtmsg_route two = {.type = RTN_UNICAST, .gateways = 2, .gateway = {0x0a000002}};
    const struct rtmsg_route none = {.type = RTN_UNICAST};
    const struct rtmsg_route full = {
        .type = RTN_UNICAST, .gateways = RTMSG_GATEWAYS_MAX, .gateway = {0x0a000002}};
    uint8_t many[20 * sizeof(two_hops)];

    check_hops("two hops", two_hops, sizeof(two_hops), &two);
    check_hops("no hop", two_hops, 0, &none);
    for (size_t i = 0; i < 20; i++)
        memcpy(many + i * sizeof(two_hops), two_hops, sizeof(two_hops));
    check_hops("40 hops", many, sizeof(many), &full);
    for (size_t size = 1; size < sizeof(two_hops); size++) {
        if (size != 16)
            check_hops("a hop cut off", two_hops, size, NULL);
    }
    for (unsigned int length = 0; length < 65536; length++) {
        memcpy(many, two_hops, sizeof(two_hops));
        many[16] = (uint8_t)length;
        many[17] = (uint8_t)(length >> 8);
        /* 8: a hop without attributes; and what is then behind it happens to look like another. */
        if (length != 16 && length != 8)
            check_hops("a hop that lies", many, sizeof(two_hops), NULL);
    }
}

TEST(routes)
{
    static const uint16_t addresses[] = {RTA_DST, RTA_GATEWAY, RTA_OIF};
    static const char bytes[16] = {1};
    struct rtmsg_route wanted = {0x0a010204, 31, RTN_UNICAST, RT_SCOPE_HOST, 17, 1, {0xc0000201}};
    struct wire wire;

    a_route(&wire);
    check_route("a route", &wire, &wanted);
    for (unsigned int length = 0; length < 256; length++) {
        wanted = (struct rtmsg_route){.prefix_length = (uint8_t)length, .type = RTN_BLACKHOLE};
        start_route(&wire, AF_INET, (uint8_t)length, RTN_BLACKHOLE);
        check_route("prefix length", &wire, length <= 32 ? &wanted : NULL);
    }
    for (unsigned int family = 0; family < 256; family++) {
        wanted = (struct rtmsg_route){.type = RTN_LOCAL};
        start_route(&wire, (uint8_t)family, 0, RTN_LOCAL);
        check_route("family", &wire, family == AF_INET ? &wanted : NULL);
    }
    for (size_t i = 0; i < COUNT(addresses); i++) {
        for (size_t size = 0; size <= 16; size++) {
            wanted = (struct rtmsg_route){
                .destination = addresses[i] == RTA_DST ? 0x01000000 : 0,
                .gateways = addresses[i] == RTA_GATEWAY,
                .gateway = {addresses[i] == RTA_GATEWAY ? 0x01000000 : 0},
                .device = addresses[i] == RTA_OIF ? 1 : 0,
                .type = RTN_UNICAST,
            };
            start_route(&wire, AF_INET, 0, RTN_UNICAST);
            wire_attribute(&wire, addresses[i], bytes, size);
            check_route("attribute of another size", &wire, size == 4 ? &wanted : NULL);
        }
    }
    for (unsigned int type = 0; type < 100; type++) {
        wanted =
            (struct rtmsg_route){0x0a010204, 31, RTN_UNICAST, RT_SCOPE_HOST, 17, 1, {0xc0000201}};
        a_route(&wire);
        wire.bytes[4] = (uint8_t)type;
        check_route("message type", &wire, type == RTM_NEWROUTE ? &wanted : NULL);
    }
}

/* A path: the route that an address has. */

static void put_metrics(struct wire *wire, uint32_t mtu)
{
    size_t metrics = wire_nest(wire, RTA_METRICS);

    wire_attribute_u32(wire, RTAX_LOCK, 4);
    wire_attribute_u32(wire, RTAX_MTU, mtu);
    wire_attribute_u32(wire, RTAX_HOPLIMIT, 64);
    wire_unnest(wire, metrics);
}

static void a_path(struct wire *wire)
{
    start_route(wire, AF_INET, 32, RTN_UNICAST);
    wire_attribute_u32(wire, RTA_TABLE, 254);
    wire_attribute(wire, RTA_DST, "\xc0\x00\x02\x01", 4);
    wire_attribute_u32(wire, RTA_OIF, 17);
    wire_attribute(wire, RTA_GATEWAY, "\xc0\x00\x02\xfe", 4);
    put_metrics(wire, 1400);
    wire_attribute_u32(wire, RTA_UID, 61234);
    wire_end(wire);
}

static int parse_path(const struct nlmsghdr *message, void *ret)
{
    return rtmsg_path_parse(message, ret);
}

static void sane_path(const char *what, const void *ret)
{
    (void)what;
    (void)ret; /* any device, any MTU */
}

static const struct reader path_reader = {"path", parse_path, sizeof(struct rtmsg_path), sane_path};

static void check_path(const char *what, struct wire *wire, const struct rtmsg_path *wanted)
{
    struct rtmsg_path path = {.device = -7, .mtu = 0xdeadbeef};

    if (!wire_read(&path_reader, what, wire, &path, wanted))
        return;
    expect(path.device == wanted->device && path.mtu == wanted->mtu && path.type == wanted->type,
           "%s: device %d, MTU %u, type %u", what, path.device, path.mtu, path.type);
}

TEST(paths)
{
    static const uint32_t values[] = {0, 1, 1279, 1280, 65535, 65536, UINT32_MAX};
    static const char bytes[8] = {1};
    struct rtmsg_path wanted = {17, RTN_UNICAST, 1400};
    struct wire wire;
    size_t metrics;

    a_path(&wire);
    check_path("a path", &wire, &wanted);
    for (size_t i = 0; i < COUNT(values); i++) {
        wanted = (struct rtmsg_path){3, RTN_UNICAST, values[i]};
        start_route(&wire, AF_INET6, 128, RTN_UNICAST);
        put_metrics(&wire, values[i]);
        wire_attribute_u32(&wire, RTA_OIF, 3);
        check_path("MTU", &wire, &wanted);
    }
    wanted = (struct rtmsg_path){1, RTN_LOCAL, 0};
    for (size_t size = 0; size <= 8; size++) {
        start_route(&wire, AF_INET, 32, RTN_LOCAL);
        wire_attribute(&wire, RTA_OIF, bytes, size);
        check_path("device of another size", &wire, size == 4 ? &wanted : NULL);

        start_route(&wire, AF_INET, 32, RTN_LOCAL);
        wire_attribute_u32(&wire, RTA_OIF, 1);
        metrics = wire_nest(&wire, RTA_METRICS);
        wire_attribute(&wire, RTAX_MTU, bytes, size);
        wire_unnest(&wire, metrics);
        wanted.mtu = 1;
        check_path("MTU of another size", &wire, size == 4 ? &wanted : NULL);
        wanted.mtu = 0;

        start_route(&wire, AF_INET, 32, RTN_LOCAL);
        wire_attribute_u32(&wire, RTA_OIF, 1);
        wire_attribute(&wire, RTA_METRICS, bytes, size);
        check_path("metrics that are none", &wire, size == 0 ? &wanted : NULL);
    }
    start_route(&wire, AF_INET, 32, RTN_UNICAST);
    check_path("no device", &wire, NULL);
    for (unsigned int type = 0; type < 100; type++) {
        wanted = (struct rtmsg_path){17, RTN_UNICAST, 1400};
        a_path(&wire);
        wire.bytes[4] = (uint8_t)type;
        check_path("message type", &wire, type == RTM_NEWROUTE ? &wanted : NULL);
    }
    for (size_t more = 1; more <= 3; more++) {
        a_path(&wire);
        wire_put(&wire, bytes, more);
        check_path("bytes left over", &wire, NULL);
    }
}

/* The running kernel's own answers: every device there is, as if_nametoindex() knows it. */

static ssize_t ask(const void *request, size_t size, void *answer, size_t room)
{
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    ssize_t length = -1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
        unit_trouble("netlink socket");
    if (send(fd, request, size, 0) == (ssize_t)size)
        length = recv(fd, answer, room, 0);
    close(fd);
    return length;
}

static void check_real(const char *name, unsigned int index)
{
    static uint8_t answer[65536] __attribute__((aligned(4)));
    struct message request;
    struct rtmsg_link link = {0};
    struct wire wire = {.length = 0};
    ssize_t length;

    rtmsg_link_get(&request, name);
    length = ask(request.bytes, request.header.nlmsg_len, answer, sizeof(answer));
    expect(length > 16, "%s: answer of %zd", name, length);
    if (length <= 16 || length > WIRE_SIZE - 100)
        return;
    wire_put(&wire, answer, (size_t)length);
    expect(rtmsg_link_parse((const void *)answer, &link) == 0, "%s refused", name);
    expect(link.index == (int)index, "%s: index %d, not %u", name, link.index, index);
    expect(strcmp(link.name, name) == 0, "%s: name %s", name, link.name);
    if (strcmp(name, "lo") == 0)
        expect(link.kind[0] == '\0' && link.group == 0, "lo: kind %s, group %u", link.kind,
               link.group);
    /* and what the kernel sent is as good a start for a forgery as any */
    wire_attack(&link_reader, &wire, 2000);
}

/* The way to ourselves is lo, whose MTU is told by its index. */
TEST(real_path)
{
    static uint8_t answer[65536] __attribute__((aligned(4)));
    const struct endpoint endpoint = {.address = 0x7f000001, .port = 9};
    struct message request;
    struct rtmsg_path path = {0};
    struct rtmsg_link link = {0};

    rtmsg_path_get(&request, &endpoint);
    expect(ask(request.bytes, request.header.nlmsg_len, answer, sizeof(answer)) > 16, "no answer");
    expect(rtmsg_path_parse((const void *)answer, &path) == 0, "a path is refused");
    expect(path.device == (int)if_nametoindex("lo"), "device %d", path.device);
    rtmsg_link_get_index(&request, path.device);
    expect(ask(request.bytes, request.header.nlmsg_len, answer, sizeof(answer)) > 16, "no answer");
    expect(rtmsg_link_parse((const void *)answer, &link) == 0, "a link is refused");
    expect(strcmp(link.name, "lo") == 0 && link.mtu > 1280, "%s, MTU %u", link.name, link.mtu);
}

TEST(real_links)
{
    struct if_nameindex *list = if_nameindex();

    if (!list)
        unit_trouble("if_nameindex");
    for (struct if_nameindex *next = list; next->if_index; next++)
        check_real(next->if_name, next->if_index);
    if_freenameindex(list);
}

TEST(hostile)
{
    struct wire wire;

    a_link(&wire);
    wire_attack(&link_reader, &wire, 200000);
    a_route(&wire);
    wire_attack(&route_reader, &wire, 100000);
    a_path(&wire);
    wire_attack(&path_reader, &wire, 100000);
}

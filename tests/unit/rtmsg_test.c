#include "helper/netlink/rtmsg.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"
#include "wire.h"

/* What is sent: the bytes, as rtnetlink(7) and the kernel's headers have them. */

static void link_new(struct message *message)
{
    rtmsg_link_new(message, "wg-5-1", "wireguard", 7, 0x6e616821);
}

static const uint8_t link_new_bytes[] = {
    80,  0,   0,   0,   16,  0,   1,   6,   /* RTM_NEWLINK; REQUEST, CREATE, EXCL */
    0,   0,   0,   0,   0,   0,   0,   0,   /* sequence, port */
    0,   0,   0,   0,   0,   0,   0,   0,   /* ifinfomsg: family, type, index */
    0,   0,   0,   0,   0,   0,   0,   0,   /* flags, change */
    11,  0,   3,   0,   'w', 'g', '-', '5', /* IFLA_IFNAME */
    '-', '1', 0,   0,                       /* */
    8,   0,   28,  0,   7,   0,   0,   0,   /* IFLA_NET_NS_FD */
    8,   0,   27,  0,   '!', 'h', 'a', 'n', /* IFLA_GROUP */
    20,  0,   18,  128, 14,  0,   1,   0,   /* IFLA_LINKINFO: IFLA_INFO_KIND */
    'w', 'i', 'r', 'e', 'g', 'u', 'a', 'r', /* */
    'd', 0,   0,   0,                       /* */
};

static const struct rtmsg_move a_move = {
    .name = "wg-5-1",
    .alias = "net-admin-helper: engine, process 4194304",
    .netns = 7,
    .group = 0x6e616821,
    .mtu = 1420,
    .ipv6 = true,
};

static void link_move(struct message *message)
{
    rtmsg_link_move(message, &a_move);
}

static const uint8_t link_move_bytes[] = {
    132, 0,   0,   0,   19,  0,   1,   0,   /* RTM_SETLINK; REQUEST */
    0,   0,   0,   0,   0,   0,   0,   0,   /* sequence, port */
    0,   0,   0,   0,   0,   0,   0,   0,   /* ifinfomsg: family, type, index */
    0,   0,   0,   0,   0,   16,  0,   0,   /* flags, change: IFF_MULTICAST */
    11,  0,   3,   0,   'w', 'g', '-', '5', /* IFLA_IFNAME */
    '-', '1', 0,   0,                       /* */
    8,   0,   28,  0,   7,   0,   0,   0,   /* IFLA_NET_NS_FD */
    8,   0,   27,  0,   '!', 'h', 'a', 'n', /* IFLA_GROUP */
    8,   0,   4,   0,   140, 5,   0,   0,   /* IFLA_MTU */
    45,  0,   20,  0,   'n', 'e', 't', '-', /* IFLA_IFALIAS */
    'a', 'd', 'm', 'i', 'n', '-', 'h', 'e', /* */
    'l', 'p', 'e', 'r', ':', ' ', 'e', 'n', /* */
    'g', 'i', 'n', 'e', ',', ' ', 'p', 'r', /* */
    'o', 'c', 'e', 's', 's', ' ', '4', '1', /* */
    '9', '4', '3', '0', '4', 0,   0,   0,   /* */
    16,  0,   26,  128, 12,  0,   10,  128, /* IFLA_AF_SPEC: AF_INET6: */
    5,   0,   8,   0,   1,   0,   0,   0,   /* IFLA_INET6_ADDR_GEN_MODE: none */
};

/* On a kernel without IPv6. */
static void link_move_4(struct message *message)
{
    struct rtmsg_move move = a_move;

    move.alias[0] = '\0';
    move.ipv6 = false;
    rtmsg_link_move(message, &move);
}

static const uint8_t link_move_4_bytes[] = {
    72,  0,   0,  0, 19,  0,   1,   0,   /* RTM_SETLINK; REQUEST */
    0,   0,   0,  0, 0,   0,   0,   0,   /* */
    0,   0,   0,  0, 0,   0,   0,   0,   /* */
    0,   0,   0,  0, 0,   16,  0,   0,   /* */
    11,  0,   3,  0, 'w', 'g', '-', '5', /* IFLA_IFNAME */
    '-', '1', 0,  0,                     /* */
    8,   0,   28, 0, 7,   0,   0,   0,   /* IFLA_NET_NS_FD */
    8,   0,   27, 0, '!', 'h', 'a', 'n', /* IFLA_GROUP */
    8,   0,   4,  0, 140, 5,   0,   0,   /* IFLA_MTU */
    4,   0,   20, 0,                     /* IFLA_IFALIAS, of no length */
};

static void link_get(struct message *message)
{
    rtmsg_link_get(message, "wg-8388607-1");
}

static const uint8_t link_get_bytes[] = {
    60,  0,   0,   0,   18,  0,   1,   0,                       /* RTM_GETLINK; REQUEST */
    0,   0,   0,   0,   0,   0,   0,   0,                       /* */
    0,   0,   0,   0,   0,   0,   0,   0,                       /* */
    0,   0,   0,   0,   0,   0,   0,   0,                       /* */
    17,  0,   3,   0,   'w', 'g', '-', '8', '3', '8', '8', '6', /* IFLA_IFNAME */
    '0', '7', '-', '1', 0,   0,   0,   0,                       /* */
    8,   0,   29,  0,   8,   0,   0,   0, /* IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS */
};

static void link_dump(struct message *message)
{
    rtmsg_link_dump(message, "tun");
}

static const uint8_t link_dump_bytes[] = {
    52, 0, 0,  0,   18, 0, 1, 3,                   /* RTM_GETLINK; REQUEST, DUMP */
    0,  0, 0,  0,   0,  0, 0, 0,                   /* */
    0,  0, 0,  0,   0,  0, 0, 0,                   /* */
    0,  0, 0,  0,   0,  0, 0, 0,                   /* */
    8,  0, 29, 0,   8,  0, 0, 0,                   /* IFLA_EXT_MASK */
    12, 0, 18, 128, 8,  0, 1, 0, 't', 'u', 'n', 0, /* IFLA_LINKINFO: IFLA_INFO_KIND */
};

static void link_delete(struct message *message)
{
    rtmsg_link_delete(message, 0x01020304);
}

static const uint8_t link_delete_bytes[] = {
    32, 0, 0, 0, 17, 0, 1, 0, /* RTM_DELLINK; REQUEST */
    0,  0, 0, 0, 0,  0, 0, 0, /* */
    0,  0, 0, 0, 4,  3, 2, 1, /* family, type, index */
    0,  0, 0, 0, 0,  0, 0, 0, /* */
};

static void link_up(struct message *message)
{
    rtmsg_link_up(message, 0x7fffffff);
}

static const uint8_t link_up_bytes[] = {
    32, 0, 0, 0, 19,   0,    1,    0,    /* RTM_SETLINK; REQUEST */
    0,  0, 0, 0, 0,    0,    0,    0,    /* */
    0,  0, 0, 0, 0xff, 0xff, 0xff, 0x7f, /* family, type, index */
    1,  0, 0, 0, 1,    0,    0,    0,    /* flags, change: IFF_UP */
};

static void link_get_index(struct message *message)
{
    rtmsg_link_get_index(message, 0x40000001);
}

static const uint8_t link_get_index_bytes[] = {
    40, 0, 0,  0, 18, 0, 1, 0,    /* RTM_GETLINK; REQUEST */
    0,  0, 0,  0, 0,  0, 0, 0,    /* */
    0,  0, 0,  0, 1,  0, 0, 0x40, /* family, type, index */
    0,  0, 0,  0, 0,  0, 0, 0,    /* flags, change */
    8,  0, 29, 0, 8,  0, 0, 0,    /* IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS */
};

static void link_set_mtu(struct message *message)
{
    rtmsg_link_set_mtu(message, 300, 65455);
}

static const uint8_t link_set_mtu_bytes[] = {
    40, 0, 0, 0, 19,   0,    1, 0, /* RTM_SETLINK; REQUEST */
    0,  0, 0, 0, 0,    0,    0, 0, /* */
    0,  0, 0, 0, 0x2c, 1,    0, 0, /* index 300 */
    0,  0, 0, 0, 0,    0,    0, 0, /* flags, change: neither up nor down */
    8,  0, 4, 0, 0xaf, 0xff, 0, 0, /* IFLA_MTU */
};

static void path_get(struct message *message)
{
    rtmsg_path_get(message, &(struct endpoint){.address = 0xc0000201, .port = 51820});
}

static const uint8_t path_get_bytes[] = {
    36, 0,  0, 0, 26,   0, 1, 0,             /* RTM_GETROUTE; REQUEST, and no dump */
    0,  0,  0, 0, 0,    0, 0, 0,             /* */
    2,  32, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, /* AF_INET, /32 */
    8,  0,  1, 0, 0xc0, 0, 2, 1,             /* RTA_DST */
};

static void path_get_ipv6(struct message *message)
{
    rtmsg_path_get(message, &(struct endpoint){.ipv6 = true,
                                               .address6 = {0x20, 1, 0x0d, 0xb8, [15] = 9},
                                               .port = 51820});
}

static const uint8_t path_get_ipv6_bytes[] = {
    48, 0,   0, 0, 26,   0, 1,    0,                /* RTM_GETROUTE; REQUEST */
    0,  0,   0, 0, 0,    0, 0,    0,                /* */
    10, 128, 0, 0, 0,    0, 0,    0,    0, 0, 0, 0, /* AF_INET6, /128 */
    20, 0,   1, 0, 0x20, 1, 0x0d, 0xb8,             /* RTA_DST */
    0,  0,   0, 0, 0,    0, 0,    0,    0, 0, 0, 9, /* */
};

static void link_set_group(struct message *message)
{
    rtmsg_link_set_group(message, 300, 0x01020304, "by us");
}

static const uint8_t link_set_group_bytes[] = {
    52, 0, 0,  0, 19,   0,   1,   0,                 /* RTM_SETLINK; REQUEST */
    0,  0, 0,  0, 0,    0,   0,   0,                 /* */
    0,  0, 0,  0, 0x2c, 1,   0,   0,                 /* index 300 */
    0,  0, 0,  0, 0,    0,   0,   0,                 /* */
    8,  0, 27, 0, 4,    3,   2,   1,                 /* IFLA_GROUP */
    9,  0, 20, 0, 'b',  'y', ' ', 'u', 's', 0, 0, 0, /* IFLA_IFALIAS, without a NUL */
};

static void address_new(struct message *message)
{
    rtmsg_address_new(message, 9, 0x0afffffe, 31);
}

static const uint8_t address_new_bytes[] = {
    40, 0,  0, 0, 20, 0,    1,    6,    /* RTM_NEWADDR; REQUEST, CREATE, EXCL */
    0,  0,  0, 0, 0,  0,    0,    0,    /* */
    2,  31, 0, 0, 9,  0,    0,    0,    /* AF_INET, /31, flags, RT_SCOPE_UNIVERSE; index */
    8,  0,  2, 0, 10, 0xff, 0xff, 0xfe, /* IFA_LOCAL, in network byte order */
    8,  0,  1, 0, 10, 0xff, 0xff, 0xfe, /* IFA_ADDRESS */
};

static const uint8_t arp_dump_bytes[] = {
    40, 0, 0,  0, 18, 0, 1, 3, /* RTM_GETLINK; REQUEST, DUMP */
    0,  0, 0,  0, 0,  0, 0, 0, /* */
    0,  0, 0,  0, 0,  0, 0, 0, /* of all kinds */
    0,  0, 0,  0, 0,  0, 0, 0, /* */
    8,  0, 29, 0, 8,  0, 0, 0, /* IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS */
};

static void arp_set_ignore(struct message *message)
{
    rtmsg_arp_set_ignore(message, 300, 3);
}

static const uint8_t arp_set_ignore_bytes[] = {
    52, 0, 0,  0,   19,   0, 1,  0,   /* RTM_SETLINK; REQUEST */
    0,  0, 0,  0,   0,    0, 0,  0,   /* */
    0,  0, 0,  0,   0x2c, 1, 0,  0,   /* index 300 */
    0,  0, 0,  0,   0,    0, 0,  0,   /* flags, change: neither up nor down */
    20, 0, 26, 128, 16,   0, 2,  128, /* IFLA_AF_SPEC: AF_INET: */
    12, 0, 1,  128, 8,    0, 19, 0,   /* IFLA_INET_CONF: IPV4_DEVCONF_ARP_IGNORE */
    3,  0, 0,  0,                     /* */
};

static const uint8_t route_dump_bytes[] = {
    28, 0, 0, 0, 26, 0, 1, 3,             /* RTM_GETROUTE; REQUEST, DUMP */
    0,  0, 0, 0, 0,  0, 0, 0,             /* */
    2,  0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, /* AF_INET, and of all tables, protocols, types */
};

static const struct {
    const char *name;
    void (*build)(struct message *message);
    const uint8_t *bytes;
    size_t size;
} built[] = {
    {"link_new", link_new, link_new_bytes, sizeof(link_new_bytes)},
    {"link_move", link_move, link_move_bytes, sizeof(link_move_bytes)},
    {"link_move_4", link_move_4, link_move_4_bytes, sizeof(link_move_4_bytes)},
    {"link_get", link_get, link_get_bytes, sizeof(link_get_bytes)},
    {"link_dump", link_dump, link_dump_bytes, sizeof(link_dump_bytes)},
    {"link_delete", link_delete, link_delete_bytes, sizeof(link_delete_bytes)},
    {"link_up", link_up, link_up_bytes, sizeof(link_up_bytes)},
    {"link_set_group", link_set_group, link_set_group_bytes, sizeof(link_set_group_bytes)},
    {"link_get_index", link_get_index, link_get_index_bytes, sizeof(link_get_index_bytes)},
    {"link_set_mtu", link_set_mtu, link_set_mtu_bytes, sizeof(link_set_mtu_bytes)},
    {"path_get", path_get, path_get_bytes, sizeof(path_get_bytes)},
    {"path_get_ipv6", path_get_ipv6, path_get_ipv6_bytes, sizeof(path_get_ipv6_bytes)},
    {"address_new", address_new, address_new_bytes, sizeof(address_new_bytes)},
    {"arp_dump", rtmsg_arp_dump, arp_dump_bytes, sizeof(arp_dump_bytes)},
    {"arp_set_ignore", arp_set_ignore, arp_set_ignore_bytes, sizeof(arp_set_ignore_bytes)},
    {"route_dump", rtmsg_route_dump, route_dump_bytes, sizeof(route_dump_bytes)},
};

TEST(sent_bytes)
{
    for (size_t i = 0; i < COUNT(built); i++) {
        struct message *message = malloc(sizeof(*message));

        memset(message, 0xa5, sizeof(*message));
        built[i].build(message);
        expect(!message->overflowed, "%s overflowed", built[i].name);
        wire_expect(built[i].name, message->bytes, built[i].bytes, built[i].size);
        free(message);
    }
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
        rtmsg_link_dump(message, text);
        expect(message->overflowed == (32 + 8 + 4 + 4 + padded > MESSAGE_SIZE), "kind of %zu",
               length);
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

static void put_kind(struct wire *wire, const char *kind, size_t size)
{
    static const uint8_t data[] = {8, 0, 1, 0, 1, 2, 3, 4};
    size_t info = wire_nest(wire, IFLA_LINKINFO);

    wire_attribute(wire, IFLA_INFO_KIND, kind, size);
    wire_attribute(wire, IFLA_INFO_DATA | 0x8000, data, sizeof(data));
    wire_unnest(wire, info);
}

/* IFLA_AF_SPEC, with IPv6's settings as far as `size` bytes reach: forwarding, hop limit, MTU. */
static void put_families(struct wire *wire, uint32_t mtu6, size_t size)
{
    const uint32_t settings[] = {1, 64, mtu6, 1, 1, 1};
    size_t families = wire_nest(wire, IFLA_AF_SPEC);
    size_t family = wire_nest(wire, AF_INET);

    wire_attribute(wire, 1, settings, sizeof(settings)); /* IFLA_INET_CONF */
    wire_unnest(wire, family);
    family = wire_nest(wire, AF_INET6);
    wire_attribute_u32(wire, IFLA_INET6_FLAGS, 0x80000000);
    wire_attribute(wire, IFLA_INET6_CONF, settings, size);
    wire_unnest(wire, family);
    wire_unnest(wire, families);
}

static void a_link(struct wire *wire)
{
    static const uint8_t stats[64] = {0};
    size_t nest;

    start_link(wire, 42, IFF_UP | IFF_POINTOPOINT | IFF_NOARP);
    wire_attribute_string(wire, IFLA_IFNAME, "wg-8388607-1");
    wire_attribute_u32(wire, IFLA_TXQLEN, 1000);
    wire_attribute(wire, IFLA_OPERSTATE, "\x06", 1);
    wire_attribute_u32(wire, IFLA_MTU, 1420);
    wire_attribute_u32(wire, IFLA_GROUP, 0x6e616821);
    wire_attribute_string(wire, IFLA_IFALIAS, "net-admin-helper: engine, process 7");
    wire_attribute_string(wire, IFLA_QDISC, "noqueue");
    wire_attribute(wire, IFLA_MAP, stats, 24);
    wire_attribute(wire, IFLA_STATS64, stats, sizeof(stats));
    put_kind(wire, "wireguard", 10);
    put_families(wire, 1400, 24);
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

static void check_link(const char *what, const struct wire *wire, const struct rtmsg_link *wanted)
{
    struct nlmsghdr *message = unit_copy(wire->bytes, wire->length);
    struct rtmsg_link link = {.index = -7, .name = "untouched"};
    int result = rtmsg_link_parse(message, &link);

    free(message);
    if (!wanted) {
        expect(result == -EBADMSG, "%s: %d", what, result);
        expect(link.index == -7 && strcmp(link.name, "untouched") == 0, "%s: written", what);
        return;
    }
    expect(result == 0, "%s: %d", what, result);
    expect(link.index == wanted->index, "%s: index %d", what, link.index);
    expect(strcmp(link.name, wanted->name) == 0, "%s: name %s", what, link.name);
    expect(strcmp(link.kind, wanted->kind) == 0, "%s: kind %s", what, link.kind);
    expect(link.group == wanted->group, "%s: group %x", what, link.group);
    expect(link.mtu == wanted->mtu && link.mtu6 == wanted->mtu6, "%s: MTU %u, %u", what, link.mtu,
           link.mtu6);
    expect(link.up == wanted->up, "%s: up %d", what, link.up);
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
        wire_end(&wire);
        check_link("flag", &wire, &(struct rtmsg_link){.index = 42, .name = "x", .up = bit == 0});
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
        wire_end(&wire);
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
        wire_end(&wire);
        if (strings[i].name)
            memcpy(wanted.name, strings[i].name, strlen(strings[i].name) + 1);
        check_link(what, &wire, strings[i].name ? &wanted : NULL);

        /* a kind that makes no sense is none of ours; the link is still one */
        (void)snprintf(what, sizeof(what), "kind %zu", i);
        wanted = (struct rtmsg_link){.index = 3, .name = "x"};
        memcpy(wanted.kind, strings[i].kind, strlen(strings[i].kind) + 1);
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        put_kind(&wire, strings[i].bytes, strings[i].size);
        wire_end(&wire);
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
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        wire_attribute_string(&wire, IFLA_IFALIAS, alias);
        wire_end(&wire);
        check_link("alias", &wire, &wanted);
    }
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct rtmsg_link wanted = {.index = 3, .name = "x"};
        struct wire wire;
        /* What is too long for a name is not for an alias, if it ends as it should. */
        bool good = strings[i].kind[0] || (strings[i].size == 17);

        if (good)
            memcpy(wanted.alias, strings[i].bytes, strings[i].size);
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        wire_attribute(&wire, IFLA_IFALIAS, strings[i].bytes, strings[i].size);
        wire_end(&wire);
        check_link("odd alias", &wire, &wanted);
    }
}

TEST(odd_links)
{
    struct rtmsg_link wanted = {.index = 3, .name = "second", .kind = "two", .group = 2};
    static const char group[5] = {0};
    struct wire wire;

    start_link(&wire, 3, 0);
    wire_end(&wire);
    check_link("no name", &wire, NULL);

    start_link(&wire, 3, 0);
    wire_attribute_string(&wire, IFLA_IFNAME, "first");
    wire_attribute_string(&wire, IFLA_IFNAME, "second");
    put_kind(&wire, "one", 4);
    put_kind(&wire, "two", 4);
    wire_attribute_u32(&wire, IFLA_GROUP, 1);
    wire_attribute_u32(&wire, IFLA_GROUP, 2);
    wire_end(&wire);
    check_link("twice: the last counts", &wire, &wanted);

    for (size_t size = 0; size <= 5; size++) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x"};
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        wire_attribute(&wire, IFLA_GROUP, group, size);
        wire_end(&wire);
        check_link("group of another size", &wire, size == 4 ? &wanted : NULL);
    }
    for (uint16_t flag = 0x4000; flag != 0; flag = (uint16_t)(flag * 2)) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x", .group = 5};
        start_link(&wire, 3, 0);
        wire_attribute(&wire, IFLA_IFNAME | flag, "x", 2);
        wire_attribute_u32(&wire, IFLA_GROUP | flag, 5);
        wire_end(&wire);
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
        wire_end(&wire);
        check_link("bytes left over", &wire, NULL);
    }
    for (uint16_t length = 0; length < 4; length++) {
        a_link(&wire);
        wire_u16(&wire, length);
        wire_u16(&wire, 77);
        wire_end(&wire);
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
            .index = 3, .name = "x", .mtu = values[i], .mtu6 = values[COUNT(values) - 1 - i]};
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        wire_attribute_u32(&wire, IFLA_MTU, wanted.mtu);
        put_families(&wire, wanted.mtu6, 24);
        wire_end(&wire);
        check_link("MTU", &wire, &wanted);
    }
    for (size_t size = 0; size <= 8; size++) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x", .mtu = 1};
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        wire_attribute(&wire, IFLA_MTU, bytes, size);
        wire_end(&wire);
        check_link("MTU of another size", &wire, size == 4 ? &wanted : NULL);
    }
    /* the settings may be fewer: then it isn't told */
    for (size_t size = 0; size <= 24; size++) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x", .mtu6 = size >= 12 ? 1400 : 0};
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        put_families(&wire, 1400, size);
        wire_end(&wire);
        check_link("fewer settings", &wire, &wanted);
    }
    for (size_t size = 0; size <= 8; size++) {
        wanted = (struct rtmsg_link){.index = 3, .name = "x"};
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        wire_attribute(&wire, IFLA_AF_SPEC, bytes, size);
        wire_end(&wire);
        check_link("families that are none", &wire, size == 0 ? &wanted : NULL);
        start_link(&wire, 3, 0);
        wire_attribute_string(&wire, IFLA_IFNAME, "x");
        families = wire_nest(&wire, IFLA_AF_SPEC);
        wire_attribute(&wire, AF_INET6, bytes, size);
        wire_unnest(&wire, families);
        wire_end(&wire);
        check_link("settings that are none", &wire, size == 0 ? &wanted : NULL);
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

static void check_route(const char *what, const struct wire *wire, const struct rtmsg_route *wanted)
{
    struct nlmsghdr *message = unit_copy(wire->bytes, wire->length);
    struct rtmsg_route route = {.destination = 0xdeadbeef, .device = -7};
    int result = rtmsg_route_parse(message, &route);

    free(message);
    if (!wanted) {
        expect(result == -EBADMSG, "%s: %d", what, result);
        expect(route.destination == 0xdeadbeef && route.device == -7, "%s: written", what);
        return;
    }
    expect(result == 0, "%s: %d", what, result);
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
    wire_end(&wire);
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
        wire_end(&wire);
        check_route("prefix length", &wire, length <= 32 ? &wanted : NULL);
    }
    for (unsigned int family = 0; family < 256; family++) {
        wanted = (struct rtmsg_route){.type = RTN_LOCAL};
        start_route(&wire, (uint8_t)family, 0, RTN_LOCAL);
        wire_end(&wire);
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
            wire_end(&wire);
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

static void check_path(const char *what, const struct wire *wire, const struct rtmsg_path *wanted)
{
    struct nlmsghdr *message = unit_copy(wire->bytes, wire->length);
    struct rtmsg_path path = {.device = -7, .mtu = 0xdeadbeef};
    int result = rtmsg_path_parse(message, &path);

    free(message);
    if (!wanted) {
        expect(result == -EBADMSG, "%s: %d", what, result);
        expect(path.device == -7 && path.mtu == 0xdeadbeef, "%s: written", what);
        return;
    }
    expect(result == 0, "%s: %d", what, result);
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
        wire_end(&wire);
        check_path("MTU", &wire, &wanted);
    }
    wanted = (struct rtmsg_path){1, RTN_LOCAL, 0};
    for (size_t size = 0; size <= 8; size++) {
        start_route(&wire, AF_INET, 32, RTN_LOCAL);
        wire_attribute(&wire, RTA_OIF, bytes, size);
        wire_end(&wire);
        check_path("device of another size", &wire, size == 4 ? &wanted : NULL);

        start_route(&wire, AF_INET, 32, RTN_LOCAL);
        wire_attribute_u32(&wire, RTA_OIF, 1);
        metrics = wire_nest(&wire, RTA_METRICS);
        wire_attribute(&wire, RTAX_MTU, bytes, size);
        wire_unnest(&wire, metrics);
        wire_end(&wire);
        wanted.mtu = 1;
        check_path("MTU of another size", &wire, size == 4 ? &wanted : NULL);
        wanted.mtu = 0;

        start_route(&wire, AF_INET, 32, RTN_LOCAL);
        wire_attribute_u32(&wire, RTA_OIF, 1);
        wire_attribute(&wire, RTA_METRICS, bytes, size);
        wire_end(&wire);
        check_path("metrics that are none", &wire, size == 0 ? &wanted : NULL);
    }
    start_route(&wire, AF_INET, 32, RTN_UNICAST);
    wire_end(&wire);
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
        wire_end(&wire);
        check_path("bytes left over", &wire, NULL);
    }
}

TEST(hostile_paths)
{
    struct wire wire;

    a_path(&wire);
    wire_cut(&path_reader, &wire);
    wire_lie(&path_reader, &wire);
    wire_mutate(&path_reader, &wire, 100000);
}

TEST(hostile_links)
{
    struct wire wire;

    a_link(&wire);
    wire_cut(&link_reader, &wire);
    wire_lie(&link_reader, &wire);
    wire_mutate(&link_reader, &wire, 200000);
}

TEST(hostile_routes)
{
    struct wire wire;

    a_route(&wire);
    wire_cut(&route_reader, &wire);
    wire_lie(&route_reader, &wire);
    wire_mutate(&route_reader, &wire, 100000);
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
    wire_cut(&link_reader, &wire);
    wire_mutate(&link_reader, &wire, 2000);
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

/* Counters. */

static void counters_get(struct message *message)
{
    rtmsg_counters_get(message, 0x40000001);
}

static const uint8_t counters_get_bytes[] = {
    32,   0, 0, 0,    RTM_GETLINK, 0, 1, 0,             /* REQUEST */
    0,    0, 0, 0,    0,           0, 0, 0, 0, 0, 0, 0, /* the family, the type */
    0x01, 0, 0, 0x40,                                   /* the index */
    0,    0, 0, 0,    0,           0, 0, 0,             /* no mask: with statistics */
};

static void counters_dump(struct message *message)
{
    rtmsg_counters_dump(message, "tun");
}

static const uint8_t counters_dump_bytes[] = {
    44,  0,   0,   0, RTM_GETLINK, 0, 1, 3, /* REQUEST, DUMP */
    0,   0,   0,   0, 0,           0, 0, 0, 0, 0, 0,  0, 0,  0,
    0,   0,   0,   0, 0,           0, 0, 0, 0, 0, 12, 0, 18, 128, /* IFLA_LINKINFO */
    8,   0,   1,   0,                                             /* IFLA_INFO_KIND */
    't', 'u', 'n', 0,
};

TEST(counters_sent)
{
    struct message message;

    counters_get(&message);
    wire_expect("counters_get", message.bytes, counters_get_bytes, sizeof(counters_get_bytes));
    counters_dump(&message);
    wire_expect("counters_dump", message.bytes, counters_dump_bytes, sizeof(counters_dump_bytes));
}

enum {
    LOWER_UP = 1 << 16, /* IFF_LOWER_UP of <linux/if.h>, which <net/if.h> hasn't got */
};

static void a_counted_link(struct wire *wire, uint32_t flags, size_t size)
{
    /* rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors ...; the 14th is rx_frame_errors */
    static const uint64_t stats[32] = {11, UINT64_MAX, 33,        UINT64_C(1) << 40, 55,
                                       66, [12] = 77,  [13] = 88, [14] = 99};

    wire_start(wire, RTM_NEWLINK, 0);
    wire_u32(wire, 0);
    wire_u32(wire, 3);
    wire_u32(wire, flags);
    wire_u32(wire, 0);
    wire_attribute_string(wire, IFLA_IFNAME, "x");
    wire_attribute(wire, IFLA_STATS64, stats, size);
    wire_end(wire);
}

static int parse_counters(const struct nlmsghdr *message, void *ret)
{
    return rtmsg_counters_parse(message, ret);
}

static void sane_counters(const char *what, const void *ret)
{
    (void)what;
    (void)ret; /* any number may be */
}

static const struct reader counters_reader = {"counters", parse_counters,
                                              sizeof(struct rtmsg_counters), sane_counters};

TEST(counters)
{
    for (size_t size = 0; size <= 256; size += 4) {
        struct rtmsg_counters counted = {.sent_bytes = 7};
        struct wire wire;
        int result;

        a_counted_link(&wire, size % 8 ? IFF_UP : IFF_UP | LOWER_UP, size);
        result = parse_counters((const void *)wire.bytes, &counted);
        expect(result == (size >= 112 ? 0 : -EBADMSG), "%zu bytes: %d", size, result);
        if (result) {
            expect(counted.sent_bytes == 7, "%zu bytes: written", size);
            continue;
        }
        expect(counted.carrier == !(size % 8), "%zu bytes: carrier", size);
        expect(counted.received_packets == 11 && counted.sent_packets == UINT64_MAX &&
                   counted.received_bytes == 33 && counted.sent_bytes == UINT64_C(1) << 40 &&
                   counted.frame_errors == 88,
               "%zu bytes: counters", size);
    }
}

TEST(hostile_counters)
{
    struct wire wire;

    a_counted_link(&wire, LOWER_UP, 200);
    wire_cut(&counters_reader, &wire);
    wire_lie(&counters_reader, &wire);
    wire_mutate(&counters_reader, &wire, 50000);
}

/* How a device answers ARP: flags, and the 19th of IPv4's settings. */

static void an_arp(struct wire *wire, uint32_t flags, size_t settings_size)
{
    uint32_t settings[33] = {0};
    size_t families;
    size_t family;

    for (uint32_t i = 0; i < COUNT(settings); i++)
        settings[i] = 100 + i;
    start_link(wire, 9, flags);
    wire_attribute_string(wire, IFLA_IFNAME, "eth0");
    families = wire_nest(wire, IFLA_AF_SPEC);
    family = wire_nest(wire, AF_INET);
    wire_attribute(wire, 1, settings, settings_size); /* IFLA_INET_CONF */
    wire_unnest(wire, family);
    family = wire_nest(wire, AF_INET6);
    wire_attribute_u32(wire, IFLA_INET6_FLAGS, 0x80000000);
    wire_unnest(wire, family);
    wire_unnest(wire, families);
    wire_end(wire);
}

static int parse_arp(const struct nlmsghdr *message, void *ret)
{
    return rtmsg_arp_parse(message, ret);
}

static void sane_arp(const char *what, const void *ret)
{
    const struct rtmsg_arp *arp = ret;

    expect(arp->index > 0, "%s: index %d", what, arp->index);
}

static const struct reader arp_reader = {"arp", parse_arp, sizeof(struct rtmsg_arp), sane_arp};

static void check_arp(const char *what, const struct wire *wire, const struct rtmsg_arp *wanted)
{
    struct nlmsghdr *message = unit_copy(wire->bytes, wire->length);
    struct rtmsg_arp arp = {.index = -7};
    int result = rtmsg_arp_parse(message, &arp);

    free(message);
    expect(result == (wanted ? 0 : -EBADMSG), "%s: %d", what, result);
    if (!wanted) {
        expect(arp.index == -7, "%s: written", what);
        return;
    }
    expect(arp.index == wanted->index && arp.loopback == wanted->loopback &&
               arp.point_to_point == wanted->point_to_point && arp.answers == wanted->answers &&
               arp.ignore == wanted->ignore,
           "%s: index %d, loopback %d, point to point %d, answers %d, ignore %u", what, arp.index,
           arp.loopback, arp.point_to_point, arp.answers, arp.ignore);
}

TEST(arps)
{
    enum {
        ARP_IGNORE = 118, /* by an_arp() */
    };
    static const struct {
        uint32_t flags;
        struct rtmsg_arp wanted;
    } kinds[] = {
        {IFF_UP | IFF_BROADCAST, {9, false, false, true, ARP_IGNORE}},
        {IFF_BROADCAST, {9, false, false, true, ARP_IGNORE}},
        {IFF_UP | IFF_LOOPBACK, {9, true, false, false, ARP_IGNORE}},
        {IFF_UP | IFF_NOARP | IFF_BROADCAST, {9, false, false, false, ARP_IGNORE}},
        {IFF_UP | IFF_NOARP | IFF_POINTOPOINT, {9, false, true, false, ARP_IGNORE}},
        {IFF_UP | IFF_POINTOPOINT, {9, false, true, true, ARP_IGNORE}},
    };
    const struct rtmsg_arp without_ipv4 = {.index = 9};
    struct wire wire;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        an_arp(&wire, kinds[i].flags, 33 * sizeof(uint32_t));
        check_arp("a device", &wire, &kinds[i].wanted);
    }
    for (size_t size = 0; size <= 33 * sizeof(uint32_t); size += 4) {
        an_arp(&wire, IFF_UP, size);
        check_arp("settings of another size", &wire,
                  size >= 19 * sizeof(uint32_t) ? &kinds[0].wanted : NULL);
    }
    start_link(&wire, 9, IFF_UP);
    wire_end(&wire);
    check_arp("no families", &wire, &without_ipv4);
    for (int32_t index = -1; index <= 0; index++) {
        start_link(&wire, index, IFF_UP);
        wire_end(&wire);
        check_arp("no index", &wire, NULL);
    }
    an_arp(&wire, IFF_UP, 33 * sizeof(uint32_t));
    wire.bytes[4] = RTM_DELLINK;
    check_arp("message type", &wire, NULL);
}

TEST(hostile_arps)
{
    struct wire wire;

    an_arp(&wire, IFF_UP, 33 * sizeof(uint32_t));
    wire_cut(&arp_reader, &wire);
    wire_lie(&arp_reader, &wire);
    wire_mutate(&arp_reader, &wire, 50000);
}

#include "helper/backend/kernel/wgmsg.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "wire.h"

enum {
    FAMILY = 0x1f,
};

/* Keys whose bytes tell their places. */
#define KEY_FROM(n)                                                                                \
    n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, n + 10, n + 11, n + 12,      \
        n + 13, n + 14, n + 15, n + 16, n + 17, n + 18, n + 19, n + 20, n + 21, n + 22, n + 23,    \
        n + 24, n + 25, n + 26, n + 27, n + 28, n + 29, n + 30, n + 31

static const struct key one = {{KEY_FROM(1)}};
static const struct key two = {{KEY_FROM(101)}};
static const struct peer peer = {
    .public_key = {{KEY_FROM(1)}},
    .endpoint = {.address = 0xc0000201, .port = 51820},
    .allowed_address = 0x0affffff,
    .keepalive = PEER_KEEPALIVE_KEPT,
};

/* What is sent: the bytes, as include/uapi/linux/wireguard.h has them. */

static const uint8_t family_get_bytes[] = {
    36,  0,   0,   0, 0x10, 0,   1,   0,             /* GENL_ID_CTRL; REQUEST */
    0,   0,   0,   0, 0,    0,   0,   0,             /* sequence, port */
    3,   1,   0,   0,                                /* CTRL_CMD_GETFAMILY, version 1 */
    14,  0,   2,   0, 'w',  'i', 'r', 'e', 'g', 'u', /* CTRL_ATTR_FAMILY_NAME */
    'a', 'r', 'd', 0, 0,    0,
};

static void set_key(struct message *message)
{
    wgmsg_set_key(message, FAMILY, 5, &one, 51820);
}

static const uint8_t set_key_bytes[] = {
    72, 0, 0, 0, FAMILY,      0,    1, 0, /* REQUEST */
    0,  0, 0, 0, 0,           0,    0, 0, /* */
    1,  1, 0, 0,                          /* WG_CMD_SET_DEVICE, version 1 */
    8,  0, 1, 0, 5,           0,    0, 0, /* WGDEVICE_A_IFINDEX */
    36, 0, 3, 0, KEY_FROM(1),             /* WGDEVICE_A_PRIVATE_KEY */
    6,  0, 6, 0, 0x6c,        0xca, 0, 0, /* WGDEVICE_A_LISTEN_PORT, in the machine's byte order */
};

static void set_port(struct message *message)
{
    wgmsg_set_port(message, FAMILY, 5, 51820);
}

static const uint8_t set_port_bytes[] = {
    36, 0, 0, 0, FAMILY, 0,    1, 0, /* REQUEST */
    0,  0, 0, 0, 0,      0,    0, 0, /* */
    1,  1, 0, 0,                     /* WG_CMD_SET_DEVICE, version 1 */
    8,  0, 1, 0, 5,      0,    0, 0, /* WGDEVICE_A_IFINDEX */
    6,  0, 6, 0, 0x6c,   0xca, 0, 0, /* WGDEVICE_A_LISTEN_PORT */
};

/* A peer, as it is in two messages. */
#define PEER_BYTES                                                                                 \
    104, 0, 8, 128,                            /* WGDEVICE_A_PEERS */                              \
        100, 0, 0, 128,                        /* the first of the list */                         \
        36, 0, 1, 0, KEY_FROM(1),              /* WGPEER_A_PUBLIC_KEY */                           \
        8, 0, 3, 0, 2, 0, 0, 0,                /* WGPEER_A_FLAGS: REPLACE_ALLOWEDIPS */            \
        20, 0, 4, 0, 2, 0, 0xca, 0x6c,         /* WGPEER_A_ENDPOINT: AF_INET, port */              \
        0xc0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, /* address: both in network byte order */           \
        32, 0, 9, 128,                         /* WGPEER_A_ALLOWEDIPS */                           \
        28, 0, 0, 128,                         /* the first of the list */                         \
        6, 0, 1, 0, 2, 0, 0, 0,                /* WGALLOWEDIP_A_FAMILY: AF_INET */                 \
        8, 0, 2, 0, 10, 0xff, 0xff, 0xff,      /* WGALLOWEDIP_A_IPADDR */                          \
        5, 0, 3, 0, 32, 0, 0, 0                /* WGALLOWEDIP_A_CIDR_MASK */

static void set_peer(struct message *message)
{
    wgmsg_set_peer(message, FAMILY, 0x10203, &peer, false);
}

static const uint8_t set_peer_bytes[] = {
    132,        0, 0, 0, FAMILY, 0, 1, 0, /* REQUEST */
    0,          0, 0, 0, 0,      0, 0, 0, /* */
    1,          1, 0, 0,                  /* WG_CMD_SET_DEVICE */
    8,          0, 1, 0, 3,      2, 1, 0, /* WGDEVICE_A_IFINDEX */
    PEER_BYTES,
};

static void replace_peer(struct message *message)
{
    wgmsg_set_peer(message, FAMILY, 0x10203, &peer, true);
}

static const uint8_t replace_peer_bytes[] = {
    140,        0, 0, 0, FAMILY, 0, 1, 0, /* REQUEST */
    0,          0, 0, 0, 0,      0, 0, 0, /* */
    1,          1, 0, 0,                  /* WG_CMD_SET_DEVICE */
    8,          0, 1, 0, 3,      2, 1, 0, /* WGDEVICE_A_IFINDEX */
    8,          0, 5, 0, 1,      0, 0, 0, /* WGDEVICE_A_FLAGS: REPLACE_PEERS */
    PEER_BYTES,
};

/* A preshared key, and neither endpoint nor keepalive. */
static void set_preshared_key(struct message *message)
{
    struct peer changed = peer;

    changed.preshared_key = &two;
    changed.endpoint = (struct endpoint){.port = 0};
    wgmsg_set_peer(message, FAMILY, 0x10203, &changed, false);
}

static const uint8_t set_preshared_key_bytes[] = {
    148,  0,    0,    0,   FAMILY,
    0,    1,    0, /* REQUEST */
    0,    0,    0,    0,   0,
    0,    0,    0,       /* */
    1,    1,    0,    0, /* WG_CMD_SET_DEVICE */
    8,    0,    1,    0,   3,
    2,    1,    0,                      /* WGDEVICE_A_IFINDEX */
    120,  0,    8,    128,              /* WGDEVICE_A_PEERS */
    116,  0,    0,    128,              /* the first of the list */
    36,   0,    1,    0,   KEY_FROM(1), /* WGPEER_A_PUBLIC_KEY */
    8,    0,    3,    0,   2,
    0,    0,    0,                        /* WGPEER_A_FLAGS */
    36,   0,    2,    0,   KEY_FROM(101), /* WGPEER_A_PRESHARED_KEY */
    32,   0,    9,    128,                /* WGPEER_A_ALLOWEDIPS */
    28,   0,    0,    128,                /* */
    6,    0,    1,    0,   2,
    0,    0,    0, /* AF_INET */
    8,    0,    2,    0,   10,
    0xff, 0xff, 0xff, /* */
    5,    0,    3,    0,   32,
    0,    0,    0, /* */
};

/* All that there can be: the longest message. */
static void set_all(struct message *message)
{
    struct peer changed = peer;

    changed.preshared_key = &two;
    changed.endpoint = (struct endpoint){
        .ipv6 = true, .address6 = {0x20, 1, 0x0d, 0xb8, [14] = 7, [15] = 1}, .port = 51820};
    changed.keepalive = 25;
    wgmsg_set_peer(message, FAMILY, 0x10203, &changed, true);
}

static const uint8_t set_all_bytes[] = {
    196,  0,    0,    0,   FAMILY,
    0,    1,    0, /* REQUEST */
    0,    0,    0,    0,   0,
    0,    0,    0,       /* */
    1,    1,    0,    0, /* WG_CMD_SET_DEVICE */
    8,    0,    1,    0,   3,
    2,    1,    0, /* WGDEVICE_A_IFINDEX */
    8,    0,    5,    0,   1,
    0,    0,    0,                      /* WGDEVICE_A_FLAGS: REPLACE_PEERS */
    160,  0,    8,    128,              /* WGDEVICE_A_PEERS */
    156,  0,    0,    128,              /* the first of the list */
    36,   0,    1,    0,   KEY_FROM(1), /* WGPEER_A_PUBLIC_KEY */
    8,    0,    3,    0,   2,
    0,    0,    0,                        /* WGPEER_A_FLAGS */
    36,   0,    2,    0,   KEY_FROM(101), /* WGPEER_A_PRESHARED_KEY */
    32,   0,    4,    0,   10,
    0,    0xca, 0x6c, /* WGPEER_A_ENDPOINT: AF_INET6, port */
    0,    0,    0,    0,   0x20,
    1,    0x0d, 0xb8, /* flow information; address */
    0,    0,    0,    0,   0,
    0,    0,    0, /* */
    0,    0,    7,    1,   0,
    0,    0,    0, /* scope */
    6,    0,    5,    0,   25,
    0,    0,    0,         /* WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL */
    32,   0,    9,    128, /* WGPEER_A_ALLOWEDIPS */
    28,   0,    0,    128, /* */
    6,    0,    1,    0,   2,
    0,    0,    0, /* AF_INET */
    8,    0,    2,    0,   10,
    0xff, 0xff, 0xff, /* */
    5,    0,    3,    0,   32,
    0,    0,    0, /* */
};

static void keepalive_off(struct message *message)
{
    struct peer changed = peer;

    changed.endpoint = (struct endpoint){.port = 0};
    changed.keepalive = 0;
    wgmsg_set_peer(message, FAMILY, 0x10203, &changed, false);
}

static const uint8_t keepalive_off_bytes[] = {
    120, 0, 0, 0,   FAMILY,      0,    1,    0,    /* REQUEST */
    0,   0, 0, 0,   0,           0,    0,    0,    /* */
    1,   1, 0, 0,                                  /* WG_CMD_SET_DEVICE */
    8,   0, 1, 0,   3,           2,    1,    0,    /* WGDEVICE_A_IFINDEX */
    92,  0, 8, 128,                                /* WGDEVICE_A_PEERS */
    88,  0, 0, 128,                                /* the first of the list */
    36,  0, 1, 0,   KEY_FROM(1),                   /* WGPEER_A_PUBLIC_KEY */
    8,   0, 3, 0,   2,           0,    0,    0,    /* WGPEER_A_FLAGS */
    6,   0, 5, 0,   0,           0,    0,    0,    /* WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL */
    32,  0, 9, 128,                                /* WGPEER_A_ALLOWEDIPS */
    28,  0, 0, 128,                                /* */
    6,   0, 1, 0,   2,           0,    0,    0,    /* AF_INET */
    8,   0, 2, 0,   10,          0xff, 0xff, 0xff, /* */
    5,   0, 3, 0,   32,          0,    0,    0,    /* */
};

static void device_get(struct message *message)
{
    wgmsg_device_get(message, 0xfedc, 1);
}

static const uint8_t device_get_bytes[] = {
    28, 0, 0, 0, 0xdc, 0xfe, 1, 3, /* REQUEST, DUMP */
    0,  0, 0, 0, 0,    0,    0, 0, /* */
    0,  1, 0, 0,                   /* WG_CMD_GET_DEVICE */
    8,  0, 1, 0, 1,    0,    0, 0, /* WGDEVICE_A_IFINDEX */
};

static const struct {
    const char *name;
    void (*build)(struct message *message);
    const uint8_t *bytes;
    size_t size;
} built[] = {
    {"family_get", wgmsg_family_get, family_get_bytes, sizeof(family_get_bytes)},
    {"set_key", set_key, set_key_bytes, sizeof(set_key_bytes)},
    {"set_port", set_port, set_port_bytes, sizeof(set_port_bytes)},
    {"set_peer", set_peer, set_peer_bytes, sizeof(set_peer_bytes)},
    {"replace_peer", replace_peer, replace_peer_bytes, sizeof(replace_peer_bytes)},
    {"set_preshared_key", set_preshared_key, set_preshared_key_bytes,
     sizeof(set_preshared_key_bytes)},
    {"set_all", set_all, set_all_bytes, sizeof(set_all_bytes)},
    {"keepalive_off", keepalive_off, keepalive_off_bytes, sizeof(keepalive_off_bytes)},
    {"device_get", device_get, device_get_bytes, sizeof(device_get_bytes)},
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

/* Each port and address comes out where it belongs, whatever it is. */
TEST(sent_values)
{
    for (unsigned int i = 0; i < 20000; i++) {
        struct message message;
        struct peer random = peer;
        uint8_t bytes[sizeof(set_peer_bytes)];

        memset(&message, 0, sizeof(message));
        random.endpoint.address = (uint32_t)unit_random();
        random.endpoint.port = (uint16_t)unit_random();
        random.allowed_address = (uint32_t)unit_random();
        memcpy(bytes, set_peer_bytes, sizeof(bytes));
        bytes[86] = (uint8_t)(random.endpoint.port >> 8);
        bytes[87] = (uint8_t)random.endpoint.port;
        for (unsigned int byte = 0; byte < 4; byte++) {
            bytes[88 + byte] = (uint8_t)(random.endpoint.address >> (24 - 8 * byte));
            bytes[120 + byte] = (uint8_t)(random.allowed_address >> (24 - 8 * byte));
        }
        wgmsg_set_peer(&message, FAMILY, 0x10203, &random, false);
        if (memcmp(message.bytes, bytes, sizeof(bytes)) != 0)
            wire_expect("random peer", message.bytes, bytes, sizeof(bytes));
        unit_count(1);
    }
}

/* What is received: the family. */

static void a_family(struct wire *wire, const uint8_t *id, size_t size)
{
    size_t nest;
    size_t entry;

    wire_start(wire, GENL_ID_CTRL, 0);
    wire_u8(wire, CTRL_CMD_NEWFAMILY);
    wire_u8(wire, 2);
    wire_u16(wire, 0);
    wire_attribute_string(wire, CTRL_ATTR_FAMILY_NAME, "wireguard");
    if (id)
        wire_attribute(wire, CTRL_ATTR_FAMILY_ID, id, size);
    wire_attribute_u32(wire, CTRL_ATTR_VERSION, 1);
    wire_attribute_u32(wire, CTRL_ATTR_HDRSIZE, 0);
    wire_attribute_u32(wire, CTRL_ATTR_MAXATTR, 8);
    nest = wire_nest(wire, CTRL_ATTR_OPS);
    for (uint16_t i = 1; i <= 2; i++) {
        entry = wire_nest(wire, i);
        wire_attribute_u32(wire, CTRL_ATTR_OP_ID, i - 1);
        wire_attribute_u32(wire, CTRL_ATTR_OP_FLAGS, 0x1a);
        wire_unnest(wire, entry);
    }
    wire_unnest(wire, nest);
    wire_end(wire);
}

static int parse_family(const struct nlmsghdr *message, void *ret)
{
    return wgmsg_family_parse(message, ret);
}

static void sane_family(const char *what, const void *ret)
{
    const uint16_t *family = ret;

    expect(*family >= 0x10, "%s: family %u", what, *family);
}

static const struct reader family_reader = {"family", parse_family, sizeof(uint16_t), sane_family};

static void check_family(const char *what, const struct wire *wire, int wanted)
{
    struct nlmsghdr *message = unit_copy(wire->bytes, wire->length);
    uint16_t family = 7;
    int result = wgmsg_family_parse(message, &family);

    free(message);
    expect(result == (wanted < 0 ? -EBADMSG : 0), "%s: %d", what, result);
    expect(family == (wanted < 0 ? 7 : wanted), "%s: %u", what, family);
}

TEST(families)
{
    struct wire wire;

    for (int id = 0; id < 65536; id++) {
        uint8_t bytes[] = {(uint8_t)(id & 255), (uint8_t)(id >> 8)};

        if (id > 300 && id % 255 != 0)
            continue;
        a_family(&wire, bytes, sizeof(bytes));
        check_family("id", &wire, id < 0x10 ? -1 : id);
    }
    for (size_t size = 0; size <= 8; size++) {
        static const uint8_t bytes[8] = {0x20};

        a_family(&wire, bytes, size);
        check_family("id of another size", &wire, size == 2 ? 0x20 : -1);
    }
    a_family(&wire, NULL, 0);
    check_family("no id", &wire, -1);
    for (int type = 0; type < 256; type++) {
        a_family(&wire, (const uint8_t *)" ", 2);
        wire.bytes[4] = (uint8_t)type;
        check_family("message type", &wire, type == 0x10 ? 0x20 : -1);
    }
    wire_start(&wire, GENL_ID_CTRL, 0);
    wire_u32(&wire, CTRL_CMD_NEWFAMILY);
    wire_attribute_u16(&wire, CTRL_ATTR_FAMILY_ID, 0x21);
    wire_attribute_u16(&wire, CTRL_ATTR_FAMILY_ID, 0x22);
    wire_end(&wire);
    check_family("twice: the last counts", &wire, 0x22);
}

/* A device, as wg_get_device_dump() sends it. */

static void start_device(struct wire *wire)
{
    wire_start(wire, FAMILY, 2);
    wire_u8(wire, WG_CMD_GET_DEVICE);
    wire_u8(wire, WG_GENL_VERSION);
    wire_u16(wire, 0);
}

static void put_own(struct wire *wire, const struct key *public_key)
{
    static const uint8_t private_key[32] = {0x77};

    wire_attribute_u16(wire, WGDEVICE_A_LISTEN_PORT, 51820);
    wire_attribute_u32(wire, WGDEVICE_A_FWMARK, 0);
    wire_attribute_u32(wire, WGDEVICE_A_IFINDEX, 5);
    wire_attribute_string(wire, WGDEVICE_A_IFNAME, "wg-5-1");
    wire_attribute(wire, WGDEVICE_A_PRIVATE_KEY, private_key, sizeof(private_key));
    wire_attribute(wire, WGDEVICE_A_PUBLIC_KEY, public_key->bytes, KEY_SIZE);
}

static const uint8_t endpoint4[16] = {2, 0, 0xca, 0x6c, 192, 0, 2, 1};

static void put_peer(struct wire *wire, const struct key *key)
{
    static const uint8_t zeros[32] = {0};
    size_t entry = wire_nest(wire, 0);
    size_t list;
    size_t address;

    wire_attribute(wire, WGPEER_A_PUBLIC_KEY, key->bytes, KEY_SIZE);
    wire_attribute(wire, WGPEER_A_PRESHARED_KEY, zeros, 32);
    wire_attribute(wire, WGPEER_A_LAST_HANDSHAKE_TIME, zeros, 16);
    wire_attribute(wire, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, zeros, 2);
    wire_attribute(wire, WGPEER_A_ENDPOINT, endpoint4, sizeof(endpoint4));
    list = wire_nest(wire, WGPEER_A_ALLOWEDIPS);
    address = wire_nest(wire, 0);
    wire_attribute_u16(wire, WGALLOWEDIP_A_FAMILY, 2);
    wire_attribute(wire, WGALLOWEDIP_A_IPADDR, zeros, 4);
    wire_attribute(wire, WGALLOWEDIP_A_CIDR_MASK, "\x20", 1);
    wire_unnest(wire, address);
    wire_unnest(wire, list);
    wire_unnest(wire, entry);
}

static void a_device(struct wire *wire, unsigned int peers)
{
    size_t list;

    start_device(wire);
    put_own(wire, &one);
    list = wire_nest(wire, WGDEVICE_A_PEERS);
    for (unsigned int i = 0; i < peers; i++)
        put_peer(wire, i == 0 ? &two : &(struct key){{(uint8_t)i}});
    wire_unnest(wire, list);
    wire_end(wire);
}

static int parse_device(const struct nlmsghdr *message, void *ret)
{
    return wgmsg_status_parse(message, FAMILY, ret);
}

static void sane_device(const char *what, const void *ret)
{
    const struct wgmsg_reading *device = ret;

    expect(device->status.peers < 100, "%s: %u peers", what, device->status.peers);
    expect(device->status.has_key || key_is_zero(&device->status.public_key), "%s: key", what);
    expect(device->status.peers > 0 || key_is_zero(&device->status.peer_key), "%s: peer", what);
}

static const struct reader device_reader = {"device", parse_device, sizeof(struct wgmsg_reading),
                                            sane_device};

/* Reads a message into *device; `good` is whether it is to be taken, or nothing is to change. */
static void read_device(const char *what, const struct wire *wire, struct wgmsg_reading *device,
                        bool good)
{
    struct nlmsghdr *message = unit_copy(wire->bytes, wire->length);
    struct wgmsg_reading before;
    int result;

    memcpy(&before, device, sizeof(before));
    result = wgmsg_status_parse(message, FAMILY, device);
    free(message);
    expect(result == (good ? 0 : -EBADMSG), "%s: %d", what, result);
    if (result)
        expect(memcmp(&before, device, sizeof(before)) == 0, "%s: written", what);
}

TEST(devices)
{
    for (unsigned int peers = 0; peers <= 5; peers++) {
        struct wgmsg_reading device = {0};
        struct wire wire;

        a_device(&wire, peers);
        read_device("a device", &wire, &device, true);
        expect(device.status.has_key && key_equal(&device.status.public_key, &one), "%u peers: key",
               peers);
        expect(device.status.peers == peers, "%u peers: %u", peers, device.status.peers);
        expect(peers == 0 ? key_is_zero(&device.status.peer_key)
                          : key_equal(&device.status.peer_key, &two),
               "%u peers: the first one's key", peers);
    }
}

/* A list in several messages: only the first has the device's own key, all add to the peers. */
TEST(several_messages)
{
    struct wgmsg_reading device = {0};
    struct wire wire;

    a_device(&wire, 1);
    read_device("the first", &wire, &device, true);
    for (unsigned int i = 0; i < 3; i++) {
        size_t list;

        start_device(&wire);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        put_peer(&wire, &(struct key){{(uint8_t)(2 * i + 1)}});
        put_peer(&wire, &(struct key){{(uint8_t)(2 * i + 2)}});
        wire_unnest(&wire, list);
        wire_end(&wire);
        read_device("another", &wire, &device, true);
        expect(device.status.has_key && key_equal(&device.status.public_key, &one), "%u: key", i);
        expect(device.status.peers == 3 + 2 * i && key_equal(&device.status.peer_key, &two),
               "%u: peers", i);
    }
    a_device(&wire, 3);
    wire.bytes[4]++;
    read_device("of another family", &wire, &device, false);
    start_device(&wire);
    wire_end(&wire);
    read_device("with nothing", &wire, &device, true);
    expect(device.status.peers == 7, "%u peers", device.status.peers);
}

/* Keys of other sizes, of the device and of a peer; and what stands for no peer. */
TEST(odd_devices)
{
    static const uint8_t bytes[64] = {1};
    struct wgmsg_reading device = {0};
    struct wire wire;
    size_t list;
    size_t entry;

    for (size_t size = 0; size <= 64; size++) {
        device = (struct wgmsg_reading){0};
        start_device(&wire);
        wire_attribute(&wire, WGDEVICE_A_PUBLIC_KEY, bytes, size);
        wire_end(&wire);
        read_device("key of another size", &wire, &device, size == 32);

        device = (struct wgmsg_reading){.status = {.peers = 1, .peer_key = one}};
        start_device(&wire);
        wire_attribute(&wire, WGDEVICE_A_PUBLIC_KEY, two.bytes, KEY_SIZE);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        put_peer(&wire, &two);
        entry = wire_nest(&wire, 0);
        wire_attribute(&wire, WGPEER_A_PUBLIC_KEY, bytes, size);
        wire_unnest(&wire, entry);
        wire_unnest(&wire, list);
        wire_end(&wire);
        read_device("peer's key of another size", &wire, &device, size == 32);
    }
    device = (struct wgmsg_reading){0};
    start_device(&wire);
    list = wire_nest(&wire, WGDEVICE_A_PEERS);
    entry = wire_nest(&wire, 0);
    wire_attribute_u16(&wire, WGPEER_A_FLAGS, 1);
    wire_unnest(&wire, entry);
    wire_unnest(&wire, list);
    wire_end(&wire);
    read_device("a peer without a key", &wire, &device, false);

    start_device(&wire);
    wire_attribute(&wire, WGDEVICE_A_PUBLIC_KEY, one.bytes, KEY_SIZE);
    wire_attribute(&wire, WGDEVICE_A_PUBLIC_KEY, two.bytes, KEY_SIZE);
    wire_end(&wire);
    read_device("twice", &wire, &device, true);
    expect(key_equal(&device.status.public_key, &two), "twice: the last counts");

    for (size_t more = 1; more <= 3; more++) {
        a_device(&wire, 2);
        wire_put(&wire, bytes, more);
        wire_end(&wire);
        read_device("bytes left over", &wire, &device, false);
    }
}

/* The same answer, read for all that it tells. */

struct told {
    const struct key *key;
    const uint8_t *endpoint;
    size_t endpoint_size;
    bool preshared;
    uint16_t keepalive;
    int64_t handshake;
    uint64_t received;
    uint64_t sent;
};

static const uint8_t endpoint6[28] = {10, 0, 0xca, 0x6d, [8] = 0xfe, 0x80, [23] = 9, 3};

static void put_allowed(struct wire *wire, uint16_t family, size_t size, uint8_t bits)
{
    static const uint8_t address[17] = {10, 0, 0, 15};
    size_t entry = wire_nest(wire, 0);

    wire_attribute_u16(wire, WGALLOWEDIP_A_FAMILY, family);
    wire_attribute(wire, WGALLOWEDIP_A_IPADDR, address, size);
    wire_attribute(wire, WGALLOWEDIP_A_CIDR_MASK, &bits, 1);
    wire_unnest(wire, entry);
}

static void put_networks(struct wire *wire, unsigned int count)
{
    size_t list = wire_nest(wire, WGPEER_A_ALLOWEDIPS);

    for (unsigned int i = 0; i < count; i++)
        put_allowed(wire, i % 2 ? 10 : 2, i % 2 ? 16 : 4, (uint8_t)i);
    wire_unnest(wire, list);
}

static void put_told(struct wire *wire, const struct told *told, unsigned int networks)
{
    const int64_t handshake[2] = {told->handshake, 5};
    const uint8_t preshared_key[32] = {[31] = told->preshared};
    size_t entry = wire_nest(wire, 0);

    wire_attribute(wire, WGPEER_A_PUBLIC_KEY, told->key->bytes, KEY_SIZE);
    wire_attribute(wire, WGPEER_A_PRESHARED_KEY, preshared_key, sizeof(preshared_key));
    wire_attribute(wire, WGPEER_A_LAST_HANDSHAKE_TIME, handshake, sizeof(handshake));
    wire_attribute(wire, WGPEER_A_RX_BYTES, &told->received, sizeof(told->received));
    wire_attribute(wire, WGPEER_A_TX_BYTES, &told->sent, sizeof(told->sent));
    wire_attribute_u16(wire, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, told->keepalive);
    if (told->endpoint)
        wire_attribute(wire, WGPEER_A_ENDPOINT, told->endpoint, told->endpoint_size);
    put_networks(wire, networks);
    wire_unnest(wire, entry);
}

static void put_continued(struct wire *wire, const struct key *key, unsigned int networks)
{
    size_t entry = wire_nest(wire, 0);

    wire_attribute(wire, WGPEER_A_PUBLIC_KEY, key->bytes, KEY_SIZE);
    put_networks(wire, networks);
    wire_unnest(wire, entry);
}

static int parse_status(const struct nlmsghdr *message, void *ret)
{
    return wgmsg_status_parse(message, FAMILY, ret);
}

static void sane_status(const char *what, const void *ret)
{
    const struct wgmsg_reading *reading = ret;
    const struct link_status *status = &reading->status;

    expect(status->peers < 100, "%s: %u peers", what, status->peers);
    expect(status->allowed_count <= STATUS_ALLOWED_MAX, "%s: allowed IPs", what);
    expect(status->handshake >= 0, "%s: handshake", what);
    for (size_t i = 0; i < status->allowed_count; i++)
        expect(status->allowed[i].prefix_length <= (status->allowed[i].ipv6 ? 128 : 32),
               "%s: prefix length", what);
}

static const struct reader status_reader = {"status", parse_status, sizeof(struct wgmsg_reading),
                                            sane_status};

static int read_status(const struct wire *wire, struct wgmsg_reading *reading)
{
    struct nlmsghdr *message = unit_copy(wire->bytes, wire->length);
    int result = wgmsg_status_parse(message, FAMILY, reading);

    free(message);
    return result;
}

static const struct told everything = {.key = &two,
                                       .endpoint = endpoint4,
                                       .endpoint_size = sizeof(endpoint4),
                                       .preshared = true,
                                       .keepalive = 25,
                                       .handshake = 1700000000,
                                       .received = UINT64_MAX,
                                       .sent = 236};

static void a_status(struct wire *wire, const struct told *told, unsigned int networks)
{
    size_t list;

    start_device(wire);
    put_own(wire, &one);
    list = wire_nest(wire, WGDEVICE_A_PEERS);
    if (told)
        put_told(wire, told, networks);
    wire_unnest(wire, list);
    wire_end(wire);
}

TEST(all_told)
{
    struct wgmsg_reading reading = {.peer = {{0}}};
    const struct link_status *status = &reading.status;
    struct told told = everything;
    struct wire wire;

    a_status(&wire, NULL, 0);
    expect(read_status(&wire, &reading) == 0, "no peer: refused");
    expect(status->has_key && key_equal(&status->public_key, &one) && status->port == 51820 &&
               status->peers == 0,
           "no peer: port %u", status->port);
    a_status(&wire, &told, 2);
    reading = (struct wgmsg_reading){.peer = {{0}}};
    expect(read_status(&wire, &reading) == 0, "refused");
    expect(status->peers == 1 && key_equal(&status->peer_key, &two), "peer");
    expect(status->endpoint.address == 0xc0000201 && status->endpoint.port == 51820 &&
               !status->endpoint.ipv6,
           "endpoint %x %u", status->endpoint.address, status->endpoint.port);
    expect(status->has_preshared_key && status->keepalive == 25 && status->handshake == 1700000000,
           "keepalive %u", status->keepalive);
    expect(status->wire_received_bytes == UINT64_MAX && status->wire_sent_bytes == 236, "bytes");
    expect(status->allowed_count == 2 && !status->allowed[0].ipv6 && status->allowed[1].ipv6 &&
               status->allowed[0].address[3] == 15 && status->allowed[1].prefix_length == 1,
           "allowed IPs");
    told = (struct told){.key = &two, .endpoint = endpoint6, .endpoint_size = sizeof(endpoint6)};
    a_status(&wire, &told, 0);
    reading = (struct wgmsg_reading){.peer = {{0}}};
    expect(read_status(&wire, &reading) == 0, "IPv6: refused");
    expect(status->endpoint.ipv6 && status->endpoint.port == 51821 &&
               status->endpoint.address6[0] == 0xfe && status->endpoint.address6[15] == 9,
           "IPv6: port %u", status->endpoint.port);
    expect(!status->has_preshared_key && status->handshake == 0 && status->allowed_count == 0,
           "IPv6: what isn't there");
}

/* The first peer's allowed IPs in four messages, and another peer behind them. */
TEST(told_in_several)
{
    struct wgmsg_reading reading = {.peer = {{0}}};
    const struct link_status *status = &reading.status;
    struct wire wire;
    size_t list;

    a_status(&wire, &everything, 5);
    expect(read_status(&wire, &reading) == 0, "the first: refused");
    for (unsigned int i = 1; i <= 3; i++) {
        start_device(&wire);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        put_continued(&wire, &two, 5);
        if (i == 3) {
            put_told(&wire, &(struct told){.key = &one, .keepalive = 7}, 1);
            put_continued(&wire, &one, 1);
        }
        wire_unnest(&wire, list);
        wire_end(&wire);
        expect(read_status(&wire, &reading) == 0, "%u: refused", i);
        expect(status->peers == (i == 3 ? 2 : 1), "%u: %u peers", i, status->peers);
        expect(status->allowed_count == (i == 3 ? 16 : 5 + 5 * i), "%u: %zu allowed IPs", i,
               status->allowed_count);
        expect(status->allowed_more == (i == 3), "%u: more", i);
        expect(status->keepalive == 25 && status->endpoint.port == 51820 &&
                   key_equal(&status->peer_key, &two) && status->has_preshared_key,
               "%u: what the first told", i);
    }
}

/* Values of other sizes, and of what there isn't. */
TEST(odd_statuses)
{
    static const struct {
        uint16_t type;
        size_t good;
        size_t other_good;
    } attributes[] = {
        {WGPEER_A_PRESHARED_KEY, 32, 32},
        {WGPEER_A_LAST_HANDSHAKE_TIME, 16, 16},
        {WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 2, 2},
        {WGPEER_A_ENDPOINT, 16, 28},
    };
    static const struct {
        uint16_t family;
        size_t size;
        uint8_t bits;
        bool good;
    } networks[] = {{2, 4, 32, true},     {2, 4, 33, false},   {10, 16, 128, true},
                    {10, 16, 129, false}, {2, 16, 32, false},  {10, 4, 32, false},
                    {3, 4, 32, false},    {0, 4, 32, false},   {2, 5, 0, false},
                    {10, 17, 0, false},   {0x102, 4, 0, false}};
    struct wgmsg_reading reading;
    struct wire wire;
    size_t list, entry, allowed;

    for (size_t i = 0; i < COUNT(attributes) * 65; i++) {
        uint8_t bytes[64] = {i / 65 == 3 && i % 65 == 28 ? 10 : 2};
        size_t size = i % 65;
        bool good = size == attributes[i / 65].good || size == attributes[i / 65].other_good;

        start_device(&wire);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        entry = wire_nest(&wire, 0);
        wire_attribute(&wire, WGPEER_A_PUBLIC_KEY, two.bytes, KEY_SIZE);
        wire_attribute(&wire, attributes[i / 65].type, bytes, size);
        wire_unnest(&wire, entry);
        wire_unnest(&wire, list);
        wire_end(&wire);
        reading = (struct wgmsg_reading){.peer = {{0}}};
        expect(read_status(&wire, &reading) == (good ? 0 : -EBADMSG), "type %u of %zu bytes",
               attributes[i / 65].type, size);
        expect(good || reading.status.peers == 0, "type %u of %zu bytes: written",
               attributes[i / 65].type, size);
    }
    for (size_t i = 0; i < COUNT(networks); i++) {
        start_device(&wire);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        entry = wire_nest(&wire, 0);
        wire_attribute(&wire, WGPEER_A_PUBLIC_KEY, two.bytes, KEY_SIZE);
        allowed = wire_nest(&wire, WGPEER_A_ALLOWEDIPS);
        put_allowed(&wire, networks[i].family, networks[i].size, networks[i].bits);
        wire_unnest(&wire, allowed);
        wire_unnest(&wire, entry);
        wire_unnest(&wire, list);
        wire_end(&wire);
        reading = (struct wgmsg_reading){.peer = {{0}}};
        expect(read_status(&wire, &reading) == (networks[i].good ? 0 : -EBADMSG), "network %zu", i);
    }
    a_status(&wire, &(struct told){.key = &two, .handshake = -1}, 0);
    expect(read_status(&wire, &reading) == -EBADMSG, "a handshake before 1970");
    a_status(&wire, &everything, 1);
    wire.bytes[4]++;
    expect(read_status(&wire, &reading) == -EBADMSG, "of another family");
}

TEST(hostile_statuses)
{
    struct wire wire;

    a_status(&wire, &everything, 4);
    wire_cut(&status_reader, &wire);
    wire_lie(&status_reader, &wire);
    wire_mutate(&status_reader, &wire, 200000);
}

TEST(hostile_families)
{
    struct wire wire;

    a_family(&wire, (const uint8_t *)" ", 2);
    wire_cut(&family_reader, &wire);
    wire_lie(&family_reader, &wire);
    wire_mutate(&family_reader, &wire, 50000);
}

TEST(hostile_devices)
{
    struct wire wire;

    a_device(&wire, 2);
    wire_cut(&device_reader, &wire);
    wire_lie(&device_reader, &wire);
    wire_mutate(&device_reader, &wire, 200000);
}

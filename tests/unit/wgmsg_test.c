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

/* What is sent, put together from include/uapi/linux/wireguard.h a second time. */

static void start_set(struct wire *wire, uint32_t index)
{
    wire_start(wire, FAMILY, NLM_F_REQUEST);
    wire_u8(wire, WG_CMD_SET_DEVICE);
    wire_u8(wire, 1); /* version */
    wire_u16(wire, 0);
    wire_attribute_u32(wire, WGDEVICE_A_IFINDEX, index);
}

static void family_get(struct message *message, struct wire *wire)
{
    wgmsg_family_get(message);
    wire_start(wire, GENL_ID_CTRL, NLM_F_REQUEST);
    wire_u8(wire, CTRL_CMD_GETFAMILY);
    wire_u8(wire, 1); /* version */
    wire_u16(wire, 0);
    wire_attribute_string(wire, CTRL_ATTR_FAMILY_NAME, "wireguard");
}

static void device_get(struct message *message, struct wire *wire)
{
    wgmsg_device_get(message, 0xfedc, 1);
    wire_start(wire, 0xfedc, NLM_F_REQUEST | NLM_F_DUMP);
    wire_u8(wire, WG_CMD_GET_DEVICE);
    wire_u8(wire, 1); /* version */
    wire_u16(wire, 0);
    wire_attribute_u32(wire, WGDEVICE_A_IFINDEX, 1);
}

static void set_key(struct message *message, struct wire *wire)
{
    wgmsg_set_key(message, FAMILY, 5, &one, 51820);
    start_set(wire, 5);
    wire_attribute(wire, WGDEVICE_A_PRIVATE_KEY, one.bytes, KEY_SIZE);
    wire_attribute_u16(wire, WGDEVICE_A_LISTEN_PORT, 51820);
}

static void set_port(struct message *message, struct wire *wire)
{
    wgmsg_set_port(message, FAMILY, 5, 51820);
    start_set(wire, 5);
    wire_attribute_u16(wire, WGDEVICE_A_LISTEN_PORT, 51820);
}

/* AF_INET, port and address in network byte order; the same of IPv6, with flow information and
 * scope. */
static const uint8_t endpoint4[16] = {2, 0, 0xca, 0x6c, 192, 0, 2, 1};
static const uint8_t endpoint6[28] = {10, 0, 0xca, 0x6c, [8] = 0x20, 1, 0x0d, 0xb8, [22] = 7, 1};

/* A peer's request, up to what may be in it, and from there. */
static void start_peer(struct wire *wire, bool replace, size_t ret_nests[static 2])
{
    start_set(wire, 0x10203);
    if (replace)
        wire_attribute_u32(wire, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
    ret_nests[0] = wire_nest(wire, WGDEVICE_A_PEERS);
    ret_nests[1] = wire_nest(wire, 0);
    wire_attribute(wire, WGPEER_A_PUBLIC_KEY, one.bytes, KEY_SIZE);
    wire_attribute_u32(wire, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
}

static void end_peer(struct wire *wire, const size_t nests[static 2])
{
    size_t list = wire_nest(wire, WGPEER_A_ALLOWEDIPS);
    size_t network = wire_nest(wire, 0);

    wire_attribute_u16(wire, WGALLOWEDIP_A_FAMILY, 2); /* AF_INET */
    wire_attribute(wire, WGALLOWEDIP_A_IPADDR, "\x0a\xff\xff\xff", 4);
    wire_attribute(wire, WGALLOWEDIP_A_CIDR_MASK, "\x20", 1);
    wire_unnest(wire, network);
    wire_unnest(wire, list);
    wire_unnest(wire, nests[1]);
    wire_unnest(wire, nests[0]);
}

static void put_set_peer(struct wire *wire, bool replace)
{
    size_t nests[2];

    start_peer(wire, replace, nests);
    wire_attribute(wire, WGPEER_A_ENDPOINT, endpoint4, sizeof(endpoint4));
    end_peer(wire, nests);
}

static void set_peer(struct message *message, struct wire *wire)
{
    wgmsg_set_peer(message, FAMILY, 0x10203, &peer, false);
    put_set_peer(wire, false);
}

static void replace_peer(struct message *message, struct wire *wire)
{
    wgmsg_set_peer(message, FAMILY, 0x10203, &peer, true);
    put_set_peer(wire, true);
}

/* A preshared key, and neither endpoint nor keepalive. */
static void set_preshared_key(struct message *message, struct wire *wire)
{
    struct peer changed = peer;
    size_t nests[2];

    changed.preshared_key = &two;
    changed.endpoint = (struct endpoint){.port = 0};
    wgmsg_set_peer(message, FAMILY, 0x10203, &changed, false);
    start_peer(wire, false, nests);
    wire_attribute(wire, WGPEER_A_PRESHARED_KEY, two.bytes, KEY_SIZE);
    end_peer(wire, nests);
}

/* All that there can be: the longest message. */
static void set_all(struct message *message, struct wire *wire)
{
    struct peer changed = peer;
    size_t nests[2];

    changed.preshared_key = &two;
    changed.endpoint = (struct endpoint){.ipv6 = true, .port = 51820};
    memcpy(changed.endpoint.address6, endpoint6 + 8, 16);
    changed.keepalive = 25;
    wgmsg_set_peer(message, FAMILY, 0x10203, &changed, true);
    start_peer(wire, true, nests);
    wire_attribute(wire, WGPEER_A_PRESHARED_KEY, two.bytes, KEY_SIZE);
    wire_attribute(wire, WGPEER_A_ENDPOINT, endpoint6, sizeof(endpoint6));
    wire_attribute_u16(wire, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
    end_peer(wire, nests);
}

static void keepalive_off(struct message *message, struct wire *wire)
{
    struct peer changed = peer;
    size_t nests[2];

    changed.endpoint = (struct endpoint){.port = 0};
    changed.keepalive = 0;
    wgmsg_set_peer(message, FAMILY, 0x10203, &changed, false);
    start_peer(wire, false, nests);
    wire_attribute_u16(wire, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 0);
    end_peer(wire, nests);
}

TEST(sent_bytes)
{
    static const struct wire_request requests[] = {
        {"family_get", family_get},
        {"device_get", device_get},
        {"set_key", set_key},
        {"set_port", set_port},
        {"set_peer", set_peer},
        {"replace_peer", replace_peer},
        {"set_preshared_key", set_preshared_key},
        {"set_all", set_all},
        {"keepalive_off", keepalive_off},
    };

    wire_expect_requests(requests, COUNT(requests));
}

/* Each port and address comes out where it belongs, whatever it is. */
TEST(sent_values)
{
    for (unsigned int i = 0; i < 20000; i++) {
        struct message message;
        struct peer random = peer;
        struct wire wire;

        put_set_peer(&wire, false);
        wire_end(&wire);
        random.endpoint.address = (uint32_t)unit_random();
        random.endpoint.port = (uint16_t)unit_random();
        random.allowed_address = (uint32_t)unit_random();
        wire.bytes[86] = (uint8_t)(random.endpoint.port >> 8);
        wire.bytes[87] = (uint8_t)random.endpoint.port;
        for (unsigned int byte = 0; byte < 4; byte++) {
            wire.bytes[88 + byte] = (uint8_t)(random.endpoint.address >> (24 - 8 * byte));
            wire.bytes[120 + byte] = (uint8_t)(random.allowed_address >> (24 - 8 * byte));
        }
        wgmsg_set_peer(&message, FAMILY, 0x10203, &random, false);
        if (memcmp(message.bytes, wire.bytes, wire.length) != 0)
            wire_expect("random peer", message.bytes, wire.bytes, wire.length);
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

static void check_family(const char *what, struct wire *wire, int wanted)
{
    uint16_t family = 7;

    if (wire_read(&family_reader, what, wire, &family, wanted >= 0))
        expect(family == wanted, "%s: %u", what, family);
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

/* A device with nothing but one peer, whose key is `two`, up to what is in it, and from there. */
static void start_one_peer(struct wire *wire, size_t ret_nests[static 2])
{
    start_device(wire);
    ret_nests[0] = wire_nest(wire, WGDEVICE_A_PEERS);
    ret_nests[1] = wire_nest(wire, 0);
    wire_attribute(wire, WGPEER_A_PUBLIC_KEY, two.bytes, KEY_SIZE);
}

static void end_one_peer(struct wire *wire, const size_t nests[static 2])
{
    wire_unnest(wire, nests[1]);
    wire_unnest(wire, nests[0]);
}

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
    const struct wgmsg_reading *reading = ret;
    const struct link_status *status = &reading->status;

    expect(status->peers < 100, "%s: %u peers", what, status->peers);
    expect(status->has_key || key_is_zero(&status->public_key), "%s: key", what);
    expect(status->peers > 0 || key_is_zero(&status->peer_key), "%s: peer", what);
    expect(status->allowed_count <= STATUS_ALLOWED_MAX, "%s: allowed IPs", what);
    expect(status->handshake >= 0, "%s: handshake", what);
    for (size_t i = 0; i < status->allowed_count; i++)
        expect(status->allowed[i].prefix_length <= (status->allowed[i].ipv6 ? 128 : 32),
               "%s: prefix length", what);
}

static const struct reader device_reader = {"device", parse_device, sizeof(struct wgmsg_reading),
                                            sane_device};

TEST(devices)
{
    for (unsigned int peers = 0; peers <= 5; peers++) {
        struct wgmsg_reading device = {0};
        struct wire wire;

        a_device(&wire, peers);
        wire_read(&device_reader, "a device", &wire, &device, true);
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
    wire_read(&device_reader, "the first", &wire, &device, true);
    for (unsigned int i = 0; i < 3; i++) {
        size_t list;

        start_device(&wire);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        put_peer(&wire, &(struct key){{(uint8_t)(2 * i + 1)}});
        put_peer(&wire, &(struct key){{(uint8_t)(2 * i + 2)}});
        wire_unnest(&wire, list);
        wire_read(&device_reader, "another", &wire, &device, true);
        expect(device.status.has_key && key_equal(&device.status.public_key, &one), "%u: key", i);
        expect(device.status.peers == 3 + 2 * i && key_equal(&device.status.peer_key, &two),
               "%u: peers", i);
    }
    a_device(&wire, 3);
    wire.bytes[4]++;
    wire_read(&device_reader, "of another family", &wire, &device, false);
    start_device(&wire);
    wire_read(&device_reader, "with nothing", &wire, &device, true);
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
        wire_read(&device_reader, "key of another size", &wire, &device, size == 32);

        device = (struct wgmsg_reading){.status = {.peers = 1, .peer_key = one}};
        start_device(&wire);
        wire_attribute(&wire, WGDEVICE_A_PUBLIC_KEY, two.bytes, KEY_SIZE);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        put_peer(&wire, &two);
        entry = wire_nest(&wire, 0);
        wire_attribute(&wire, WGPEER_A_PUBLIC_KEY, bytes, size);
        wire_unnest(&wire, entry);
        wire_unnest(&wire, list);
        wire_read(&device_reader, "peer's key of another size", &wire, &device, size == 32);
    }
    device = (struct wgmsg_reading){0};
    start_device(&wire);
    list = wire_nest(&wire, WGDEVICE_A_PEERS);
    entry = wire_nest(&wire, 0);
    wire_attribute_u16(&wire, WGPEER_A_FLAGS, 1);
    wire_unnest(&wire, entry);
    wire_unnest(&wire, list);
    wire_read(&device_reader, "a peer without a key", &wire, &device, false);

    start_device(&wire);
    wire_attribute(&wire, WGDEVICE_A_PUBLIC_KEY, one.bytes, KEY_SIZE);
    wire_attribute(&wire, WGDEVICE_A_PUBLIC_KEY, two.bytes, KEY_SIZE);
    wire_read(&device_reader, "twice", &wire, &device, true);
    expect(key_equal(&device.status.public_key, &two), "twice: the last counts");

    for (size_t more = 1; more <= 3; more++) {
        a_device(&wire, 2);
        wire_put(&wire, bytes, more);
        wire_read(&device_reader, "bytes left over", &wire, &device, false);
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
    wire_read(&device_reader, "no peer", &wire, &reading, true);
    expect(status->has_key && key_equal(&status->public_key, &one) && status->port == 51820 &&
               status->peers == 0,
           "no peer: port %u", status->port);
    a_status(&wire, &told, 2);
    reading = (struct wgmsg_reading){.peer = {{0}}};
    wire_read(&device_reader, "all", &wire, &reading, true);
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
    wire_read(&device_reader, "IPv6", &wire, &reading, true);
    expect(status->endpoint.ipv6 && status->endpoint.port == 51820 &&
               memcmp(status->endpoint.address6, endpoint6 + 8, 16) == 0,
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
    wire_read(&device_reader, "the first", &wire, &reading, true);
    for (unsigned int i = 1; i <= 3; i++) {
        start_device(&wire);
        list = wire_nest(&wire, WGDEVICE_A_PEERS);
        put_continued(&wire, &two, 5);
        if (i == 3) {
            put_told(&wire, &(struct told){.key = &one, .keepalive = 7}, 1);
            put_continued(&wire, &one, 1);
        }
        wire_unnest(&wire, list);
        wire_read(&device_reader, "another", &wire, &reading, true);
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
    struct wgmsg_reading reading = {.peer = {{0}}};
    struct wire wire;
    char what[64];
    size_t nests[2], allowed;

    for (size_t i = 0; i < COUNT(attributes) * 65; i++) {
        uint8_t bytes[64] = {i / 65 == 3 && i % 65 == 28 ? 10 : 2};
        size_t size = i % 65;
        bool good = size == attributes[i / 65].good || size == attributes[i / 65].other_good;

        start_one_peer(&wire, nests);
        wire_attribute(&wire, attributes[i / 65].type, bytes, size);
        end_one_peer(&wire, nests);
        reading = (struct wgmsg_reading){.peer = {{0}}};
        (void)snprintf(what, sizeof(what), "type %u of %zu bytes", attributes[i / 65].type, size);
        wire_read(&device_reader, what, &wire, &reading, good);
    }
    for (size_t i = 0; i < COUNT(networks); i++) {
        start_one_peer(&wire, nests);
        allowed = wire_nest(&wire, WGPEER_A_ALLOWEDIPS);
        put_allowed(&wire, networks[i].family, networks[i].size, networks[i].bits);
        wire_unnest(&wire, allowed);
        end_one_peer(&wire, nests);
        reading = (struct wgmsg_reading){.peer = {{0}}};
        (void)snprintf(what, sizeof(what), "network %zu", i);
        wire_read(&device_reader, what, &wire, &reading, networks[i].good);
    }
    a_status(&wire, &(struct told){.key = &two, .handshake = -1}, 0);
    wire_read(&device_reader, "a handshake before 1970", &wire, &reading, false);
    a_status(&wire, &everything, 1);
    wire.bytes[4]++;
    wire_read(&device_reader, "of another family", &wire, &reading, false);
}

TEST(hostile)
{
    struct wire wire;

    a_family(&wire, (const uint8_t *)" ", 2);
    wire_attack(&family_reader, &wire, 50000);
    a_device(&wire, 2);
    wire_attack(&device_reader, &wire, 200000);
    a_status(&wire, &everything, 4);
    wire_attack(&device_reader, &wire, 200000);
}

#include "helper/backend/kernel/wgmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include "helper/netlink/attribute.h"

static void start(struct message *message, uint16_t family, uint16_t flags, uint8_t command,
                  uint8_t version)
{
    struct genlmsghdr *header = message_start(message, family, flags, sizeof(*header));

    header->cmd = command;
    header->version = version;
}

void wgmsg_family_get(struct message *message)
{
    start(message, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, 1);
    message_put_string(message, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
}

int wgmsg_family_parse(const struct nlmsghdr *message, uint16_t *ret_family)
{
    const struct nlattr *attributes[CTRL_ATTR_FAMILY_ID + 1];
    uint16_t family;

    if (message->nlmsg_type != GENL_ID_CTRL ||
        attributes_find_message(message, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID + 1,
                                attributes) ||
        attribute_bytes(attributes[CTRL_ATTR_FAMILY_ID], sizeof(family), &family) ||
        family < GENL_MIN_ID)
        return -EBADMSG;
    *ret_family = family;
    return 0;
}

static void start_device(struct message *message, uint16_t family, uint16_t flags, uint8_t command,
                         int index)
{
    start(message, family, flags, command, WG_GENL_VERSION);
    message_put_u32(message, WGDEVICE_A_IFINDEX, (uint32_t)index);
}

void wgmsg_set_key(struct message *message, uint16_t family, int index,
                   const struct key *private_key, uint16_t listen_port)
{
    start_device(message, family, 0, WG_CMD_SET_DEVICE, index);
    message_put(message, WGDEVICE_A_PRIVATE_KEY, KEY_SIZE, private_key->bytes);
    message_put_u16(message, WGDEVICE_A_LISTEN_PORT, listen_port);
}

void wgmsg_set_port(struct message *message, uint16_t family, int index, uint16_t listen_port)
{
    start_device(message, family, 0, WG_CMD_SET_DEVICE, index);
    message_put_u16(message, WGDEVICE_A_LISTEN_PORT, listen_port);
}

static void put_endpoint(struct message *message, const struct endpoint *endpoint)
{
    struct sockaddr_in6 address6 = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(endpoint->port),
    };
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(endpoint->port),
        .sin_addr.s_addr = htonl(endpoint->address),
    };

    memcpy(&address6.sin6_addr, endpoint->address6, sizeof(address6.sin6_addr));
    if (endpoint->ipv6)
        message_put(message, WGPEER_A_ENDPOINT, sizeof(address6), &address6);
    else
        message_put(message, WGPEER_A_ENDPOINT, sizeof(address), &address);
}

static void put_allowed_address(struct message *message, uint32_t address)
{
    struct nlattr *list = message_nest(message, WGPEER_A_ALLOWEDIPS);
    struct nlattr *entry = message_nest(message, 0);
    uint32_t wire_address = htonl(address);
    uint8_t prefix_length = 32;

    message_put_u16(message, WGALLOWEDIP_A_FAMILY, AF_INET);
    message_put(message, WGALLOWEDIP_A_IPADDR, sizeof(wire_address), &wire_address);
    message_put(message, WGALLOWEDIP_A_CIDR_MASK, sizeof(prefix_length), &prefix_length);
    message_unnest(message, entry);
    message_unnest(message, list);
}

void wgmsg_set_peer(struct message *message, uint16_t family, int index, const struct peer *peer,
                    bool replace)
{
    struct nlattr *list;
    struct nlattr *entry;

    start_device(message, family, 0, WG_CMD_SET_DEVICE, index);
    if (replace)
        message_put_u32(message, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
    list = message_nest(message, WGDEVICE_A_PEERS);
    entry = message_nest(message, 0);
    message_put(message, WGPEER_A_PUBLIC_KEY, KEY_SIZE, peer->public_key.bytes);
    message_put_u32(message, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
    if (peer->preshared_key)
        message_put(message, WGPEER_A_PRESHARED_KEY, KEY_SIZE, peer->preshared_key->bytes);
    if (peer->endpoint.port)
        put_endpoint(message, &peer->endpoint);
    if (peer->keepalive != PEER_KEEPALIVE_KEPT)
        message_put_u16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, (uint16_t)peer->keepalive);
    put_allowed_address(message, peer->allowed_address);
    message_unnest(message, entry);
    message_unnest(message, list);
}

void wgmsg_device_get(struct message *message, uint16_t family, int index)
{
    start_device(message, family, NLM_F_DUMP, WG_CMD_GET_DEVICE, index);
}

/* Takes each attribute of a list, if there is a list. */
static int take_each(const struct nlattr *list, attribute_take *take, void *context)
{
    return list ? attributes_each(mnl_attr_get_payload(list), mnl_attr_get_payload_len(list), take,
                                  context)
                : 0;
}

static int take_endpoint(const struct nlattr *attribute, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint = {.port = 0};
    struct sockaddr_in6 address6;
    struct sockaddr_in address;

    if (attribute_bytes(attribute, sizeof(address), &address) == 0 &&
        address.sin_family == AF_INET) {
        endpoint.address = ntohl(address.sin_addr.s_addr);
        endpoint.port = ntohs(address.sin_port);
    } else if (attribute_bytes(attribute, sizeof(address6), &address6) == 0 &&
               address6.sin6_family == AF_INET6) {
        endpoint.ipv6 = true;
        memcpy(endpoint.address6, &address6.sin6_addr, sizeof(endpoint.address6));
        endpoint.port = ntohs(address6.sin6_port);
    } else {
        return -EBADMSG;
    }
    *ret_endpoint = endpoint;
    return 0;
}

static int take_allowed(const struct nlattr *entry, void *context)
{
    struct link_status *status = context;
    const struct nlattr *attributes[WGALLOWEDIP_A_CIDR_MASK + 1];
    struct network allowed = {.ipv6 = false};
    uint16_t family = 0;

    if (attributes_find_nested(entry, WGALLOWEDIP_A_CIDR_MASK + 1, attributes) ||
        attribute_bytes(attributes[WGALLOWEDIP_A_FAMILY], sizeof(family), &family) ||
        (family != AF_INET && family != AF_INET6))
        return -EBADMSG;
    allowed.ipv6 = family == AF_INET6;
    if (attribute_bytes(attributes[WGALLOWEDIP_A_IPADDR], allowed.ipv6 ? 16 : 4, allowed.address) ||
        attribute_bytes(attributes[WGALLOWEDIP_A_CIDR_MASK], 1, &allowed.prefix_length) ||
        allowed.prefix_length > (allowed.ipv6 ? 128 : 32))
        return -EBADMSG;
    if (status->allowed_count == STATUS_ALLOWED_MAX)
        status->allowed_more = true;
    else
        status->allowed[status->allowed_count++] = allowed;
    return 0;
}

/* Tells if there is a preshared key; all zeros is none. The key isn't copied. */
static int take_preshared_key(const struct nlattr *attribute, bool *ret_there)
{
    if (mnl_attr_get_payload_len(attribute) != KEY_SIZE)
        return -EBADMSG;
    *ret_there = !key_is_zero(mnl_attr_get_payload(attribute));
    return 0;
}

/* Reads a struct __kernel_timespec: two 64-bit numbers. */
static int take_handshake(const struct nlattr *attribute, int64_t *ret_seconds)
{
    int64_t time[2];

    if (attribute_bytes(attribute, sizeof(time), time) || time[0] < 0)
        return -EBADMSG;
    *ret_seconds = time[0];
    return 0;
}

/* Reads the first peer. A continuation in another message has only its key and more allowed IPs
 * (get_peer(), drivers/net/wireguard/netlink.c). */
static int take_first_peer(const struct nlattr *const attributes[], struct link_status *status)
{
    const struct nlattr *preshared_key = attributes[WGPEER_A_PRESHARED_KEY];
    const struct nlattr *endpoint = attributes[WGPEER_A_ENDPOINT];
    const struct nlattr *handshake = attributes[WGPEER_A_LAST_HANDSHAKE_TIME];

    if ((preshared_key && take_preshared_key(preshared_key, &status->has_preshared_key)) ||
        (endpoint && take_endpoint(endpoint, &status->endpoint)) ||
        (handshake && take_handshake(handshake, &status->handshake)) ||
        attribute_optional(attributes[WGPEER_A_RX_BYTES], sizeof(status->wire_received_bytes),
                           &status->wire_received_bytes) ||
        attribute_optional(attributes[WGPEER_A_TX_BYTES], sizeof(status->wire_sent_bytes),
                           &status->wire_sent_bytes) ||
        attribute_optional(attributes[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL],
                           sizeof(status->keepalive), &status->keepalive))
        return -EBADMSG;
    return take_each(attributes[WGPEER_A_ALLOWEDIPS], take_allowed, status);
}

static int take_told_peer(const struct nlattr *peer, void *context)
{
    struct wgmsg_reading *reading = context;
    struct link_status *status = &reading->status;
    const struct nlattr *attributes[WGPEER_A_ALLOWEDIPS + 1];
    struct key key = {0};

    if (attributes_find_nested(peer, WGPEER_A_ALLOWEDIPS + 1, attributes) ||
        attribute_bytes(attributes[WGPEER_A_PUBLIC_KEY], KEY_SIZE, key.bytes))
        return -EBADMSG;
    if (status->peers == 0 || !key_equal(&key, &reading->peer))
        status->peers++;
    reading->peer = key;
    if (status->peers > 1)
        return 0;
    status->peer_key = key;
    return take_first_peer(attributes, status);
}

int wgmsg_status_parse(const struct nlmsghdr *message, uint16_t family,
                       struct wgmsg_reading *reading)
{
    const struct nlattr *attributes[WGDEVICE_A_PEERS + 1];
    struct wgmsg_reading next = *reading;
    struct link_status *status = &next.status;

    if (message->nlmsg_type != family || attributes_find_message(message, sizeof(struct genlmsghdr),
                                                                 WGDEVICE_A_PEERS + 1, attributes))
        return -EBADMSG;
    if (attributes[WGDEVICE_A_PUBLIC_KEY])
        status->has_key = true;
    if (attribute_optional(attributes[WGDEVICE_A_PUBLIC_KEY], KEY_SIZE, status->public_key.bytes) ||
        attribute_optional(attributes[WGDEVICE_A_LISTEN_PORT], sizeof(status->port),
                           &status->port) ||
        take_each(attributes[WGDEVICE_A_PEERS], take_told_peer, &next))
        return -EBADMSG;
    *reading = next;
    return 0;
}

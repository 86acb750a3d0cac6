/* The generic netlink messages that the helper sends to the WireGuard driver and reads from it
 * (include/uapi/linux/wireguard.h, drivers/net/wireguard/netlink.c). Pure: bytes in, values out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/backend/status.h"
#include "helper/netlink/message.h"
#include "link/key.h"
#include "link/peer.h"

/* Asks which message type stands for WireGuard on this kernel. */
void wgmsg_family_get(struct message *message);
/* Returns 0, or -EBADMSG. */
int wgmsg_family_parse(const struct nlmsghdr *message, uint16_t *ret_family);

/* Gives a device its key and its listen port (host byte order). Holds the private key: to be wiped.
 */
void wgmsg_set_key(struct message *message, uint16_t family, int index,
                   const struct key *private_key, uint16_t listen_port);
void wgmsg_set_port(struct message *message, uint16_t family, int index, uint16_t listen_port);

/* Makes `peer` a peer, or changes it if it is one; with `replace`, the only one. May hold a
 * preshared key: to be wiped. */
void wgmsg_set_peer(struct message *message, uint16_t family, int index, const struct peer *peer,
                    bool replace);

/* Asks for a device. The kernel answers with the private key among the rest: to be wiped. */
void wgmsg_device_get(struct message *message, uint16_t family, int index);
/* What that answer has told so far. Was {0} before the first message. */
struct wgmsg_reading {
    struct link_status status;
    struct key peer; /* the last one's key: a long list of allowed IPs comes in several messages */
};

/* Adds what a message tells to *reading. Returns 0, or -EBADMSG. */
int wgmsg_status_parse(const struct nlmsghdr *message, uint16_t family,
                       struct wgmsg_reading *reading);

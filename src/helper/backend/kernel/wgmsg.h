/* Writes and reads the WireGuard driver's generic netlink messages (include/uapi/linux/wireguard.h,
 * drivers/net/wireguard/netlink.c). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/backend/status.h"
#include "helper/netlink/message.h"
#include "link/key.h"
#include "link/peer.h"

/* Asks which message type is WireGuard's on this kernel. */
void wgmsg_family_get(struct message *message);
/* Returns 0, or -EBADMSG. */
int wgmsg_family_parse(const struct nlmsghdr *message, uint16_t *ret_family);

/* Set a device's listen port (host byte order); wgmsg_set_key() also sets its private key: wipe the
 * message. */
void wgmsg_set_key(struct message *message, uint16_t family, int index,
                   const struct key *private_key, uint16_t listen_port);
void wgmsg_set_port(struct message *message, uint16_t family, int index, uint16_t listen_port);

/* Adds the peer, or changes it; with `replace`, removes all others. The message may have a
 * preshared key: wipe it. */
void wgmsg_set_peer(struct message *message, uint16_t family, int index, const struct peer *peer,
                    bool replace);

/* Asks for a device. The answer has the private key: wipe it. */
void wgmsg_device_get(struct message *message, uint16_t family, int index);
/* The answer, as far as it was read; {0} before its first message. */
struct wgmsg_reading {
    struct link_status status;
    struct key
        peer; /* key of the last peer read: a long list of allowed IPs spans several messages */
};

/* Adds a message to *reading. Returns 0, or -EBADMSG. */
int wgmsg_status_parse(const struct nlmsghdr *message, uint16_t family,
                       struct wgmsg_reading *reading);

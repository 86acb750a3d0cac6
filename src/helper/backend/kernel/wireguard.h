/* What the kernel's WireGuard driver is told about a device, and asked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/backend/kernel/wgmsg.h"
#include "helper/backend/status.h"
#include "helper/netns/target.h"
#include "link/key.h"
#include "link/peer.h"

struct failure;

/* Whether the kernel has WireGuard: it loads its module if it can. Asked at home, which is where we
 * have to be. Returns 0, or a negative errno. */
int wireguard_look(bool *ret_there, struct failure *failure);

/* Gives a device a new private key, made here and kept nowhere else, and its listen port (host byte
 * order, 0 for any). The driver makes the public key of it. Returns 0, or a negative errno. */
int wireguard_set_new_key(struct target *target, int index, uint16_t port,
                          struct key *ret_public_key, struct failure *failure);

/* Gives a device another listen port (host byte order). Returns 0, or a negative errno. */
int wireguard_set_port(struct target *target, int index, uint16_t port, struct failure *failure);

/* Makes `peer` the one peer of a device. Returns 0, -EINVAL if it is the device itself, or another
 * negative errno. */
int wireguard_set_peer(struct target *target, int index, const struct peer *peer,
                       struct failure *failure);

/* Reads how a device is. Returns 0, or a negative errno. */
int wireguard_status(struct target *target, int index, struct link_status *ret_status,
                     struct failure *failure);

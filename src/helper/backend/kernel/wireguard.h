/* Sets and reads a device of the kernel's WireGuard driver. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/backend/kernel/wgmsg.h"
#include "helper/backend/status.h"
#include "helper/netns/target.h"
#include "link/key.h"
#include "link/peer.h"

struct failure;

/* Has the kernel WireGuard? The question loads its module if there is one. Call it at home. Returns
 * 0, or a negative errno. */
int wireguard_look(bool *ret_there, struct failure *failure);

/* Gives a device a new private key, made here and kept nowhere else, and a listen port (host byte
 * order, 0 for any). The driver computes the public key. Returns 0, or a negative errno. */
int wireguard_set_new_key(struct target *target, int index, uint16_t port,
                          struct key *ret_public_key, struct failure *failure);

/* Sets a device's listen port (host byte order). Returns 0, or a negative errno. */
int wireguard_set_port(struct target *target, int index, uint16_t port, struct failure *failure);

/* Makes `peer` the device's only peer. Returns 0, -EINVAL if it has the device's own key, or
 * another negative errno. */
int wireguard_set_peer(struct target *target, int index, const struct peer *peer,
                       struct failure *failure);

/* Reads a device's status. Returns 0, or a negative errno. */
int wireguard_status(struct target *target, int index, struct link_status *ret_status,
                     struct failure *failure);

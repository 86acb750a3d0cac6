/* Keeps a container's devices from answering ARP for a link's address. */
#pragma once

#include "helper/netns/target.h"

struct failure;

/* Linux answers ARP on every device for every address of the machine. The caller chooses a link's
 * address out of 10.0.0.0/8. Answered on the container's own network, it could take another
 * machine's packets. So this function sets arp_ignore to 1 on the container's devices: each then
 * answers for its own addresses only. A device with arp_ignore already set keeps its setting.
 *
 * All devices are left alone if an address needs another device's answers: an address on lo, or on
 * a device without ARP such as dummy0. They are also left alone if there are more than 64 devices
 * without ARP. Of the devices that answer ARP, one call sets 64.
 *
 * The kernel lets netlink set this for a device, not for the namespace. A later device is set by
 * the next call. Returns 0, or a negative errno. */
int arp_keep_apart(struct target *target, struct failure *failure);

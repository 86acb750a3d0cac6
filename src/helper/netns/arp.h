/* Which devices of a container answer ARP for the address of a link. */
#pragma once

#include "helper/netns/target.h"

struct failure;

/* Linux answers ARP on every device for every address of the machine. So a link's address, which is
 * an address of 10.0.0.0/8 by a caller's choice, could take the packets of another machine on the
 * container's own network. This sets arp_ignore to 1 on the container's devices: each answers for
 * its own addresses only. A device where arp_ignore is set already keeps its setting.
 *
 * All devices are left alone where an address needs the answers of another device: that is an
 * address on lo, or on a device such as dummy0, which has no ARP of its own. So they are where
 * there are more than 64 such devices. Of devices that answer ARP, 64 are set in a call.
 *
 * The kernel lets netlink set this for each device, and not for the namespace. A device that comes
 * later is set by the next call. Returns 0, or a negative errno. */
int arp_keep_apart(struct target *target, struct failure *failure);

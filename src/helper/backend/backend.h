/* What carries a link: the tasks know a backend by this table, and nothing else of it. Every
 * backend's devices are handled alike by device.h. Which backend carries a device, and which one
 * new links are made with, is in backends.h. */
#pragma once

#include <stdint.h>

#include "helper/backend/device.h"
#include "helper/backend/status.h"
#include "helper/netns/target.h"
#include "link/key.h"
#include "link/peer.h"

struct failure;
struct patience;

/* What was made ready for a new link before the sandbox was entered: its engine, where an engine
 * carries it (engine/launch.h). A descriptor is -1 where there is none. */
struct launch {
    int process; /* its number as it is seen from here */
    int pidfd;
    int start; /* our end of the start socket */
    int udp4;
    int udp6;               /* -1 where there is no IPv6 */
    struct netlink scratch; /* NETLINK_ROUTE in the scratch namespace */
};

#define LAUNCH_NONE                                                                                \
    ((struct launch){.pidfd = -1, .start = -1, .udp4 = -1, .udp6 = -1, .scratch.fd = -1})

struct backend {
    const char *title;               /* for --version */
    const char *word;                /* for those who look */
    enum link_state without_carrier; /* what it means that a device of its has none */

    /* Each is there if the task that needs it is in the program. */

    /* Whether new links can be made with it here. Asked at home, before the sandbox is entered.
     * NULL: always. Returns 0, or a negative errno. */
    int (*available)(bool *ret_available, struct failure *failure);

    /* Makes ready, before the sandbox is entered, what a new link needs and can't have later; and
     * the same for the links of a batch: a socket, by which the former may then be called in the
     * sandbox (`launcher`, else -1). NULL: nothing. Each returns 0, or a negative errno. */
    int (*prepare)(const struct home *home, int launcher, struct link_end end,
                   struct launch *ret_launch, struct failure *failure);
    int (*prepare_batch)(const struct home *home, int *ret_launcher, struct failure *failure);

    /* Lets go of what was made ready for a link of a batch, before the next one. */
    void (*forget)(struct launch *launch);

    /* Makes a device for an end, with a new key pair, its UDP socket to be in the home namespace;
     * not up, in the group of unfinished ones. Returns 0, or -EEXIST if its name is in use there,
     * with no text in *failure, or another negative errno. On failure nothing is left. */
    int (*make)(struct target *target, struct link_end end, uint16_t port, struct launch *launch,
                struct device *ret_device, struct key *ret_public_key, struct failure *failure);

    /* Sets the device up, which binds the port. */
    int (*start)(struct target *target, const struct device *device, uint16_t port,
                 struct failure *failure);

    /* The port of a device that was started with 0, just now, by this run of the program. */
    int (*port)(struct target *target, const struct device *device, uint16_t *ret_port,
                struct failure *failure);

    /* Takes the device out of the group of unfinished ones, and says in its alias what carries it.
     */
    int (*finish)(struct target *target, const struct device *device, struct failure *failure);

    /* Makes `peer` the one peer of a device. */
    int (*join)(struct target *target, const struct device *device, const struct peer *peer,
                struct failure *failure);

    /* What is known of the link of a device. Returns 0, -ENOLINK if what carries it can't be found
     * or doesn't answer, -ENODEV if it has gone, or another negative errno. *ret_status is written
     * if 0 is returned, and with -ENOLINK its engine_process. See links_look(). */
    int (*look)(struct target *target, const struct device *device, struct patience *patience,
                struct link_status *ret_status, struct failure *failure);

    /* Removes a device with all that belongs to it. The port is free when this returns. */
    int (*remove)(struct target *target, const struct device *device, struct failure *failure);
};

extern const struct backend kernel_backend;
extern const struct backend engine_backend;

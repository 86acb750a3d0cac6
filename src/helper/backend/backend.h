/* The interface of a backend, which carries links. Tasks use a backend by this table alone.
 * device.h handles all backends' devices alike. backends.h tells which backend carries a device,
 * and which makes new links. */
#pragma once

#include <stdint.h>

#include "helper/backend/device.h"
#include "helper/backend/status.h"
#include "helper/netns/target.h"
#include "link/key.h"
#include "link/peer.h"

struct failure;
struct patience;

/* An engine that was started for a new link (engine/launch.h), before the sandbox was entered or by
 * a batch's launcher. A descriptor is -1 if there is none. */
struct launch {
    int process; /* its number in our pid namespace */
    union {
        struct {
            int pidfd;
            int start;   /* our end of the start socket */
            int scratch; /* NETLINK_ROUTE in the scratch namespace */
            int udp4;
            int udp6; /* last, since there is none without IPv6 */
        };
        int descriptors[5]; /* the same */
    };
};

#define LAUNCH_NONE                                                                                \
    {                                                                                              \
        .descriptors = { -1, -1, -1, -1, -1 }                                                      \
    }

struct backend {
    const char *display_name; /* as --version and cwg_show print it */
    const char *json_name;    /* as cwg_list and JSON print it */
    enum link_state
        without_carrier; /* the state to report if a device of this backend has no carrier */

    /* Each function is NULL if the program has no task that needs it. */

    /* Can this machine make new links with this backend? Called at home, before the sandbox is
     * entered. NULL: always. Returns 0, or a negative errno. */
    int (*available)(bool *ret_available, struct failure *failure);

    /* Make ready what a new link can't get in the sandbox; NULL: nothing. prepare() is called
     * before the sandbox is entered. A batch calls prepare_batch() then instead, which returns a
     * socket, the launcher; with it prepare() also works in the sandbox. Without a batch the
     * launcher is -1. Each returns 0, or a negative errno. */
    int (*prepare)(const struct home *home, int launcher, struct link_end end,
                   struct launch *ret_launch, struct failure *failure);
    int (*prepare_batch)(const struct home *home, int *ret_launcher, struct failure *failure);

    /* Closes what prepare() opened for a link of a batch, before the next link. */
    void (*forget)(struct launch *launch);

    /* Makes a device for an end, with a new key pair: not up, in the group of unfinished devices,
     * its UDP socket to be in the home namespace. Returns 0; -EEXIST without a text if its name is
     * in use; or another negative errno. On failure nothing is left. */
    int (*make)(struct target *target, struct link_end end, uint16_t port, struct launch *launch,
                struct device *ret_device, struct key *ret_public_key, struct failure *failure);

    /* Sets the device up, and binds its port. */
    int (*start)(struct target *target, const struct device *device, uint16_t port,
                 struct failure *failure);

    /* Reads the port of a device that this run of the program has started with port 0. */
    int (*port)(struct target *target, const struct device *device, uint16_t *ret_port,
                struct failure *failure);

    /* Takes the device out of the group of unfinished devices, and writes its alias. */
    int (*finish)(struct target *target, const struct device *device, struct failure *failure);

    /* Makes `peer` the one peer of a device. */
    int (*join)(struct target *target, const struct device *device, const struct peer *peer,
                struct failure *failure);

    /* Reads the status of a device's link. Returns 0; -ENOLINK if the link's carrier can't be found
     * or doesn't answer; -ENODEV if the link has gone; or another negative errno. Writes
     * *ret_status with 0, and its engine_process also with -ENOLINK. See links_look(). */
    int (*look)(struct target *target, const struct device *device, struct patience *patience,
                struct link_status *ret_status, struct failure *failure);

    /* Removes a device with all that belongs to it. Its port is free afterwards. */
    int (*remove)(struct target *target, const struct device *device, struct failure *failure);
};

extern const struct backend kernel_backend;
extern const struct backend engine_backend;

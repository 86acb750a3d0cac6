/* What carries a link: the tasks know a backend by this table, and nothing else of it. A device is
 * a backend's if its kind is, and every backend's devices are handled alike by device.h. */
#pragma once

#include <stdint.h>

#include "helper/device.h"
#include "helper/target.h"
#include "link/key.h"
#include "link/peer.h"

struct failure;
struct link_status;

struct backend {
    const char *kind;  /* IFLA_INFO_KIND of its devices */
    const char *title; /* for --version */

    /* Each is there if the task that needs it is in the program. */

    /* Makes a device for an end, with a new key pair, its UDP socket to be in the home namespace;
     * not up, in the group of unfinished ones. Returns 0, or -EEXIST if its name is in use there,
     * with no text in *failure, or another negative errno. On failure nothing is left. */
    int (*make)(struct target *target, struct link_end end, uint16_t port,
                struct device *ret_device, struct key *ret_public_key, struct failure *failure);

    /* Sets the device up, which binds the port. */
    int (*start)(struct target *target, const struct device *device, uint16_t port,
                 struct failure *failure);

    /* Takes the device out of the group of unfinished ones, and says in its alias what carries it.
     */
    int (*finish)(struct target *target, const struct device *device, struct failure *failure);

    /* Makes `peer` the one peer of a device. */
    int (*join)(struct target *target, const struct device *device, const struct peer *peer,
                struct failure *failure);

    /* What is known of the link of a device. Returns 0, -ENOLINK if what carries it can't be found
     * or doesn't answer, or another negative errno; only then is *ret_status not written. */
    int (*look)(struct target *target, const struct device *device, struct link_status *ret_status,
                struct failure *failure);

    /* Removes a device with all that belongs to it. The port is free when this returns. */
    int (*remove)(struct target *target, const struct device *device, struct failure *failure);
};

extern const struct backend kernel_backend;
extern const struct backend engine_backend;

/* All that are in the program, the preferred one first; NULL ends them. */
extern const struct backend *const backends[];

/* The one whose devices are of this kind, or NULL. */
const struct backend *backend_by_kind(const char *kind);

/* The one that new links are made with. */
const struct backend *backend_for_new(void);

/* Before the sandbox is entered, for the task that makes a link: finds out which that is, and lets
 * it make ready what it can't later. Returns 0, or a negative errno. */
int backend_prepare(const struct home *home, struct link_end end, struct failure *failure);

/* Sets the text for a port that can't be bound: `error` is -EADDRINUSE, or else -EACCES. */
int backend_fail_port(int error, uint16_t port, struct failure *failure);

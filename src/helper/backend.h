/* What carries a link: the tasks know a backend by this table, and nothing else of it. A device is
 * a backend's if its kind is, and every backend's devices are handled alike by device.h. */
#pragma once

#include <stdint.h>

#include "helper/device.h"
#include "helper/status.h"
#include "helper/target.h"
#include "link/key.h"
#include "link/peer.h"

struct failure;
struct patience;

struct backend {
    const char *kind;                /* IFLA_INFO_KIND of its devices */
    const char *title;               /* for --version */
    const char *word;                /* for those who look */
    enum link_state without_carrier; /* what it means that a device of its has none */

    /* Each is there if the task that needs it is in the program. */

    /* Makes a device for an end, with a new key pair, its UDP socket to be in the home namespace;
     * not up, in the group of unfinished ones. Returns 0, or -EEXIST if its name is in use there,
     * with no text in *failure, or another negative errno. On failure nothing is left. */
    int (*make)(struct target *target, struct link_end end, uint16_t port,
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

/* All that are in the program, the preferred one first; NULL ends them. */
extern const struct backend *const backends[];

/* The one whose devices are of this kind, or NULL. */
const struct backend *backend_by_kind(const char *kind);

/* The one that new links are made with. */
const struct backend *backend_for_new(void);

/* Before the sandbox is entered, for the task that makes a link: finds out which that is, and lets
 * it make ready what it can't later. Returns 0, or a negative errno. */
int backend_prepare(const struct home *home, struct link_end end, struct failure *failure);

/* The same for the links of a batch: finds out which carries them all. Whatever is to be made ready
 * for one of them is made ready by backend_prepare(), which may then be called in the sandbox. And
 * lets go of that, after each. */
int backend_prepare_batch(const struct home *home, struct failure *failure);
void backend_forget(void);

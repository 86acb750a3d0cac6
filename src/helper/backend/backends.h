/* The backends that are in the program. */
#pragma once

#include "helper/backend/backend.h"

/* The preferred one first; NULL ends them. */
extern const struct backend *const backends[];

/* The one that carries a device. */
const struct backend *backend_of(const struct device *device);

/* What new links are made with. */
struct making {
    const struct backend *backend; /* once it is chosen */
    bool chosen;                   /* for all links of a batch */
    int launcher;                  /* as in struct backend; -1 outside of a batch */
    struct launch launch;          /* of the next link */
};

#define MAKING_NOTHING                                                                             \
    {                                                                                              \
        .launcher = -1, .launch = {                                                                \
            .pidfd = -1,                                                                           \
            .start = -1,                                                                           \
            .udp4 = -1,                                                                            \
            .udp6 = -1,                                                                            \
            .scratch.fd = -1                                                                       \
        }                                                                                          \
    }

/* Before the sandbox is entered, for the task that makes a link: chooses the backend, and lets it
 * make ready what it can't later. Returns 0, or a negative errno. */
int backends_prepare(struct making *making, const struct home *home, struct link_end end,
                     struct failure *failure);

/* The same for the links of a batch: finds out which carries them all. Whatever is to be made ready
 * for one of them is made ready by backends_prepare(), which may then be called in the sandbox. And
 * lets go of that, after each. */
int backends_prepare_batch(struct making *making, const struct home *home, struct failure *failure);
void backends_forget(struct making *making);

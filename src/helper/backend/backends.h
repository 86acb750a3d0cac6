/* The backends in the program. */
#pragma once

#include "helper/backend/backend.h"

/* The preferred backend comes first; NULL ends the list. */
extern const struct backend *const backends[];

/* Returns the backend that carries a device. */
const struct backend *backend_of(const struct device *device);

/* How new links are made. */
struct making {
    const struct backend *backend; /* NULL until it is chosen */
    bool chosen;                   /* `backend` is chosen for all links of a batch */
    int launcher;                  /* struct backend; -1 outside of a batch */
    struct launch launch;          /* the next link's */
};

#define MAKING_NOTHING                                                                             \
    {                                                                                              \
        .launcher = -1, .launch = LAUNCH_NONE                                                      \
    }

/* Chooses the backend for a new link, and calls its prepare(), before the sandbox is entered.
 * Returns 0, or a negative errno. */
int backends_prepare(struct making *making, const struct home *home, struct link_end end,
                     struct failure *failure);

/* For a batch: chooses the backend for all its links, and calls its prepare_batch(). In the
 * sandbox, each link then calls backends_prepare(), and backends_forget() afterwards. */
int backends_prepare_batch(struct making *making, const struct home *home, struct failure *failure);
void backends_forget(struct making *making);

/* The backends that are in the program. */
#pragma once

#include "helper/backend/backend.h"

/* The preferred one first; NULL ends them. */
extern const struct backend *const backends[];

/* The one that carries a device. */
const struct backend *backend_of(const struct device *device);

/* The one that new links are made with. */
const struct backend *backend_for_new(void);

/* Before the sandbox is entered, for the task that makes a link: finds out which that is, and lets
 * it make ready what it can't later. Returns 0, or a negative errno. */
int backends_prepare(const struct home *home, struct link_end end, struct failure *failure);

/* The same for the links of a batch: finds out which carries them all. Whatever is to be made ready
 * for one of them is made ready by backends_prepare(), which may then be called in the sandbox. And
 * lets go of that, after each. */
int backends_prepare_batch(const struct home *home, struct failure *failure);
void backends_forget(void);

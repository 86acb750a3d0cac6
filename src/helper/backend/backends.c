#include "helper/backend/backends.h"

#include <stddef.h>

#include "helper/base/settings.h"

static const struct backend *const by_kind[] = {
    [KIND_KERNEL] = &kernel_backend,
    [KIND_ENGINE] = HAS_ENGINE ? &engine_backend : NULL,
};

const struct backend *const backends[] = {
    PREFERS_ENGINE ? &engine_backend : &kernel_backend,
    PREFERS_ENGINE ? &kernel_backend
    : HAS_ENGINE   ? &engine_backend
                   : NULL,
    NULL,
};

const struct backend *backend_of(const struct device *device)
{
    return by_kind[device->kind];
}

static const struct backend *for_new; /* once it is chosen */
static bool chosen;                   /* for all links of a batch */

const struct backend *backend_for_new(void)
{
    return for_new;
}

/* The preferred one; or the other one, if there is one and the preferred one can't be used here. */
static int choose(struct failure *failure)
{
    bool available = true;
    int error = 0;

    if (backends[1] && backends[0]->available)
        error = backends[0]->available(&available, failure);
    for_new = backends[available ? 0 : 1];
    return error;
}

int backends_prepare(const struct home *home, struct link_end end, struct failure *failure)
{
    int error = chosen ? 0 : choose(failure);

    if (error || !for_new->prepare)
        return error;
    return for_new->prepare(home, end, failure);
}

int backends_prepare_batch(const struct home *home, struct failure *failure)
{
    int error = choose(failure);

    chosen = true;
    if (error || !for_new->prepare_batch)
        return error;
    return for_new->prepare_batch(home, failure);
}

void backends_forget(void)
{
    if (for_new->forget)
        for_new->forget();
}

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

/* Chooses the preferred backend, or the other one, if any, where the preferred one can't be
 * used. */
static int choose(struct making *making, struct failure *failure)
{
    bool available = true;
    int error = 0;

    if (backends[1] && backends[0]->available)
        error = backends[0]->available(&available, failure);
    making->backend = backends[available ? 0 : 1];
    return error;
}

int backends_prepare(struct making *making, const struct home *home, struct link_end end,
                     struct failure *failure)
{
    int error = making->chosen ? 0 : choose(making, failure);

    if (error || !making->backend->prepare)
        return error;
    return making->backend->prepare(home, making->launcher, end, &making->launch, failure);
}

int backends_prepare_batch(struct making *making, const struct home *home, struct failure *failure)
{
    int error = choose(making, failure);

    making->chosen = true;
    if (error || !making->backend->prepare_batch)
        return error;
    return making->backend->prepare_batch(home, &making->launcher, failure);
}

void backends_forget(struct making *making)
{
    if (making->backend->forget)
        making->backend->forget(&making->launch);
}

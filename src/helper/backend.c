#include "helper/backend.h"

#include <errno.h>
#include <string.h>

#include "helper/engine.h"
#include "helper/failure.h"
#include "helper/launcher.h"
#include "helper/settings.h"
#include "helper/wireguard.h"

const struct backend *const backends[] = {
#if defined ENABLE_CWG_ENGINE && defined CWG_PREFER_ENGINE
    &engine_backend,
#endif
    &kernel_backend,
#if defined ENABLE_CWG_ENGINE && !defined CWG_PREFER_ENGINE
    &engine_backend,
#endif
    NULL,
};

const struct backend *backend_by_kind(const char *kind)
{
    for (const struct backend *const *backend = backends; *backend; backend++) {
        if (strcmp((*backend)->kind, kind) == 0)
            return *backend;
    }
    return NULL;
}

#ifdef ENABLE_CWG_CREATE

static const struct backend *for_new = &kernel_backend;
#ifdef ENABLE_CWG_ENGINE
static bool chosen; /* for all links of a batch */
#endif

const struct backend *backend_for_new(void)
{
    return for_new;
}

#ifdef ENABLE_CWG_ENGINE

/* Whether the engine is to carry new links. */
static int prefer_engine(bool *ret_engine, struct failure *failure)
{
#ifdef CWG_PREFER_ENGINE
    (void)failure;
    *ret_engine = true;
    return 0;
#else
    bool in_kernel = false;
    int error = wireguard_look(&in_kernel, failure);

    if (!error)
        *ret_engine = !in_kernel;
    return error;
#endif
}

static int choose(struct failure *failure)
{
    bool engine = false;
    int error = prefer_engine(&engine, failure);

    if (!error && engine)
        for_new = &engine_backend;
    return error;
}

int backend_prepare(const struct home *home, struct link_end end, struct failure *failure)
{
    int error = chosen ? 0 : choose(failure);

    if (error || for_new != &engine_backend)
        return error;
    return engine_launch(home, end, failure);
}

#ifdef ENABLE_CWG_BATCH

int backend_prepare_batch(const struct home *home, struct failure *failure)
{
    int error = choose(failure);

    chosen = true;
    if (error || for_new != &engine_backend)
        return error;
    return launcher_start(home, failure);
}

void backend_forget(void)
{
    engine_forget();
}

#endif

#endif

#endif

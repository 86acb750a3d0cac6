#include "helper/backend.h"

#include <string.h>

const struct backend *const backends[] = {&kernel_backend, NULL};

const struct backend *backend_by_kind(const char *kind)
{
    for (const struct backend *const *backend = backends; *backend; backend++) {
        if (strcmp((*backend)->kind, kind) == 0)
            return *backend;
    }
    return NULL;
}

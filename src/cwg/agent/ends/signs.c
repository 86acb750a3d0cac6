#include "cwg/agent/ends/signs.h"

#include <string.h>

/* A namespace may have come or gone, and an end with it. */
static void see_namespace(void *owner, const char *name)
{
    const struct signs *signs = owner;

    for (size_t i = 0; i < *signs->count; i++) {
        struct agent_end *end = (*signs->ends)[i];

        if (strcmp(end->want.engine, "netns") == 0 && (!name || strcmp(end->want.name, name) == 0))
            end_seek(end);
    }
}

/* The engine of a link may have died. */
static void see_socket(void *owner, uint16_t port)
{
    const struct signs *signs = owner;

    for (size_t i = 0; i < *signs->count; i++) {
        struct agent_end *end = (*signs->ends)[i];

        if (end->facts.device == DEVICE_SOUND && end->port == port)
            end_wake(end);
    }
}

void signs_open(struct signs *signs, struct agent_end ***ends, size_t *count)
{
    *signs = (struct signs){.ends = ends, .count = count};
    signs->namespaces = (struct namespaces){.changed = see_namespace, .owner = signs};
    signs->sockets.gone = see_socket;
    signs->sockets.owner = signs;
}

void signs_watch(struct signs *signs, struct loop *loop)
{
    namespaces_watch(&signs->namespaces, loop);
    sockets_watch(&signs->sockets, loop);
}

void signs_close(struct signs *signs)
{
    namespaces_close(&signs->namespaces);
    sockets_close(&signs->sockets);
}

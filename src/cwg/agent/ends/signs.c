#include "cwg/agent/ends/signs.h"

#include <string.h>
#include <sys/stat.h>

#include "cwg/container/attachment.h"
#include "cwg/container/netns.h"

/* A namespace may have come or gone, and an end with it. */
static void see_namespace(void *owner, const char *name)
{
    const struct signs *signs = owner;

    for (size_t i = 0; i < *signs->count; i++) {
        struct agent_end *end = (*signs->ends)[i];

        const bool by_name = strcmp(end->want.engine, "netns") == 0;
        const bool by_file = end->facts.running && end->container.netns >= 0;

        if ((by_name && (!name || strcmp(end->want.name, name) == 0)) ||
            (by_file && (!name || strcmp(end->container.file, name) == 0)))
            end_seek(end);
    }
}

/* A plugin tells of a container that is about to start: its end is looked for, if it isn't there.
 * Of one that has stopped the file is gone, and the end's process tells. Both change what networks
 * declare. */
static void see_attachment(void *owner, const char *name)
{
    struct signs *signs = owner;
    struct attachment attachment;

    if (name && name[0] == '.')
        return;
    signs->attached(signs->owner);
    if (!name || attachment_read(name, &attachment))
        return;
    for (size_t i = 0; i < *signs->count; i++) {
        struct agent_end *end = (*signs->ends)[i];

        if (strcmp(end->want.engine, attachment.engine) == 0 &&
            strcmp(end->want.name, attachment.name) == 0)
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
    signs->namespaces =
        (struct names){.directory = NETNS_DIRECTORY, .changed = see_namespace, .owner = signs};
    if (attachment_directory(signs->place))
        signs->place[0] = '\0';
    else
        (void)mkdir(signs->place, 0755); /* a user may; for others, root has made it */
    signs->attachments =
        (struct names){.directory = signs->place, .changed = see_attachment, .owner = signs};
    signs->sockets.gone = see_socket;
    signs->sockets.owner = signs;
}

void signs_watch(struct signs *signs, struct loop *loop)
{
    names_watch(&signs->namespaces, loop);
    names_watch(&signs->attachments, loop);
    sockets_watch(&signs->sockets, loop);
}

void signs_close(struct signs *signs)
{
    names_close(&signs->namespaces);
    names_close(&signs->attachments);
    sockets_close(&signs->sockets);
}

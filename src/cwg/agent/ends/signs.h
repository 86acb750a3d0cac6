/* Signs of the kernel's that an end may have changed, which wake it before its next look. */
#pragma once

#include <limits.h>

#include "cwg/agent/end/end.h"
#include "cwg/agent/loop/names.h"
#include "cwg/agent/loop/sockets.h"

struct signs {
    struct names namespaces, attachments;
    struct sockets sockets;
    char place[PATH_MAX];     /* of the attachments */
    struct agent_end ***ends; /* all there are */
    size_t *count;
    /* A container was attached to a network, or is so no more. */
    void (*attached)(void *owner);
    void *owner;
};

void signs_open(struct signs *signs, struct agent_end ***ends, size_t *count);

/* Begins to watch, and tries anew where that failed. To be called now and then. */
void signs_watch(struct signs *signs, struct loop *loop);
void signs_close(struct signs *signs);

/* Names that come and go in a directory: of namespaces in /run/netns, of attached containers. Only
 * an accelerator: an end is looked at now and then anyway. */
#pragma once

#include "cwg/agent/loop/loop.h"

struct names {
    const char *directory;
    struct loop *loop;
    struct watch watch;
    /* A name is new, or gone; NULL: any may be. */
    void (*changed)(void *owner, const char *name);
    void *owner;
};

/* Begins to watch, if there is such a directory. To be called again now and then: it may come, or
 * be made anew. `directory`, `changed` and `owner` are set already. */
void names_watch(struct names *names, struct loop *loop);
void names_close(struct names *names);

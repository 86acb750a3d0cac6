/* Names of network namespaces that come and go: /run/netns, which `ip netns` keeps. Only an
 * accelerator: an end looks at its namespace's name now and then anyway. */
#pragma once

#include "cwg/agent/loop/loop.h"

struct namespaces {
    struct loop *loop;
    struct watch watch;
    /* A name is new, or gone; NULL: any may be. */
    void (*changed)(void *owner, const char *name);
    void *owner;
};

/* Begins to watch, if there is such a directory. To be called again now and then: it may come, or
 * be made anew. `changed` and `owner` are set already. */
void namespaces_watch(struct namespaces *namespaces, struct loop *loop);
void namespaces_close(struct namespaces *namespaces);

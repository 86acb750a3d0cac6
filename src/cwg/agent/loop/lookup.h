/* Looks containers up without waiting: container_find_all() in child processes, each for all that
 * are to be asked of an engine at that moment. */
#pragma once

#include "cwg/agent/loop/child.h"
#include "cwg/container/container.h"

enum {
    LOOKUPS_AT_ONCE = 4, /* an engine's program takes a processor for tens of milliseconds */
};

/* A question. It is its owner's memory, and stays until `done` is called: once, and never within
 * lookups_add(). `container` is NULL with a failure; else the owner closes it. */
struct lookup {
    char engine[END_ENGINE_SIZE];
    char name[END_NAME_SIZE];
    void (*done)(struct lookup *lookup, const struct container *container,
                 const struct failure *failure);
    void *owner;
    struct lookup *next;
};

/* A child at work. */
struct lookup_child {
    struct lookup **asked; /* its questions, each NULL once it is answered; NULL: it is free */
    size_t count, left;
    struct lookups *lookups;
    struct child child;
    int64_t begun; /* clock_now() */
};

struct lookups {
    struct loop *loop;
    struct lookup *first, **last; /* without a child yet */
    int64_t patience;             /* milliseconds for a child */
    bool by_process; /* no descriptor of a namespace goes to the helper: processes are looked for */
    int64_t apart;   /* clock_now(): until then each question gets a child */
    struct lookup_child child[LOOKUPS_AT_ONCE];
    uint64_t found, missed; /* containers: the owners count them */
};

void lookups_open(struct lookups *lookups, struct loop *loop);
void lookups_add(struct lookups *lookups, struct lookup *lookup);

/* Starts children, and ends those that take too long. To be called in each turn of the loop.
 * Returns when it wants to be called at the latest (clock_now()). */
int64_t lookups_run(struct lookups *lookups);

/* Ends all children, and forgets all questions. */
void lookups_close(struct lookups *lookups);

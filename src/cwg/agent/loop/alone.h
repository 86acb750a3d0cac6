/* Tasks that no batch takes, since a descriptor belongs to them: of a namespace, or of a preshared
 * key. Each is done by a net-admin-helper of its own, a few at a time, and nobody waits for it. */
#pragma once

#include "cwg/agent/loop/loop.h"
#include "cwg/base/process.h"

enum {
    ALONE_AT_ONCE = 4,
};

struct task;
struct alone;

struct alone_child {
    struct alone *alone;
    struct task *task; /* NULL: this place is free */
    struct process process;
    struct watch watch; /* its pidfd */
    int64_t deadline;   /* clock_now() */
};

struct alone {
    struct loop *loop;
    const char
        *socket; /* of a batch; "" where helpers can be started here. No descriptor goes there */
    struct task *first, **last;
    struct alone_child child[ALONE_AT_ONCE];
    int64_t patience; /* milliseconds for a task */
};

/* `socket` stays the caller's, and may change. */
void alone_open(struct alone *alone, struct loop *loop, const char *socket);

/* Puts a task at the end, and takes its descriptors over. */
void alone_add(struct alone *alone, struct task *task);

/* Starts what can be started. To be called in each turn of the loop. Returns when it wants to be
 * called at the latest (clock_now()). */
int64_t alone_run(struct alone *alone);

/* Forgets all tasks. Those at work are not cut short. */
void alone_close(struct alone *alone);

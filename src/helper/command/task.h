/* The tasks, and the table that they are called by. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/base/request.h"

struct failure;
struct session;
struct target;

enum {
    TASK_ARGUMENTS_MAX = 5,
};

struct task {
    const char *name;
    const char *summary;                             /* one line for the list of tasks */
    const char *details;                             /* paragraphs for its own --help */
    enum argument arguments[TASK_ARGUMENTS_MAX + 1]; /* 0 ends them */
    int optional;                 /* so many of the last may be left out, at once */
    enum option options[OPTIONS]; /* 0 ends them */
    bool changes;                 /* it does more than look */
    bool in_batch;                /* it may stand in a batch: its result is a line at most */
    bool makes;                   /* it makes a link, which session->made then is */
    bool unprivileged;            /* it is done at home, when all privileges were given up */
    unsigned int seconds;         /* that it may take, beside those that the caller gives */

    /* Reads what the caller gives by a file or a descriptor, with the caller's own rights, before
     * other descriptors are closed; or NULL. Returns 0, or a negative errno. */
    int (*read)(const struct request *request, struct failure *failure);

    /* What has to be done before the sandbox is entered, at home; or NULL. Returns 0, or a negative
     * errno. */
    int (*prepare)(struct session *session, const struct request *request, struct failure *failure);

    /* Does it, at home. A result is written to standard output, by output_result(). Returns 0, or a
     * negative errno, and then nothing has been changed. */
    int (*run)(struct session *session, const struct request *request, struct target *target,
               struct failure *failure);

    /* In the place of that, where a task is about more than one container, or none. */
    int (*run_at_home)(struct session *session, const struct request *request,
                       struct failure *failure);
};

/* How many seconds a container may be open for that. */
unsigned int task_seconds(const struct task *task);

/* Those that config.h enables. */
extern const struct task *const tasks[];
extern const size_t task_count;

/* What comes of a task whose target couldn't be reached for `error`, or which ended with it: 0 for
 * who asked to remove what may be gone (--if-exists), if the process that named the container has
 * ended. Its links have, too, or go with the container's last process. */
int task_result(const struct request *request, int error);

/* The task of that name, or NULL. */
const struct task *task_by_name(const char *name);

extern const struct task task_create;
extern const struct task task_connect;
extern const struct task task_destroy;
extern const struct task task_show;
extern const struct task task_list;
extern const struct task task_wait;
extern const struct task task_destroy_all;
extern const struct task task_batch;
extern const struct task task_check_policy;

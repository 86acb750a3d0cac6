/* The tasks, and their table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/request.h"

struct failure;
struct session;
struct target;

enum {
    TASK_ARGUMENTS_MAX = 5,
};

struct task {
    const char *name;
    const char *summary;                             /* one line, for the list of tasks */
    const char *details;                             /* for its own --help */
    enum argument arguments[TASK_ARGUMENTS_MAX + 1]; /* 0 ends them */
    int optional; /* how many trailing arguments may be left out: all of them or none */
    enum option options[OPTIONS]; /* 0 ends them */
    bool changes;                 /* changes something */
    bool in_batch;                /* allowed in a batch: its result is at most a line */
    bool makes;                   /* makes a link, and sets session->made */
    bool unprivileged;            /* runs at home, after all privileges were given up */
    unsigned int seconds;         /* time that it may take, beside an argument <seconds> */

    /* Reads the caller's file or descriptor, with the caller's own rights, before other descriptors
     * are closed; or NULL. Returns 0, or a negative errno. */
    int (*read)(const struct request *request, struct failure *failure);

    /* Prepares the task at home, before the sandbox is entered; or NULL. Returns 0, or a negative
     * errno. */
    int (*prepare)(struct session *session, const struct request *request, struct failure *failure);

    /* Does the task, at home. Prints its result by output_result(). Returns 0, or a negative errno;
     * then nothing has been changed, or the failure says what. */
    int (*run)(struct session *session, const struct request *request, struct target *target,
               struct failure *failure);

    /* Does a task that is about several containers, or none; then `run` is NULL. */
    int (*run_at_home)(struct session *session, const struct request *request,
                       struct failure *failure);
};

/* The tasks that config.h enables. */
extern const struct task *const tasks[];
extern const size_t task_count;

/* The result of a task that ended with `error`. With --if-exists it succeeds on -ESRCH: the process
 * that named the container has ended, and its links have ended or go with the container's last
 * process. */
int task_result(const struct request *request, int error);

/* The number of a task's arguments. */
int task_arguments(const struct task *task);

/* Finds a task by its name; or NULL. */
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

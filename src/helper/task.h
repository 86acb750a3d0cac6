/* The tasks, and the table that they are called by. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/preshared.h"
#include "helper/target.h"
#include "link/link.h"
#include "link/peer.h"

struct device;
struct failure;

enum argument {
    ARGUMENT_PID = 1,
    ARGUMENT_NET,
    ARGUMENT_HOST,
    ARGUMENT_PORT,
    ARGUMENT_ENDPOINT,
    ARGUMENT_KEY,
    ARGUMENT_SECONDS,
    ARGUMENT_FILE,
    ARGUMENT_POLICY,
};

enum option {
    OPTION_PRESHARED_KEY_FILE = 1,
    OPTION_PERSISTENT_KEEPALIVE,
    OPTION_MTU,
    OPTION_JSON,
    OPTION_ALIVE,
    OPTION_ADOPT,
    OPTION_REPLACE,
    OPTION_ALLOW_OVERLAP,
    OPTION_IF_EXISTS,
    OPTION_NETS,
    OPTION_UNDO,
    OPTION_ANSWERED,
    OPTIONS,
};

enum {
    TASK_ARGUMENTS_MAX = 5,
};

/* The arguments of a task, read and found to be in range. Those it doesn't take are 0. */
struct request {
    struct target_name target;
    struct link_end end; /* as the caller gave it: for cwg_connect see task_connect.c */
    bool has_end;
    struct link_nets nets; /* of the links that are shown: all, unless told */
    uint16_t port;
    struct peer peer; /* but for the addresses behind it, and the preshared key */
    struct preshared_source preshared_key;
    uint32_t mtu;     /* 0: that of the path to the peer */
    uint32_t seconds; /* how long to wait */
    const char *file; /* NULL: standard input */
    bool given[OPTIONS];
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
    bool unprivileged;            /* it is done at home, when all privileges were given up */
    unsigned int seconds;         /* that it may take, beside those that the caller gives */

    /* What has to be done before the sandbox is entered, at home; or NULL. Returns 0, or a negative
     * errno. */
    int (*prepare)(const struct request *request, const struct home *home, struct failure *failure);

    /* Does it, at home. A result is written to standard output, by output_result(). Returns 0, or a
     * negative errno, and then nothing has been changed. */
    int (*run)(const struct request *request, struct target *target, struct failure *failure);

    /* The device that the last run() has made, for a batch, which removes it if the result can't be
     * delivered or the batch is undone; NULL if run() made none. Or there is no such function, and
     * what run() has done stands. */
    const struct device *(*made)(void);

    /* In the place of that, where a task is about more than one container, or none. */
    int (*run_at_home)(const struct request *request, const struct home *home,
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

/* Makes the file of a batch its standard input, by the caller's own rights. Returns 0, or a
 * negative errno. */
int batch_open(const char *file, struct failure *failure);

/* The helper of this machine: one `net-admin-helper batch` for all tasks that a batch takes. */
#pragma once

#include <jansson.h>

#include "cwg/base/lines.h"
#include "cwg/base/process.h"
#include "cwg/container/container.h"

enum {
    HELPER_WORDS = 12,
    HELPER_MADE_MAX = 8,
};

/* A link in a namespace's file, which no batch can undo. */
struct helper_made {
    int netns; /* the container's descriptor */
    char net[12];
    char host[4];
};

struct helper {
    struct process batch; /* pid is -1 if it doesn't run */
    struct lines answers;
    int client; /* the descriptor whose end means that nobody waits for an answer any more */
    struct helper_made made[HELPER_MADE_MAX]; /* since the last commit */
    size_t made_count;
    bool unkept;          /* the batch was told to make links since the last commit */
    bool left;            /* the helper has ended, and may have left a link */
    struct failure ended; /* why the batch has ended before its time; text "" if it hasn't */
};

/* A task of the helper's. */
struct helper_task {
    const char *name;                  /* "cwg_create" */
    const struct container *container; /* on which it works */
    const char *words[HELPER_WORDS];   /* behind the container, and a NULL: net, host and so on */
    int secret;                        /* a descriptor with a preshared key, or -1 */
    int seconds;                       /* how long the task may wait, beside its work */
};

/* Starts the batch. It undoes what it makes, unless helper_commit() says that all is well. Returns
 * 0, or -1: the program isn't installed, or the caller may not run it. */
int helper_start(struct helper *helper, int client, struct failure *failure);

/* Does a task. *ret_result is the JSON that the task printed, or NULL if it printed none; the
 * caller owns it. Failures have the helper's codes. Returns 0, or -1. */
int helper_do(struct helper *helper, const struct helper_task *task, json_t **ret_result,
              struct failure *failure);

/* Keeps what has been made so far. Returns 0, or -1. */
int helper_commit(struct helper *helper, struct failure *failure);

/* Ends the batch, which undoes what wasn't committed. Returns 0, or -1 if something is left, which
 * the failure names. */
int helper_end(struct helper *helper, struct failure *failure);

/* Says why the program couldn't be started: `error` is process_start()'s. Returns -1. */
int helper_fail_start(int error, struct failure *failure);

/* Reads a batch's answer: "ok", "ok JSON" or "error CODE TEXT". Changes the line. *ret_result is as
 * in helper_do(). Returns 0, or -1. */
int helper_read_answer(char *line, json_t **ret_result, struct failure *failure);

/* Says why a command of its own has failed: what it printed with --json, or else what it said.
 * Changes the result. Returns -1. */
int helper_fail_alone(struct process_result *result, struct failure *failure);

/* What a `cwg serve` has in its hands from the greeting to its end: the helper, the containers that
 * it was asked for, scratch processes, and a socket for a measurement. */
#pragma once

#include "cwg/checkup/scratch.h"
#include "cwg/container/container.h"
#include "cwg/machine/helper.h"
#include "cwg/store/store.h"

enum {
    SESSION_CONTAINERS_MAX = 256,
    SESSION_SCRATCHES_MAX = 16,
    SESSION_KEPT_MAX = 8,
};

/* A line of the agent's store that the session has written, and no commit has kept yet. */
struct session_kept {
    char path[STORE_PATH_SIZE];
    bool was_there;
    char before[STORE_LINE_SIZE]; /* the line, if it was */
};

struct session {
    struct helper helper;
    struct failure helper_failure; /* why the helper couldn't be started; text "" if it was */
    struct container containers[SESSION_CONTAINERS_MAX]; /* an index is a request's container */
    size_t container_count;
    struct scratch scratches[SESSION_SCRATCHES_MAX];
    size_t scratch_count;
    int probe; /* a socket for one measurement; -1: none */
    struct session_kept kept[SESSION_KEPT_MAX];
    size_t kept_count;
};

/* Begins a session, which is zero before, and starts the helper. `client` is the descriptor whose
 * end means that nobody waits for an answer any more; it stays the caller's. A helper that can't be
 * started is a failure of the requests that need it. */
void session_begin(struct session *session, int client);

/* Returns 0 if the helper was started; or -1, with the reason why it couldn't be. */
int session_need_helper(const struct session *session, struct failure *failure);

/* Finds a running container, and keeps it until the end. An empty engine means all that are
 * installed. A container that was found before keeps its number. Returns its number, or -1. */
int session_find(struct session *session, const char *engine, const char *name,
                 struct failure *failure);

/* Starts a scratch process, which ends with the session. Returns its pid, or -1. */
pid_t session_start_scratch(struct session *session, struct failure *failure);

/* Removes what was made and not committed, and ends all else. Returns 0, or -1 if something may be
 * left. */
int session_end(struct session *session);

/* What a run of the program knows and has, from its start to its end; the tasks of a batch share
 * it. main() has the one that there is, and hands it down: no other file keeps anything from one
 * call of its functions to the next, but for what is the process's own: its capabilities
 * (privilege.c), its timer (deadline.c) and the memory that its keys are in (secret.h). */
#pragma once

#include "helper/admin/audit.h"
#include "helper/admin/policy.h"
#include "helper/backend/backends.h"
#include "helper/command/output.h"
#include "helper/netns/census.h"
#include "helper/netns/home.h"

struct session {
    struct home home;
    struct policy policy;
    struct audit audit;
    struct output output;
    struct making making;
    struct device made;    /* the link that the last task has made; index 0: none */
    struct key public_key; /* of that */
    int taker;             /* the socket to the process that takes a batch's censuses; or -1 */
    struct census census;  /* of a list */
};

#define SESSION_NEW                                                                                \
    {                                                                                              \
        .making = MAKING_NOTHING, .taker = -1                                                      \
    }

/* The state of one run of the program, from start to end. The tasks of a batch share it. main() has
 * the only session, and hands it down. No other file keeps state between two calls, except for the
 * process's own: capabilities (privilege.c), timer (deadline.c) and the memory of keys
 * (secret.h). */
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
    struct device made;    /* the last task's new link; index 0: none */
    struct key public_key; /* of `made` */
    int taker;             /* socket to the process that takes a batch's censuses; or -1 */
    struct census census;  /* a list's */
};

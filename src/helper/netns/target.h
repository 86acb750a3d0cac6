/* The target: the network namespace of a task's links. */
#pragma once

#include <stdbool.h>

#include "helper/netlink/netlink.h"
#include "helper/netns/home.h"

struct failure;
struct policy;
struct target_name;

struct target {
    const struct home *home;
    const struct policy *policy; /* the caller's */
    int pidfd;                   /* -1 if a descriptor names the target */
    int descriptor;              /* that descriptor, the caller's own; or -1 */
    struct netns netns;
    bool initial;           /* the machine's own */
    struct netlink route;   /* in the target, NETLINK_ROUTE */
    struct netlink dumps;   /* the same, for dumps: an endless dump leaves answers behind */
    struct netlink generic; /* in the target, NETLINK_GENERIC */
};

/* A closed target: all its descriptors may be closed. */
#define TARGET_NONE                                                                                \
    {                                                                                              \
        .pidfd = -1, .descriptor = -1, .netns.fd = -1, .route.fd = -1, .dumps.fd = -1,             \
        .generic.fd = -1                                                                           \
    }

/* Resolves the name, once; opens the sockets that tasks need; checks that the caller may work
 * there; and, with `wait`, waits for other commands on this namespace. The helper is at home before
 * and after. startup_close_all() closes all in the end; while something is open the deadline runs.
 * Returns 0, or a negative errno with nothing left open: -ESRCH if there is no such process, or
 * none of the caller's; -EPERM if the caller may not work there; -EACCES if this program can't. */
int target_open(const struct home *home, const struct policy *policy,
                const struct target_name *name, bool wait, struct target *ret_target,
                struct failure *failure);

/* Closes all of a target, for a task that goes on to another target, or writes its result. */
void target_close(struct target *target);

/* Leave a target, and come back. The helper writes to no descriptor of the caller's while a
 * container is open. A write can take as long as the caller likes: nobody reads the pipe; the file
 * is one of FUSE; somebody writes to the same pipe from memory that never comes, and holds its
 * lock. Sometimes not even SIGKILL ends such a process, and its open container would live as long,
 * with its links and their ports. So a task that goes on after its result leaves the container, and
 * comes back.
 *
 * target_leave() closes all but the pidfd, which keeps no namespace, and ends the turn.
 * target_return() opens the same network namespace again, if the process still lives and is still
 * in it, and takes a turn. Returns 0, or a negative errno with nothing open. */
void target_leave(struct target *target);
int target_return(struct target *target, struct failure *failure);
bool target_is_open(const struct target *target);

/* Ends the turn for a moment, and takes a new one. */
void target_yield(const struct target *target);

/* Asks for a list of something in the target: `failed` says that there is none. Returns 0, or a
 * negative errno. */
int target_list(struct target *target, struct message *request, netlink_answer *take, void *context,
                const char *failed, struct failure *failure);

/* Checks that the process that named the target still lives. Returns 0, or -ESRCH. */
int target_alive(const struct target *target, struct failure *failure);

/* The target: the network namespace where the links' devices are that a task is about. */
#pragma once

#include <stdbool.h>

#include "helper/netlink/netlink.h"
#include "helper/netns/home.h"

struct failure;
struct policy;
struct target_name;

struct target {
    const struct home *home;
    const struct policy *policy; /* of the caller's */
    int pidfd;                   /* -1 if the target was named by a descriptor */
    int descriptor;              /* that, the caller's own; else -1 */
    struct netns netns;
    bool initial;           /* it is the machine's own */
    struct netlink route;   /* in the target, NETLINK_ROUTE */
    struct netlink dumps;   /* the same, for dumps: of one that has no end, answers stay behind */
    struct netlink generic; /* in the target, NETLINK_GENERIC */
};

/* One that isn't open: its descriptors may be closed. */
#define TARGET_NONE                                                                                \
    {                                                                                              \
        .pidfd = -1, .descriptor = -1, .netns.fd = -1, .route.fd = -1, .dumps.fd = -1,             \
        .generic.fd = -1                                                                           \
    }

/* Resolves the name, once, and opens all that tasks need; checks that the caller may work there;
 * and, for a task that changes something, waits for the other commands on this namespace. The
 * helper itself is at home before and after. What is open in the end is closed by
 * startup_close_all(); while it is open the deadline runs. Returns 0, or a negative errno, and then
 * has left nothing open: -ESRCH if there is no such process, or none of the caller's; -EPERM if the
 * caller may not work there; -EACCES if this program can't. */
int target_open(const struct home *home, const struct policy *policy,
                const struct target_name *name, bool wait, struct target *ret_target,
                struct failure *failure);

/* Closes what that has opened, for a task that goes on to another one, or that writes its result.
 */
void target_close(struct target *target);

/* Nothing is written to a descriptor of the caller's while a container is open. A write can take as
 * long as the caller likes: nobody reads the pipe; the file is one of FUSE; somebody writes to the
 * same pipe from memory that is never there, and holds its lock. In some of these cases not even
 * SIGKILL ends the process, and a container that it has open would live as long, with its links and
 * their ports. So a task that has to go on after its result was written leaves the container, and
 * comes back:
 *
 * target_leave() closes all but the pidfd, which keeps no namespace, and ends the turn.
 * target_return() opens the same network namespace again, if the process still lives and is still
 * in it, and takes a turn. Returns 0, or a negative errno, and then nothing is open. */
void target_leave(struct target *target);
int target_return(struct target *target, struct failure *failure);
bool target_is_open(const struct target *target);

/* Lets another command have its turn, for a moment; and takes one again. */
void target_yield(const struct target *target);

/* Whether the process that named the target still lives. Returns 0, or -ESRCH. */
int target_alive(const struct target *target, struct failure *failure);

#include "helper/netns/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "helper/admin/policy.h"
#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/request.h"
#include "helper/base/settings.h"
#include "helper/confine/deadline.h"
#include "helper/confine/privileged.h"

enum {
    LOCK_TRIES = 100,
    LOCK_PAUSE = 20, /* milliseconds, between two tries */
};

/* May the caller work in containers of his own only? Then one text serves for a missing process and
 * for one that isn't the caller's, so that nobody learns of others' processes. */
static bool own_containers_only(const struct policy *policy)
{
    if (OWN_CONTAINERS_ONLY)
        return true;
    return HAS_POLICY ? policy_own_containers(policy) : false;
}

static int fail_no_process(const struct policy *policy, struct failure *failure)
{
    if (own_containers_only(policy))
        return fail_as(
            failure, FAILURE_NO_SUCH_PROCESS, -ESRCH,
            "pid: no such process, or not in a container of yours; give the pid of a running "
            "process in a container that you started");
    return fail_as(
        failure, FAILURE_NO_SUCH_PROCESS, -ESRCH,
        "pid: no such process: it has ended or never was; give the pid of a running process "
        "in the container, as seen from here");
}

/* Has the text of fail_no_process(), but not its errno: --if-exists may pass over an ended process
 * only. */
static int fail_not_yours(const struct policy *policy, struct failure *failure)
{
    (void)fail_no_process(policy, failure);
    return -EPERM;
}

static int fail_not_permitted(const struct policy *policy, struct failure *failure)
{
    if (own_containers_only(policy))
        return fail_not_yours(policy, failure);
    return fail_as(
        failure, FAILURE_NOT_PERMITTED, -EACCES,
        "pid: not permitted to enter the network namespace of that process: this program has no "
        "rights over its user namespace; run this program where the containers are started");
}

static int pidfd_from(int pid, const struct policy *policy, int *ret_pidfd, struct failure *failure)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    /* The number of a thread that isn't its process's first gives EINVAL, and ENOENT since 6.15. */
    if (pidfd < 0 && (errno == ESRCH || errno == EINVAL || errno == ENOENT))
        return fail_no_process(policy, failure);
    if (pidfd < 0)
        return fail_unexpected(failure, -errno, "pid: can't open the process");
    *ret_pidfd = pidfd;
    return 0;
}

/* Checks the caller's descriptor. Before an ioctl it has to be of nsfs, whose ioctls are
 * harmless. */
static int check_descriptor(int fd, struct failure *failure)
{
    struct statfs status;

    if (fstatfs(fd, &status) < 0 || status.f_type != NSFS_MAGIC ||
        ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
        return fail_descriptor(failure);
    return 0;
}

/* Opens the sockets inside. Also finds out if this is the machine's initial namespace: some
 * settings are in that namespace alone (net_core_table, net/core/sysctl_net_core.c). /proc/sys/net
 * shows those of the namespace that we are in, whatever is mounted where we were started. */
static int open_inside(struct target *target)
{
    int error = netlink_open(NETLINK_ROUTE, &target->route);

    target->initial = home_find_file("/proc/sys/net/core/netdev_budget") != -ENOENT;
    if (!error)
        error = netlink_open(NETLINK_ROUTE, &target->dumps);
    if (!error)
        error = netlink_open(NETLINK_GENERIC, &target->generic);
    if (!error)
        error = netns_of(target->route.fd, SIOCGSKNS, &target->netns);
    return error;
}

static int visit(struct target *target, struct failure *failure)
{
    int error = home_check_way(target->home, failure);

    if (error)
        return -EACCES;
    error = target->pidfd >= 0 ? privileged_enter_process(target->pidfd)
                               : privileged_enter_netns(target->descriptor);
    if (error == -ESRCH)
        return fail_no_process(target->policy, failure);
    if (error == -EPERM)
        return fail_not_permitted(target->policy, failure);
    if (error)
        return fail_unexpected(failure, error, "pid: can't enter its network namespace");
    error = open_inside(target);
    home_return(target->home);
    if (error == -EPERM)
        return fail_not_permitted(target->policy, failure);
    if (error)
        return fail_unexpected(failure, error, "pid: can't open netlink in its network namespace");
    return 0;
}

static bool owned_by(uid_t uid, const struct netns *netns)
{
    uid_t owner;
    int userns = ioctl(netns->fd, NS_GET_USERNS);
    bool known = userns >= 0 && ioctl(userns, NS_GET_OWNER_UID, &owner) == 0;

    if (userns >= 0)
        close(userns);
    return known && owner == uid;
}

/* Refuses targets on which a caller other than root may not work. */
static int check_policy(const struct home *home, const struct target *target,
                        struct failure *failure)
{
    uid_t caller = getuid();

    if (caller == 0)
        return 0;
    if (HAS_OWN_CONTAINERS && own_containers_only(target->policy) &&
        !owned_by(caller, &target->netns))
        return fail_not_yours(target->policy, failure);
    if (home_check(home, failure))
        return -EACCES;
    if (target->initial || netns_same(&target->netns, &home->netns))
        return fail_as(failure, FAILURE_NOT_PERMITTED, -EPERM,
                       "pid: that process is in the host's network namespace, not in a "
                       "container's; give the pid of a process in the container");
    return 0;
}

/* Waits for other commands on this namespace, at most two seconds: anybody in the container can
 * hold this lock, and gains only a pause. Closing the namespace ends the turn. */
static void take_turn(const struct target *target)
{
    for (int i = 0; i < LOCK_TRIES && flock(target->netns.fd, LOCK_EX | LOCK_NB) < 0; i++)
        clock_pause(LOCK_PAUSE);
}

void target_yield(const struct target *target)
{
    (void)flock(target->netns.fd, LOCK_UN);
    clock_pause(LOCK_PAUSE);
    take_turn(target);
}

void target_leave(struct target *target)
{
    netlink_close(&target->route);
    netlink_close(&target->dumps);
    netlink_close(&target->generic);
    file_close(&target->netns.fd);
    deadline_stop();
}

void target_close(struct target *target)
{
    target_leave(target);
    file_close(&target->pidfd);
}

bool target_is_open(const struct target *target)
{
    return target->netns.fd >= 0;
}

/* Enters the container, opens the sockets there, and checks the caller's right. */
static int enter(struct target *target, struct failure *failure)
{
    int error;

    deadline_start();
    error = visit(target, failure);
    return error ? error : check_policy(target->home, target, failure);
}

int target_return(struct target *target, struct failure *failure)
{
    const struct netns left = target->netns;
    int error = enter(target, failure);

    if (!error && !netns_same(&target->netns, &left))
        error = fail_as(failure, FAILURE_NO_SUCH_PROCESS, -ESTALE,
                        "pid: the process has gone to another network namespace in the meantime; "
                        "give the pid of a process that stays in its container");
    if (error) {
        target_leave(target);
        target->netns = left;
        target->netns.fd = -1;
        return error;
    }
    take_turn(target);
    return 0;
}

int target_open(const struct home *home, const struct policy *policy,
                const struct target_name *name, bool wait, struct target *ret_target,
                struct failure *failure)
{
    struct target target = TARGET_NONE;
    int error = name->kind == TARGET_PID ? pidfd_from(name->number, policy, &target.pidfd, failure)
                                         : check_descriptor(name->number, failure);

    target.home = home;
    target.policy = policy;
    if (name->kind == TARGET_DESCRIPTOR)
        target.descriptor = name->number;
    if (!error)
        error = enter(&target, failure);
    if (error) {
        target_close(&target);
        return error;
    }
    if (wait)
        take_turn(&target);
    *ret_target = target;
    return 0;
}

int target_list(struct target *target, struct message *request, netlink_answer *take, void *context,
                const char *failed, struct failure *failure)
{
    int error = netlink_ask(&target->dumps, request, take, context);

    return error ? fail_unexpected(failure, error, failed) : 0;
}

int target_alive(const struct target *target, struct failure *failure)
{
    /* A pidfd becomes readable when its process ends (pidfd_open(2)). */
    if (target->pidfd >= 0 && clock_await(target->pidfd, POLLIN, 0) != 0)
        return fail_as(
            failure, FAILURE_NO_SUCH_PROCESS, -ESRCH,
            "pid: the process ended in the meantime; start the container again, and give the "
            "pid of a process that stays");
    return 0;
}

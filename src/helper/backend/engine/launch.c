#include "helper/backend/engine/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/backend/engine/child.h"
#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/random.h"
#include "helper/base/settings.h"
#include "helper/confine/privileged.h"

enum {
    SOCKET_BUFFER = 8 * 1024 * 1024, /* for a burst while the engine is busy */
    READY_SECONDS = 5,
};

/* Opens the engine's program. From here on we hold it by its descriptor: the file that is checked
 * is the file that runs. */
static int open_program(int *ret_program, struct failure *failure)
{
    struct stat status;
    int fd = open(ENGINE_PATH, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return fail_as(failure, FAILURE_NO_BACKEND, -ENOENT,
                       "this kernel has no WireGuard: load its module with `modprobe wireguard`, "
                       "or install the engine with `" INSTALLER "`: there is no %s",
                       ENGINE_PATH);
    if (fd < 0 || fstat(fd, &status) < 0)
        return fail_unexpected(failure, -errno, "can't open the engine's program, " ENGINE_PATH);
    /* child.c says why it is unreadable. */
    if (!S_ISREG(status.st_mode) || status.st_uid != 0 ||
        status.st_mode & (S_IWGRP | S_IWOTH | S_IRGRP | S_IROTH))
        return fail_as(failure, FAILURE_NO_BACKEND, -EPERM,
                       "the engine's program, %s, is not a file that root owns and nobody else may "
                       "write or read: install it with `" INSTALLER "`",
                       ENGINE_PATH);
    *ret_program = fd;
    return 0;
}

static int open_udp(int family, int *ret_fd)
{
    static const int on = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
    int error = fd < 0 ? -errno : privileged_set_buffers(fd, SOCKET_BUFFER);

    if (!error && family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
        error = -errno;
    if (!error)
        *ret_fd = fd;
    return error;
}

/* Opens the link's UDP sockets, at home, and the start socket. */
static int open_sockets(struct launch *launch, int handover[static HANDOVER_DESCRIPTORS],
                        struct failure *failure)
{
    int ends[2];
    int error = open_udp(AF_INET, &launch->udp4);

    if (!error)
        error = open_udp(AF_INET6, &launch->udp6);
    if (error && (launch->udp4 < 0 || error != -EAFNOSUPPORT))
        return fail_unexpected(failure, error, "can't open the link's UDP sockets");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_unexpected(failure, -errno, "can't open the engine's start socket");
    launch->start = ends[0];
    handover[HANDOVER_START] = ends[1];
    handover[HANDOVER_UDP4] = launch->udp4;
    handover[HANDOVER_UDP6] = launch->udp6;
    return 0;
}

/* Makes the TUN device in the scratch namespace, where nobody else has its name. */
static int make_device(const char *name, int index, int *ret_tun)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int error = fd < 0 ? -errno : privileged_make_tun(fd, name, index, HANDOVER_VNET_SIZE);

    if (!error)
        *ret_tun = fd;
    return error;
}

int launch_fail_process(int error, struct failure *failure)
{
    fail_unexpected(failure, error, "can't start a process for the engine");
    if (error == -EAGAIN) {
        failure->code = FAILURE_SHORTAGE;
        failure_add(failure,
                    "; raise your limit of processes (`ulimit -u`, or TasksMax= of the service)");
    }
    return error;
}

/* Starts the child by clone() itself, without fork()'s handlers of libc. CLONE_PIDFD: the pidfd
 * can't mean another process. */
static int start_process(struct launch *launch, const int handover[static HANDOVER_DESCRIPTORS],
                         struct failure *failure)
{
    long process = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &launch->pidfd, 0, 0);

    if (process < 0)
        return launch_fail_process(-errno, failure);
    if (process == 0)
        child_become_engine(handover);
    launch->process = (int)process;
    return 0;
}

static int fail_device(int error, struct failure *failure)
{
    switch (error) {
    case -EACCES:
        return fail_as(failure, FAILURE_NO_BACKEND, error,
                       "the engine needs /dev/net/tun, and you may not open it: as root, `chmod "
                       "0666 /dev/net/tun`, as udev does");
    case -ENOENT:
    case -ENODEV:
    case -ENXIO:
        return fail_as(failure, FAILURE_NO_BACKEND, error,
                       "the engine needs /dev/net/tun, and there is none: as root, `modprobe tun`; "
                       "or, if this program runs in a container, give the device to that container "
                       "(the link then ends with it)");
    case -EPERM:
        return fail_as(failure, FAILURE_NO_BACKEND, error,
                       "the engine needs /dev/net/tun, and the container that this program runs in "
                       "may not open it: allow this device to the container");
    default:
        return fail_unexpected(failure, error, "can't make the engine's device");
    }
}

/* Chooses a random index, which the device keeps when it is moved. By itself each scratch namespace
 * would give the same index, and a command that was stopped for long could hit a later link. Other
 * devices have no index from 2^30 up. */
static int choose_index(int *ret_index, struct failure *failure)
{
    uint32_t random;
    int error = random_fill(&random, sizeof(random));

    if (error)
        return fail_unexpected(failure, error, "can't get random bytes");
    *ret_index = (int)(UINT32_C(1) << 30 | random >> 2);
    return 0;
}

static int start_inside(const char *name, int index, struct launch *launch,
                        int handover[static HANDOVER_DESCRIPTORS], struct failure *failure)
{
    struct netlink scratch;
    int error = make_device(name, index, &handover[HANDOVER_TUN]);

    if (error)
        return fail_device(error, failure);
    error = netlink_open(NETLINK_ROUTE, &scratch);
    if (error)
        return fail_unexpected(failure, error, "can't open netlink for the engine's device");
    launch->scratch = scratch.fd;
    return start_process(launch, handover, failure);
}

int launch_engine(const struct home *home, struct link_end end, struct launch *ret_launch,
                  struct failure *failure)
{
    struct launch launch = LAUNCH_NONE;
    int handover[HANDOVER_DESCRIPTORS] = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
    _Static_assert(HANDOVER_DESCRIPTORS == 9, "each is -1 at first");
    char name[LINK_NAME_SIZE];
    int index = 0;
    int error = device_name(end, name, failure);

    if (!error)
        error = home_check_way(home, failure);
    if (!error)
        error = choose_index(&index, failure);
    if (!error)
        error = open_program(&handover[HANDOVER_PROGRAM], failure);
    if (!error)
        error = open_sockets(&launch, handover, failure);
    if (error)
        return error;
    error = privileged_enter_new_netns();
    if (error)
        return fail_unexpected(failure, error, "can't make a network namespace for the engine");
    error = start_inside(name, index, &launch, handover, failure);
    home_return(home);
    if (error)
        return error;
    /* An open TUN descriptor keeps the device in being: from now on only the engine has one. */
    close(handover[HANDOVER_TUN]);
    close(handover[HANDOVER_START]);
    close(handover[HANDOVER_PROGRAM]);
    *ret_launch = launch;
    return 0;
}

static int fail_report(const struct child_report *report, struct failure *failure)
{
    static const char *const doing[CHILD_STEPS] = {
        [CHILD_STEP_DESCRIPTORS] = "can't start the engine: its descriptors can't be put in place",
        [CHILD_STEP_ROOT] =
            "can't start the engine: its empty root directory can't be made (AppArmor may forbid "
            "mounts, as in Docker; the initramfs, and a chroot that is no mount, allow none)",
        [CHILD_STEP_PRIVILEGES] = "can't start the engine: it can't give up its privileges",
        [CHILD_STEP_PROGRAM] = "can't run the engine's program, " ENGINE_PATH " (`" INSTALLER
                               "` installs it for the caller's group)",
    };

    if (report->step >= CHILD_STEPS || report->error >= 0)
        return fail_as(failure, FAILURE_NO_BACKEND, -EPROTO,
                       "the engine's program is of another version: install it again with "
                       "`" INSTALLER "`");
    return fail_unexpected(failure, report->error, doing[report->step]);
}

int launch_await_key(const struct launch *launch, struct key *ret_public_key,
                     struct failure *failure)
{
    union {
        struct key key;
        struct child_report report;
    } said = {0};
    struct iovec buffer = {.iov_base = &said, .iov_len = sizeof(said)};
    struct msghdr header = {.msg_iov = &buffer, .msg_iovlen = 1};
    ssize_t size = 0;

    if (clock_await(launch->start, POLLIN, (int64_t)READY_SECONDS * 1000) == 0)
        return fail_as(failure, FAILURE_ENGINE_BUSY, -ETIMEDOUT,
                       "the engine isn't ready after %d seconds: try again", READY_SECONDS);
    size = recvmsg(launch->start, &header, MSG_DONTWAIT);
    /* It ended without reading its name: the kernel reports that first, and once. */
    if (size < 0 && errno == ECONNRESET)
        size = recvmsg(launch->start, &header, MSG_DONTWAIT);
    if (size == sizeof(said.report))
        return fail_report(&said.report, failure);
    if (size != sizeof(said.key) || header.msg_flags & MSG_TRUNC || key_is_zero(&said.key))
        return fail_as(failure, FAILURE_NO_BACKEND, -EPROTO,
                       "the engine ended before it was ready: is %s of this version, and is there "
                       "memory? install it again with `" INSTALLER "`",
                       ENGINE_PATH);
    *ret_public_key = said.key;
    return 0;
}

void launch_close(struct launch *launch)
{
    for (size_t i = 0; i < sizeof(launch->descriptors) / sizeof(launch->descriptors[0]); i++)
        file_close(&launch->descriptors[i]);
}

int launch_go(const struct launch *launch, struct failure *failure)
{
    static const char go = HANDOVER_GO;

    if (send(launch->start, &go, sizeof(go), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return fail_unexpected(failure, -errno, "the engine has ended");
    return 0;
}

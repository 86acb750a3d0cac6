/* Every system call there is, and more, each in a child of its own that is in the sandbox: it is in
 * the list below, with these arguments, or the child dies by SIGSYS. The list is a second statement
 * of what sandbox.c says, so that a call can't come in by a slip.
 *
 * The program is built twice, with ENABLE_CWG_ENGINE and with CWG_OWN_CONTAINERS_ONLY, and without
 * sanitizers, since these make system calls of their own. */
#include "helper/confine/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"
#include "handover/handover.h"
#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "unit.h"

/* Allowed whatever the arguments are. */
const long allowed[] = {
    SYS_capset,        SYS_pidfd_open, SYS_fstat,       SYS_faccessat,     SYS_fstatfs,
    SYS_getuid,        SYS_flock,      SYS_ppoll,       SYS_connect,       SYS_sendto,
    SYS_sendmsg,       SYS_recvmsg,    SYS_close,       SYS_getrandom,     SYS_exit_group,
    SYS_clock_gettime, SYS_bind,       SYS_getsockname, SYS_timer_settime,
#ifdef ENABLE_CWG_POLICY
    SYS_newfstatat,
#endif
};

const size_t allowed_count = COUNT(allowed);

int enter(void)
{
    return sandbox_enter(&(struct failure){.text = ""});
}

#ifdef CWG_OWN_CONTAINERS_ONLY
static const bool own_only = true;
#else
static const bool own_only = false;
#endif
#ifdef ENABLE_CWG_ENGINE
static const bool engine = true;
#else
static const bool engine = false;
#endif

/* The kernel looks at the lower half of an int only. */
#define AT_FDCWD_HALF ((unsigned int)AT_FDCWD)

#define VALUES(...)                                                                                \
    (const unsigned long[]){__VA_ARGS__}, sizeof((unsigned long[]){__VA_ARGS__}) / sizeof(long)

/* Allowed, or not, for an argument. */
static const struct {
    long call;
    unsigned int index;
    bool allowed;
    const unsigned long *values;
    size_t count;
} conditions[] = {
    {SYS_setns, 1, true, VALUES(CLONE_NEWNET, 0x100000000 | CLONE_NEWNET)},
    {SYS_setns, 1, false,
     VALUES(0, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC,
            CLONE_NEWCGROUP, 0x80 /* CLONE_NEWTIME */, CLONE_NEWNET | CLONE_NEWNS,
            CLONE_NEWNET | CLONE_NEWUSER, CLONE_NEWNET | 1, 0xffffffff,
            (unsigned long)CLONE_NEWNET << 32)},
    {SYS_setns, 0, false, VALUES(CLONE_NEWNET)},
    {SYS_setns, 2, false, VALUES(CLONE_NEWNET)},

    {SYS_ioctl, 1, true, VALUES(SIOCGSKNS, NS_GET_NSTYPE, 0x100000000 | SIOCGSKNS)},
    {SYS_ioctl, 1, own_only || engine, VALUES(NS_GET_USERNS)},
    {SYS_ioctl, 1, own_only, VALUES(NS_GET_OWNER_UID)},
    {SYS_ioctl, 1, engine, VALUES(TUNGETIFF, TUNGETDEVNETNS)},
    {SYS_ioctl, 1, false,
     VALUES(TUNSETIFF, TUNSETPERSIST, TUNSETOWNER, NS_GET_PARENT, 0, TIOCSTI, TIOCLINUX, TIOCGWINSZ,
            TCGETS, FIONREAD, FIONBIO, FIOSETOWN, SIOCGIFCONF, SIOCSIFFLAGS, SIOCSIFADDR,
            SIOCBRADDBR, SIOCGSKNS - 1, SIOCGSKNS + 1, 0x5412ffff)},
    {SYS_ioctl, 0, false, VALUES(SIOCGSKNS)},
    {SYS_ioctl, 2, false, VALUES(SIOCGSKNS)},

    {SYS_setsockopt, 1, true, VALUES(SOL_NETLINK)},
    {SYS_setsockopt, 1, false,
     VALUES(SOL_SOCKET, 0 /* SOL_IP */, 6 /* SOL_TCP */, 17 /* SOL_UDP */, 41 /* SOL_IPV6 */,
            255 /* SOL_RAW */, 263 /* SOL_PACKET */, SOL_NETLINK - 1, SOL_NETLINK + 1)},
    {SYS_setsockopt, 0, false, VALUES(SOL_NETLINK)},
    {SYS_setsockopt, 2, false, VALUES(SOL_NETLINK)},

    {SYS_getsockopt, 1, engine, VALUES(SOL_SOCKET)},
    {SYS_getsockopt, 1, false, VALUES(0 /* SOL_IP */, SOL_NETLINK)},
    {SYS_getsockopt, 0, false, VALUES(SOL_SOCKET)},

    {SYS_pidfd_getfd, 1, engine, VALUES(HANDOVER_TUN, HANDOVER_CONTROL)},
    {SYS_pidfd_getfd, 1, false, VALUES(HANDOVER_UDP4, HANDOVER_START, STDOUT_FILENO)},
    {SYS_pidfd_getfd, 0, false, VALUES(HANDOVER_TUN)},
    {SYS_pidfd_getfd, 2, false, VALUES(HANDOVER_TUN)},

    {SYS_pidfd_send_signal, 1, engine, VALUES(SIGKILL)},
    {SYS_pidfd_send_signal, 1, false, VALUES(0, SIGTERM, SIGSTOP)},
    {SYS_pidfd_send_signal, 2, false, VALUES(SIGKILL)},

    {SYS_close_range, 0, true, VALUES(3)},
    {SYS_close_range, 0, false, VALUES(0, 4)},
    {SYS_close_range, 1, false, VALUES(3)},

    {SYS_read, 0, true, VALUES(STDIN_FILENO, 0x100000000)},
    {SYS_read, 0, false, VALUES(STDOUT_FILENO, STDERR_FILENO, 3, 4, 0xffffffff, 0x100000001)},
    {SYS_read, 1, false, VALUES(STDIN_FILENO)},
    {SYS_read, 2, false, VALUES(STDIN_FILENO)},

    {SYS_write, 0, false, VALUES(STDIN_FILENO, 3, 4, 5, 1023, 0xffffffff, 0x100000000)},
    {SYS_write, 0, true, VALUES(STDOUT_FILENO, STDERR_FILENO, 0x100000001)},
    {SYS_write, 1, false, VALUES(STDOUT_FILENO)},
    {SYS_write, 2, false, VALUES(STDOUT_FILENO)},
};

/* The same for two arguments at once. */
static const struct {
    long call;
    unsigned int index[2];
    unsigned long value[2];
    bool allowed;
} pairs[] = {
    {SYS_socket, {0, 1}, {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK}, true},
    {SYS_socket, {0, 1}, {AF_INET, SOCK_DGRAM}, false},
    {SYS_socket, {0, 1}, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK}, false},
    {SYS_socket, {0, 1}, {AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK}, false},
    {SYS_socket, {0, 1}, {AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK}, true},
    {SYS_socket, {0, 1}, {AF_INET6, SOCK_DGRAM}, false},
    {SYS_socket, {0, 1}, {AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK}, false},
    {SYS_socket, {0, 1}, {AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK}, false},
    {SYS_socket, {1, 2}, {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK}, false},

    {SYS_socket, {0, 1}, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK}, engine},
    {SYS_socket, {0, 1}, {AF_UNIX, SOCK_SEQPACKET}, false},
    {SYS_socket, {0, 1}, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK}, false},
    {SYS_socket, {0, 1}, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK}, false},

    {SYS_statx, {0, 2}, {AT_FDCWD_HALF, AT_STATX_DONT_SYNC}, engine},
    {SYS_statx, {0, 2}, {AT_FDCWD_HALF, AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW}, engine},
    {SYS_statx, {0, 2}, {AT_FDCWD_HALF, 0}, false},
    {SYS_statx, {0, 2}, {AT_FDCWD_HALF, AT_STATX_FORCE_SYNC}, false},
    {SYS_statx, {0, 2}, {AT_FDCWD_HALF, AT_STATX_DONT_SYNC | AT_EMPTY_PATH}, false},
    {SYS_statx, {0, 2}, {3, AT_STATX_DONT_SYNC}, false},

    {SYS_setsockopt, {1, 2}, {SOL_SOCKET, SO_BINDTOIFINDEX}, true},
    {SYS_setsockopt, {1, 2}, {SOL_SOCKET, SO_BINDTODEVICE}, false},
    {SYS_setsockopt, {1, 2}, {SOL_SOCKET, SO_MARK}, false},
    {SYS_setsockopt, {1, 2}, {SOL_SOCKET, SO_ATTACH_FILTER}, false},
    {SYS_setsockopt, {1, 2}, {SOL_SOCKET, SO_SNDBUFFORCE}, false},
    {SYS_setsockopt, {1, 2}, {0 /* SOL_IP */, SO_BINDTOIFINDEX}, false},
    {SYS_setsockopt, {0, 1}, {SOL_SOCKET, SO_BINDTOIFINDEX}, false},
    {SYS_setsockopt, {1, 2}, {0 /* SOL_IP */, 11 /* IP_RECVERR */}, true},
    {SYS_setsockopt, {1, 2}, {0 /* SOL_IP */, 19 /* IP_TRANSPARENT */}, false},
    {SYS_setsockopt, {1, 2}, {0 /* SOL_IP */, 35 /* IP_ADD_MEMBERSHIP */}, false},
    {SYS_setsockopt, {1, 2}, {0 /* SOL_IP */, 64 /* IPT_SO_SET_REPLACE */}, false},
    {SYS_setsockopt, {1, 2}, {SOL_SOCKET, 11}, false},
    {SYS_setsockopt, {1, 2}, {IPPROTO_IPV6, IPV6_V6ONLY}, true},
    {SYS_setsockopt, {1, 2}, {IPPROTO_IPV6, IPV6_TRANSPARENT}, false},
    {SYS_setsockopt, {1, 2}, {SOL_SOCKET, IPV6_V6ONLY}, false},
};

TEST(conditions_on_arguments)
{
    for (size_t i = 0; i < COUNT(conditions); i++) {
        for (size_t j = 0; j < conditions[i].count; j++) {
            struct attempt attempt = invalid;
            char what[64];

            (void)snprintf(what, sizeof(what), "condition %zu, value %zu", i, j);
            attempt.call = conditions[i].call;
            attempt.arguments[conditions[i].index] = conditions[i].values[j];
            check_attempt(&attempt, conditions[i].allowed, what);
        }
    }
}

TEST(conditions_on_two_arguments)
{
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct attempt attempt = invalid;
        char what[32];

        (void)snprintf(what, sizeof(what), "pair %zu", i);
        attempt.call = pairs[i].call;
        for (int n = 0; n < 2; n++)
            attempt.arguments[pairs[i].index[n]] = pairs[i].value[n];
        check_attempt(&attempt, pairs[i].allowed, what);
    }
}

/* Of all families of sockets one is left for all types. */
TEST(every_family)
{
    for (unsigned long family = 0; family < 64; family++) {
        struct attempt attempt = invalid;

        attempt.call = SYS_socket;
        attempt.arguments[0] = family;
        check_attempt(&attempt, family == AF_NETLINK, "socket");
    }
}

/* The commands of ioctl() that are like the allowed ones but for one bit. */
TEST(ioctl_bits)
{
    static const unsigned long commands[] = {SIOCGSKNS, NS_GET_NSTYPE};

    for (size_t i = 0; i < COUNT(commands); i++) {
        for (int bit = 0; bit < 32; bit++) {
            struct attempt attempt = invalid;
            unsigned long command = commands[i] ^ 1UL << bit;

            attempt.call = SYS_ioctl;
            attempt.arguments[1] = command;
            check_attempt(&attempt,
                          (command == NS_GET_USERNS && (own_only || engine)) ||
                              (command == NS_GET_OWNER_UID && own_only),
                          "ioctl");
        }
    }
}

/* The allowed calls do what they are for. */
static void use_body(void *context)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct failure failure = {.text = "untouched"};
    char bytes[8] = {0};
    int one = 1;
    int result = sandbox_enter(&failure);
    int fd;

    (void)context;
    expect(result == 0, "sandbox_enter(): %d", result);
    expect(strcmp(failure.text, "untouched") == 0, "sandbox_enter(): %s", failure.text);
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    expect(fd >= 0, "socket: errno %d", errno);
    expect(connect(fd, (const void *)&kernel, sizeof(kernel)) == 0, "connect: errno %d", errno);
    expect(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) == 0, "setsockopt");
    expect(send(fd, bytes, sizeof(bytes), 0) == sizeof(bytes), "send: errno %d", errno);
    expect(recvmsg(fd, &(struct msghdr){0}, MSG_DONTWAIT) < 0 && errno == EAGAIN, "recvmsg");
    expect(syscall(SYS_getrandom, bytes, sizeof(bytes), 0) == sizeof(bytes), "getrandom");
    expect(write(STDOUT_FILENO, "", 0) == 0 && write(STDERR_FILENO, "", 0) == 0, "write");
    expect(close(fd) == 0, "close");
}

TEST(allowed_calls_work)
{
    unit_in_child(use_body, NULL);
}

/* no_new_privs and the filter, seen from the parent while the child waits, in a call that the
 * sandbox allows. */
static void waiting_body(void *context)
{
    struct failure failure = {.text = ""};
    const int *ends = context;

    (void)sandbox_enter(&failure);
    (void)syscall(SYS_recvmsg, ends[1], &(struct msghdr){0}, 0);
    (void)syscall(SYS_exit_group, 0);
}

static void read_status(pid_t child, char *ret_no_new_privs, char *ret_seccomp)
{
    char path[64];
    char line[128];
    FILE *status;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
    status = fopen(path, "re");
    if (!status)
        unit_trouble(path);
    while (fgets(line, sizeof(line), status)) {
        if (strncmp(line, "NoNewPrivs:\t", 12) == 0)
            *ret_no_new_privs = line[12];
        if (strncmp(line, "Seccomp:\t", 9) == 0)
            *ret_seccomp = line[9];
    }
    (void)fclose(status);
}

TEST(seen_from_outside)
{
    char no_new_privs = '?';
    char seccomp = '?';
    int ends[2];
    pid_t child;
    int status;

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
        unit_trouble("socketpair");
    child = fork();
    if (child < 0)
        unit_trouble("fork");
    if (child == 0)
        waiting_body(ends);
    for (int tries = 0; tries < 2000 && seccomp != '2'; tries++) {
        read_status(child, &no_new_privs, &seccomp);
        usleep(1000);
    }
    expect(seccomp == '2', "seccomp: %c", seccomp);
    expect(no_new_privs == '1', "no_new_privs: %c", no_new_privs);
    if (send(ends[0], "", 1, 0) != 1 || waitpid(child, &status, 0) != child)
        unit_trouble("child");
    expect(status == 0, "status 0x%x", (unsigned int)status);
    close(ends[0]);
    close(ends[1]);
}

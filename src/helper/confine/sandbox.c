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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handover/filter.h"
#include "handover/handover.h"
#include "helper/base/failure.h"
#include "helper/base/settings.h"

/* clang-format off */
static const struct sock_filter filter[] = {
    FILTER_BEGIN,

    /* privilege.c: make a capability effective, and ineffective again */
    ALLOW(capset),

    /* target.c: find the process. privileged.c: enter its namespace and leave it; open that
     * namespace */
    ALLOW(pidfd_open),
    ALLOW_WITH(setns, 1, CLONE_NEWNET),
    ALLOW_WITH(ioctl, 1, SIOCGSKNS),
    ALLOW(fstat),     /* home.c: which namespace is it? */
    ALLOW(faccessat), /* is it the machine's own? Opens nothing; the caller may make this call, too */
    /* target.c: is the caller's descriptor a network namespace? */
    ALLOW(fstatfs),
    ALLOW_WITH(ioctl, 1, NS_GET_NSTYPE),
    /* deadline.c: start and stop the timer that ends us */
    ALLOW(timer_settime),
    /* target.c: policy */
    ALLOW(getuid),
#if HAS_OWN_CONTAINERS || HAS_ENGINE
    ALLOW_WITH(ioctl, 1, NS_GET_USERNS), /* proof.c, target.c: the owner of a namespace */
#endif
#if HAS_OWN_CONTAINERS
    ALLOW_WITH(ioctl, 1, NS_GET_OWNER_UID),
#endif
    ALLOW(flock), /* target.c: take turns */
    /* clock.c: pause; does a process still live, or has it ended? lines.c: is there a line?
     * output.c, print.c: is there room to write? */
    ALLOW(ppoll),

    /* netlink.c */
    ALLOW_WITH(socket, 0, AF_NETLINK),
    ALLOW(connect),
    ALLOW_WITH(setsockopt, 1, SOL_NETLINK),
    ALLOW(sendto),
    ALLOW(recvmsg),
    ALLOW(close),

    /* kernel.c, control.c, clock.c: the age of a handshake, the length of a wait; on machines where
     * only the kernel can read the clock */
    ALLOW(clock_gettime),

    /* kernel.c: a private key. probe.c: what an answer has to quote */
    ALLOW(getrandom),

#if HAS_CREATE || HAS_ENGINE
    ALLOW(getsockname), /* port.c: see below; control.c: the name of an engine's listener */
#endif
#if HAS_CREATE
    /* port.c: bind a new link's port: may the caller have it, is it free? engine.c gives back a
     * port that the kernel chose, by connect() */
    ALLOW_WITH_BOTH(socket, 0, AF_INET6, 1, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK),
    ALLOW_WITH_BOTH(setsockopt, 1, IPPROTO_IPV6, 2, IPV6_V6ONLY),
#endif
#if HAS_ENGINE
    /* proof.c: open a socket in the engine's network namespace */
    ALLOW_WITH_BOTH(socket, 0, AF_UNIX, 1, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK),
    /* proof.c: which program, root directory and namespaces has the engine? The kernel answers from
     * its own data, without asking a server; nothing is opened */
    ALLOW_WITH_BOTH(statx, 0, AT_FDCWD, 2, AT_STATX_DONT_SYNC),
    ALLOW_WITH_BOTH(statx, 0, AT_FDCWD, 2, AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW),
    /* proof.c: copy and check the engine's device and its listening socket */
    ALLOW_WITH(pidfd_getfd, 1, HANDOVER_TUN),
    ALLOW_WITH(ioctl, 1, TUNGETIFF),
    ALLOW_WITH(ioctl, 1, TUNGETDEVNETNS),
    ALLOW_WITH(pidfd_getfd, 1, HANDOVER_CONTROL),
    ALLOW_WITH(getsockopt, 1, SOL_SOCKET),
    /* control.c: end an engine that hangs */
    ALLOW_WITH(pidfd_send_signal, 1, SIGKILL),
#endif

    /* port.c: see above. probe.c: a socket for datagrams, its one device, its source address
     * (bind), and the sender of an ICMP error */
    ALLOW_WITH_BOTH(socket, 0, AF_INET, 1, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK),
    ALLOW_WITH_BOTH(setsockopt, 1, SOL_SOCKET, 2, SO_BINDTOIFINDEX),
    ALLOW_WITH_BOTH(setsockopt, 1, IPPROTO_IP, 2, IP_RECVERR),
    ALLOW(bind),

#if HAS_BATCH
    /* lines.c: read a batch */
    ALLOW_WITH(read, 0, STDIN_FILENO),
#endif
#if HAS_POLICY
    /* policy.c: has the policy changed? Opens nothing; the caller may make this call, too */
    ALLOW(newfstatat),
#endif

    /* output.c: write the result, or the failure */
    ALLOW_WITH(write, 0, STDOUT_FILENO),
    ALLOW_WITH(write, 0, STDERR_FILENO),

#if HAS_AUDIT
    /* audit.c: send a line to the journal */
    ALLOW(sendmsg),
#endif

    /* main.c: close all descriptors, and end */
    ALLOW_WITH(close_range, 0, STDERR_FILENO + 1),
    ALLOW(exit_group),

    FILTER_END,
};
/* clang-format on */

int sandbox_enter(struct failure *failure)
{
    static const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(filter[0]),
        .filter = (struct sock_filter *)filter, /* the kernel only reads it */
    };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail_unexpected(failure, -errno, "can't set no_new_privs");
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return fail_unexpected(failure, -errno,
                               "can't limit the system calls (does the kernel have "
                               "CONFIG_SECCOMP_FILTER?)");
    return 0;
}

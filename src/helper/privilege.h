/* The capabilities of the helper.
 *
 * It is installed with three in its file's permitted set (capabilities(7)), and started by root it
 * has more. From the first moment on it has three permitted at most and none effective. One is
 * effective only around the system calls that need it:
 *
 *   CAP_SYS_PTRACE  to look at another user's process: setns() on its pidfd (ptrace_may_access(),
 *                   kernel/ptrace.c)
 *   CAP_SYS_ADMIN   setns() into the container's network namespace and back (netns_install(),
 *                   net/core/net_namespace.c); an engine's own network namespace and empty root
 *                   directory (launch.c, child.c)
 *   CAP_NET_ADMIN   to open the netlink sockets and send what changes a device; the kernel looks at
 *                   who opened a socket, too (__netlink_ns_capable(), net/netlink/af_netlink.c);
 *                   SIOCGSKNS; an engine's TUN device, and the size of its sockets' buffers
 *
 * Before anything is written to a descriptor of the caller none is effective, and before the last
 * message none is permitted either.
 */
#pragma once

struct failure;

enum privilege {
    PRIVILEGE_PTRACE = 1 << 0,
    PRIVILEGE_ADMIN = 1 << 1,
    PRIVILEGE_NET = 1 << 2,
};

/* Gives up all capabilities but the three, and makes none effective, inheritable or ambient.
 * Returns 0, or a negative errno, and then nothing else may be done. */
int privilege_start(void);

/* Whether all three are there. Returns 0, or -EPERM with how to install the program. */
int privilege_check(struct failure *failure);

/* Make capabilities (a set of enum privilege) effective, and none. Neither fails with a set that
 * privilege_check() found; if it did, the program would end at once. errno is left alone. */
void privilege_raise(unsigned int privileges);
void privilege_lower(void);

/* Gives up all capabilities for good. */
void privilege_end(void);

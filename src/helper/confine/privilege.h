/* The capabilities of the helper.
 *
 * Its file has three capabilities in the permitted set (capabilities(7)). Started by root, the
 * helper has more. From the first moment on it keeps at most three permitted and none effective. A
 * capability becomes effective only around the system calls that need it, all of which are in
 * privileged.c:
 *
 *   CAP_SYS_PTRACE  to look at another user's process
 *   CAP_SYS_ADMIN   to enter a container's network namespace, and to come back; to make an engine's
 *                   own network namespace and empty root directory
 *   CAP_NET_ADMIN   to change a device, to read a WireGuard device's state, to tell namespaces
 *                   apart, to make an engine's TUN device
 *
 * A caller who is root may have a link on each port, as with any program. So the helper of such a
 * caller keeps a fourth capability, if root has it:
 *
 *   CAP_NET_BIND_SERVICE  to bind a port below net.ipv4.ip_unprivileged_port_start
 *
 * No capability is effective while the helper writes to a descriptor of the caller's, and none is
 * permitted when it writes its last message. */
#pragma once

#include <linux/capability.h>

struct failure;

/* As the kernel has them in the first of its two words (capset(2)); the second word is always 0. */
enum privilege {
    PRIVILEGE_PTRACE = 1 << CAP_SYS_PTRACE,
    PRIVILEGE_ADMIN = 1 << CAP_SYS_ADMIN,
    PRIVILEGE_NET = 1 << CAP_NET_ADMIN,
    PRIVILEGE_BIND = 1 << CAP_NET_BIND_SERVICE, /* root's: see privilege_to_bind() */
};

/* Gives up all capabilities but the three, or four for a caller who is root. Makes none effective,
 * inheritable or ambient, or ends the process. Returns 0, or a negative errno, and then the program
 * must end. */
int privilege_start(void);

/* Checks that all three are permitted. Returns 0, or -EPERM with the reason as far as it can be
 * told: no_new_privs, the bounding set, nosuid, or the program's file. */
int privilege_check(struct failure *failure);

/* For privileged.c alone: make a set of enum privilege effective, or none. Both keep errno. With a
 * set that privilege_check() has found neither can fail; a failure would end the program. */
void privilege_raise(unsigned int privileges);
void privilege_lower(void);

/* PRIVILEGE_BIND if it is permitted, or 0. For the calls that bind a link's port. */
unsigned int privilege_to_bind(void);

/* Gives up all capabilities but `privileges` for good. */
void privilege_keep(unsigned int privileges);

/* Gives up all capabilities for good. */
void privilege_end(void);

/* The capabilities of the helper.
 *
 * It is installed with three in its file's permitted set (capabilities(7)), and started by root it
 * has more. From the first moment on it has three permitted at most and none effective. One is
 * effective only around the system calls that need it, all of which are in privileged.c:
 *
 *   CAP_SYS_PTRACE  to look at another user's process
 *   CAP_SYS_ADMIN   to enter a container's network namespace, and to come back; to make an engine's
 *                   own network namespace and empty root directory
 *   CAP_NET_ADMIN   to change a device, to read a WireGuard device's state, to tell namespaces
 *                   apart, to make an engine's TUN device
 *
 * A caller who is root may have a link on each port, as with any program. So if root starts the
 * helper, it keeps a fourth capability where root has that:
 *
 *   CAP_NET_BIND_SERVICE  to bind a port below net.ipv4.ip_unprivileged_port_start
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
    PRIVILEGE_BIND = 1 << 3, /* only by privilege_to_bind() */
};

/* Gives up all capabilities but the three, or four for a caller who is root, and makes none
 * effective, inheritable or ambient. Returns 0, or a negative errno, and then nothing else may be
 * done. */
int privilege_start(void);

/* Whether all three are there. Returns 0, or -EPERM with the reason, as far as that can be told:
 * no_new_privs, the bounding set, nosuid, or the program's file. */
int privilege_check(struct failure *failure);

/* For privileged.c alone: make capabilities (a set of enum privilege) effective, and none. Neither
 * fails with a set that privilege_check() found; if it did, the program would end at once. errno is
 * left alone. */
void privilege_raise(unsigned int privileges);
void privilege_lower(void);

/* PRIVILEGE_BIND if it is there, or 0: to be raised around what binds a link's port. */
unsigned int privilege_to_bind(void);

/* Gives up all but these for good. */
void privilege_keep(unsigned int privileges);

/* Gives up all capabilities for good. */
void privilege_end(void);

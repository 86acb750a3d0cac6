/* Proof that a process is a link's own engine. Without it no process is told a peer or a preshared
 * key, asked, believed or killed.
 *
 * The alias of a link's device names the engine's process. The alias is only a hint: root in the
 * container can write it. What that root can't do is what proves the process:
 *
 *   place     The process is in a network namespace that is neither home nor the target, and that
 *             belongs to the same user namespace as we do. To make such a namespace, or to enter
 *             one, takes CAP_SYS_ADMIN over our user namespace. Others than this program make such
 *             namespaces, too (root: /run/netns, a service's PrivateNetwork=, a container), and
 *             members of the group may be in them. So the place alone proves little.
 *   program   The process runs the file that `make install` put at ENGINE_PATH, or the file of the
 *             installation before, which is kept at ENGINE_PATH.previous for the links that live
 *             on. Containers don't have that file. The program never runs another one. But a
 *             member of the group can start it, too, with descriptors of his own, and stop it by
 *             ptrace before it runs its first instruction.
 *   start     The process is in our own user and pid namespaces, and its root directory is what
 *             child.c makes: root of a file system that isn't ours, empty, 0555, user 0. To come
 *             to such a directory takes CAP_SYS_CHROOT or CAP_SYS_ADMIN in our user namespace
 *             (chroot(2), pivot_root(2), setns(2)), which the program that was started by hand
 *             hasn't. So it is this program that has started it, and given it its descriptors.
 *   device    The engine's TUN descriptor, of which we take a copy (pidfd_getfd(2)), belongs to the
 *             device of the link's name in the target's namespace: it is the engine of this link,
 *             and of no other.
 *
 * The order matters. By the first three the process is our own code, and its descriptors are what
 * the engine has. A stranger's descriptor could be a file of a FUSE server's, at which even fstat()
 * and close() wait for that server.
 *
 * What is compared is alive while it is compared, so that no number is used twice: namespaces are
 * held by descriptors, the program and the root directory by their process. A process that is
 * stopped is proven like any other. Nothing here needs more than Linux 5.9. */
#pragma once

#include "helper/backend/device.h"
#include "helper/netns/target.h"

/* What kept a process from being proven. */
enum proof_gap {
    PROOF_COMPLETE,
    PROOF_NO_PROCESS, /* the alias names none, or one that has ended */
    PROOF_FOREIGN,    /* the process is no engine of this installation */
    PROOF_OTHER_LINK, /* the process is an engine, and not this link's */
    PROOF_BLIND,      /* we may not look at it, or there is no /proc to look in */
};

struct proof {
    int process;        /* that the alias names; 0 if it names none */
    int pidfd;          /* of that process, proven or not; or -1 */
    int socket;         /* AF_UNIX, in that process's network namespace, not connected; or -1 */
    struct netns place; /* that namespace; its fd may be -1 */
    enum proof_gap gap;
};

/* A proof of nothing, for proof_close(). */
#define PROOF_NONE                                                                                 \
    ((struct proof){.pidfd = -1, .socket = -1, .place.fd = -1, .gap = PROOF_NO_PROCESS})

/* Looks for the engine of a device. Returns 0 if it is proven, -ENOLINK if not, with the reason in
 * ret_proof->gap; or one of failure_is_shortage() if we couldn't look. *ret_proof is written in
 * each case, and to be closed. */
int proof_open(const struct target *target, const struct device *device, struct proof *ret_proof);
void proof_close(struct proof *proof);

/* Why there is no proof, and what that calls for: words that follow on a colon. */
const char *proof_text(enum proof_gap gap);

/* A copy of the listening control socket of a proven engine. Returns 0, or a negative errno. */
int proof_take_listener(const struct proof *proof, int *ret_listener);

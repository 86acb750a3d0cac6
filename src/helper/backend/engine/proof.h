/* Proves that a process is a link's own engine. Without a proof the helper tells a process no peer
 * and no preshared key, asks it nothing, believes nothing it says, and doesn't kill it.
 *
 * The alias of a link's device names the engine's process. It is only a hint: root in the container
 * can write it. So the process has to show what root there can't forge:
 *
 *   place     The process is in a network namespace that is neither home nor the target, and that
 *             belongs to our own user namespace. Making or entering such a namespace takes
 *             CAP_SYS_ADMIN over our user namespace. But root makes such namespaces, too
 *             (/run/netns, a service's PrivateNetwork=, a container), and members of the group may
 *             be in them.
 *   program   The process runs the file that `make install` put at ENGINE_PATH, or the previous
 *             installation's file at ENGINE_PATH.previous, kept for links that live on. Containers
 *             don't have that file, and the engine never executes another. But a member of the
 *             group can start it, with descriptors of his own, and stop it by ptrace before its
 *             first instruction.
 *   start     The process is in our own user and pid namespaces, and its root directory is as
 *             child.c makes it: root of a file system that isn't ours, empty, 0555, user 0. Coming
 *             to such a directory takes CAP_SYS_CHROOT or CAP_SYS_ADMIN in our user namespace
 *             (chroot(2), pivot_root(2), setns(2)), which a program started by hand hasn't. So
 *             this program started the process, and gave it its descriptors.
 *   device    The engine's TUN descriptor, which we copy (pidfd_getfd(2)), belongs to the device
 *             of the link's name in the target: the engine is this link's, and no other's.
 *
 * The order matters. After the first three the process is known to be our own code, with an
 * engine's descriptors. A stranger's descriptor could be a file of FUSE, where even fstat() and
 * close() wait for its server.
 *
 * All compared things stay alive during the comparison, so that no number is used twice:
 * descriptors hold the namespaces, and the process holds its program and root directory. A stopped
 * process is proven like any other. Nothing here needs more than Linux 5.9. */
#pragma once

#include "helper/backend/device.h"
#include "helper/netns/target.h"

/* The reason why a process isn't proven. */
enum proof_gap {
    PROOF_COMPLETE,
    PROOF_NO_PROCESS, /* the alias names no process, or an ended one */
    PROOF_FOREIGN,    /* no engine of this installation */
    PROOF_OTHER_LINK, /* another link's engine */
    PROOF_BLIND,      /* we may not look at the process, or there is no /proc */
};

struct proof {
    int process;        /* named by the alias; 0: none */
    int pidfd;          /* the process, proven or not; or -1 */
    int socket;         /* AF_UNIX, in the process's network namespace, not connected; or -1 */
    struct netns place; /* the process's network namespace; its fd may be -1 */
    enum proof_gap gap;
};

/* An empty proof, for proof_close(). */
#define PROOF_NONE                                                                                 \
    ((struct proof){.pidfd = -1, .socket = -1, .place.fd = -1, .gap = PROOF_NO_PROCESS})

/* Looks for a device's engine. Returns 0 if it is proven; -ENOLINK if not, with the reason in
 * ret_proof->gap; or an error of failure_is_shortage() if we couldn't look. Always writes
 * *ret_proof: close it. */
int proof_open(const struct target *target, const struct device *device, struct proof *ret_proof);
void proof_close(struct proof *proof);

/* Says why there is no proof, and what to do: words to follow a colon. */
const char *proof_text(enum proof_gap gap);

/* Copies the listening control socket of a proven engine. Returns 0, or a negative errno. */
int proof_take_listener(const struct proof *proof, int *ret_listener);

/* A running engine, found by its device's alias, and spoken to.
 *
 * Root in the container can write into the alias what it likes. So what is there is a hint: a
 * process, and a token of 16 random bytes. The engine listens in a network namespace of its own, by
 * a name that holds the token, and before it the inode of the namespace that its device was moved
 * to. That one we know by ourselves. So whoever writes the alias, and whatever they know (the names
 * in a namespace are no secret: /proc/PID/net/unix shows them), it leads to an engine of this very
 * container, or to a process of theirs that listens by such a name: they deceive nobody but about
 * their own links. It takes no answer to be sure of that, so that an engine that is stopped can be
 * found, and ended, too.
 *
 * And from its socket nothing is taken, not a byte, since with a message can come a descriptor, and
 * one on a file of theirs could keep us waiting without end, even to close it. What an engine has
 * to say there is said by how it closes the connection (engine/control.h).
 *
 * How it is it tells by netlink, of the protocol that is there for users (NETLINK_USERSOCK), in its
 * own network namespace: a message is bytes, copied by the kernel, and no descriptor can come with
 * it (__scm_send(), net/core/scm.c), nor be kept by who doesn't read it. */
#pragma once

#include "helper/ctlmsg.h"
#include "helper/device.h"
#include "helper/links.h"
#include "helper/target.h"

struct control {
    int process; /* 0 if there is none by the alias */
    int pidfd;   /* of that process, whatever it is; or -1 */
    int socket;  /* an engine is at its other end; or -1 */
    int netlink; /* what there is in that engine's network namespace to ask it by; or -1 */
};

/* Looks for the engine of a device, and with `look`, to ask how it is. Returns 0, or a negative
 * errno: -ETIMEDOUT if more speak to it already than it listens to, one of failure_is_shortage() if
 * we couldn't look, anything else if there is none. *ret_control is written in each case. */
int control_open(const struct target *target, const struct device *device, bool look,
                 struct control *ret_control);

/* Ends the conversation, and keeps the pidfd. */
void control_hang_up(struct control *control);
void control_close(struct control *control);

/* Sets the peer. Returns 0, or a negative errno: -ETIMEDOUT after two seconds without an answer,
 * -ECONNRESET if the engine refuses. */
int control_set_peer(const struct control *control, const struct peer *peer);

/* Asks how the engine is. Returns 0, or a negative errno: -ETIMEDOUT without an answer, -EPROTO if
 * it is an engine that can't be asked, -EBADMSG if its answer makes no sense. */
int control_look(const struct control *control, struct patience *patience,
                 struct link_status *ret_status);

/* Waits until a process has ended, for two seconds at most. */
int control_await_end(int pidfd);

/* Ends it. Returns 0, or a negative errno: -EPERM if it is another user's. */
int control_kill(int pidfd);

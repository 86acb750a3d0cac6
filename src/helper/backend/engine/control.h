/* What is said to a running engine, once it is proven to be the link's own (proof.h), and what it
 * answers: over its control socket (handover/handover.h), a text each way.
 *
 * An engine reads what enemies send. Should one of them have taken it over, it can still neither
 * make us wait, since all that is waited for has a limit, nor give us a descriptor, since there is
 * no room for one where its answer is received. */
#pragma once

#include "helper/backend/engine/proof.h"
#include "helper/backend/status.h"
#include "helper/base/clock.h"
#include "link/peer.h"

/* Connects the proof's socket to the engine that was proven. Returns 0, or a negative errno:
 * -ETIMEDOUT if more wait for the engine already than it can keep, -EPROTO if it doesn't listen
 * where an engine of this version does. */
int control_connect(const struct proof *engine);

/* Sets the peer. Returns 0, or a negative errno: -ETIMEDOUT if there is no answer within two
 * seconds, -EPROTO if it makes no sense; what the engine itself says is -EADDRINUSE if the key is
 * the link's own, and -EINVAL if no peer can have that key. */
int control_set_peer(const struct proof *engine, const struct peer *peer);

/* Asks how the engine is. Returns 0, or a negative errno: -ETIMEDOUT without an answer, -EBADMSG if
 * it makes no sense. */
int control_look(const struct proof *engine, struct patience *patience,
                 struct link_status *ret_status);

/* Waits until a process has ended, for two seconds at most. */
int control_await_end(int pidfd);

/* Ends it. Returns 0, or a negative errno: -EPERM if it is another user's. */
int control_kill(int pidfd);

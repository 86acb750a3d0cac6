/* Speaks with a running engine that is proven to be the link's own (proof.h), over its control
 * socket (handover/handover.h), a text each way.
 *
 * An engine reads what enemies send. One that an enemy has taken over still can't make us wait,
 * since each wait has a limit, and can't pass us a descriptor, since the receive buffer has no room
 * for one. */
#pragma once

#include "helper/backend/engine/proof.h"
#include "helper/backend/status.h"
#include "helper/base/clock.h"
#include "link/peer.h"

/* Connects the proof's socket to the proven engine. Returns 0, or a negative errno: -ETIMEDOUT if
 * too many clients wait for the engine; -EPROTO if it doesn't listen where an engine of this
 * version does. */
int control_connect(const struct proof *engine);

/* Sets the peer. Returns 0; -ETIMEDOUT without an answer within two seconds; -EPROTO for an answer
 * that makes no sense; or the engine's own error: -EADDRINUSE for the link's own key, -EINVAL for a
 * key that no peer can have. */
int control_set_peer(const struct proof *engine, const struct peer *peer);

/* Asks an engine for its status. Returns 0, or a negative errno: -ETIMEDOUT without an answer,
 * -EBADMSG for one that makes no sense. */
int control_look(const struct proof *engine, struct patience *patience,
                 struct link_status *ret_status);

/* Waits until a process has ended, at most two seconds. */
int control_await_end(int pidfd);

/* Kills a process. Returns 0, or a negative errno: -EPERM if it is another user's. */
int control_kill(int pidfd);

/* Starts an engine, the process that carries one link where the kernel has no WireGuard
 * (src/engine), before the sandbox is entered, which forbids all of it.
 *
 * The engine gets an empty root directory, no capability, no environment, and the descriptors of
 * handover/handover.h, which it couldn't open by itself. It has a network namespace of its own, the
 * scratch namespace, with its control socket (control.h). The device is made there and moved away.
 * The helper binds the UDP sockets when the engine is ready. The engine ends when its device is
 * gone. */
#pragma once

#include "helper/backend/backend.h"
#include "link/key.h"

struct failure;

/* Starts an engine with a new device for an end. At home before and after. startup_close_all()
 * closes all that is open, and so ends the engine. Returns 0, or a negative errno. */
int launch_engine(const struct home *home, struct link_end end, struct launch *ret_launch,
                  struct failure *failure);

/* Fails for an engine's process that couldn't be started. Returns `error`. */
int launch_fail_process(int error, struct failure *failure);

/* Waits until the engine is ready, at most five seconds, and receives its public key. Returns 0, or
 * a negative errno. */
int launch_await_key(const struct launch *launch, struct key *ret_public_key,
                     struct failure *failure);

/* Closes all descriptors of a launch. The engine then ends, unless launch_go() was called. */
void launch_close(struct launch *launch);

/* Lets the engine outlive this process. Returns 0, or a negative errno. */
int launch_go(const struct launch *launch, struct failure *failure);

/* The start of an engine: the process that carries one link where the kernel has no WireGuard
 * (src/engine). Done before the sandbox is entered, which forbids all of it.
 *
 * The engine gets an empty root directory, no capability, no environment, and the descriptors of
 * handover/handover.h, none of which it can open by itself. Its network namespace is a scratch one
 * of its own, where its control socket is (control.h); the device was made there, and is moved from
 * there. The helper binds the UDP sockets when the engine is ready. The engine ends whenever its
 * device is gone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/backend/backend.h"
#include "link/key.h"

struct failure;

/* Starts an engine with a new device of that name. We are at home before and after. What is open
 * is closed by startup_close_all(), and the engine ends by that. Returns 0, or a negative errno. */
int launch_engine(const struct home *home, const char *name, struct launch *ret_launch,
                  struct failure *failure);

/* Says that no process could be started for an engine. Returns `error`. */
int launch_fail_process(int error, struct failure *failure);

/* Waits until the engine is ready, for some seconds at most. Returns 0, or a negative errno. */
int launch_await_key(const struct launch *launch, struct key *ret_public_key,
                     struct failure *failure);

/* Closes what is open of it. The engine ends by that, unless launch_go() was called. */
void launch_close(const struct launch *launch);

/* Lets the engine live on without us. Returns 0, or a negative errno. */
int launch_go(const struct launch *launch, struct failure *failure);

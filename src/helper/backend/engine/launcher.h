/* Starts engines for a batch. A batch is in the sandbox before it reads its first line, where it
 * can't start an engine (launch.c). So a second process, the launcher, is split off before that,
 * and starts them.
 *
 * A question comes over a socket (SOCK_SEQPACKET) whose other end only the batch has: one end of
 * one link. The launcher checks it again, since the batch has read a caller's text. The answer is
 * the result of launch_engine(), with the descriptors; or a failure. The launcher ends when the
 * batch ends. */
#pragma once

#include "helper/backend/engine/launch.h"
#include "helper/netns/target.h"
#include "link/link.h"

struct failure;

/* Splits the launcher off, at home, and returns the socket to it. Returns 0, or a negative
 * errno. */
int launcher_start(const struct home *home, int *ret_launcher, struct failure *failure);

/* Has the launcher start a new link's engine, as launch_engine() does. Returns 0, or a negative
 * errno. */
int launcher_ask(int launcher, struct link_end end, struct launch *ret_launch,
                 struct failure *failure);

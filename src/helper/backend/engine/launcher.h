/* Engines for a batch. A batch is in the sandbox before its first line is read, where no engine can
 * be started any more (launch.c). So a second process is split off before that, and does it.
 *
 * It is asked over a socket (SOCK_SEQPACKET) whose other end only the batch has. A question is
 * which end of which link; it is checked here again, since who asks has read what a caller wrote.
 * The answer is what launch_engine() gives, with the descriptors; or why there is none. The process
 * ends when the batch does. */
#pragma once

#include "helper/backend/engine/launch.h"
#include "helper/netns/target.h"
#include "link/link.h"

struct failure;

/* Splits the process off, at home, and gives the socket. Returns 0, or a negative errno. */
int launcher_start(const struct home *home, int *ret_launcher, struct failure *failure);

/* Has it start the engine of a new link, as launch_engine() does. Returns 0, or a negative errno.
 */
int launcher_ask(int launcher, struct link_end end, struct launch *ret_launch,
                 struct failure *failure);

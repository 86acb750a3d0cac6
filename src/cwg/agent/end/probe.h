/* Asks an end's device for packets from the other end: cwg_wait. */
#pragma once

#include "cwg/agent/end/end.h"

/* Begins a probe. If no answer comes, the next endpoint's turn has come. */
void probe_begin(struct agent_end *end);

/* Returns whether it is time for one. Two ends that begin at once are in each other's way for
 * seconds. So host 0 begins when host 1 has told that it is connected to it; and host 1 only if
 * nothing came of that. */
bool probe_may(struct agent_end *end);

/* Returns whether a probe is to find out how an end is that is connected, rather than a look: of
 * one to which nothing is sent a look tells nothing, and leads to a probe. */
bool probe_is_first(const struct agent_end *end);

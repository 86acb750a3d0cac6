/* What an agent says of an end to this machine's people and programs: status/LINK.HOST in the
 * store, one object of JSON:
 *
 *   {"link":"l-7f3a","net":1572871,"host":0,"container":"podman/web","site":"site2",
 *    "address":"10.48.0.14","peer_address":"10.48.0.15","state":"connected","since":1795729867,
 *    "reason":""}
 *
 * `state` is end_state_text()'s, `since` the second since 1970 in which it began, `reason` why the
 * end isn't as it is wanted, if that is known. */
#pragma once

#include "cwg/agent/end.h"

/* Writes it, if anything but `since` has changed. */
void report(struct agent_end *end);

/* Removes it: nothing is said of this end any more. */
void report_remove(const struct agent_end *end);

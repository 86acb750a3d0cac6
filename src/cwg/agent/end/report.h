/* What an agent says of an end to this machine's people and programs: status/LINK.HOST in the
 * store, one object of JSON:
 *
 *   {"link":"l-7f3a","net":1572871,"host":0,"container":"podman/web","site":"site2",
 *    "address":"10.48.0.14","peer_address":"10.48.0.15","state":"connected","since":1795729867,
 *    "reason":""}
 *
 * `state` is end_state_text()'s, `since` the second since 1970 in which it began, `reason` why the
 * end isn't as it is wanted, if that is known. Each change of `state` is a line in the journal,
 * too.
 */
#pragma once

#include "cwg/agent/end/end.h"

/* Tells of an end, if its state or the reason has changed; not before it was looked at. An agent
 * that has just started goes on with what the one before has told, if that is still so. */
void report(struct agent_end *end);

/* Removes it: nothing is said of this end any more. */
void report_remove(const struct agent_end *end);

/* What an agent says of an end: status/LINK.HOST in the store, a record that this site signs for
 * operators. People and programs of this machine read its body where it lies, and etcd carries the
 * record to others (`cwg status --etcd`). The body:
 *
 *   {"link":"l-7f3a","net":1572871,"host":0,"container":"podman/web","site":"site2",
 *    "address":"10.48.0.14","peer_address":"10.48.0.15","state":"connected","since":1795729867,
 *    "reason":"","serial":1795729867123}
 *
 * `state` is end_state_text()'s, `since` the second since 1970 in which it began, `reason` why the
 * end isn't as it is wanted, if that is known. Each change of `state` is a line in the journal,
 * too.
 */
#pragma once

#include "cwg/agent/end/end.h"

/* Tells of an end, if its state, the reason or this site's key has changed; not before it was
 * looked at. An agent that has just started goes on with what the one before has told, if that is
 * still so, and writes no record that says the same. */
void report(struct agent_end *end);

/* Removes it: nothing is said of this end any more. */
void report_remove(const struct agent_end *end);

/* What the sites tell each other of an end: records in the store. */
#pragma once

#include "cwg/agent/end/end.h"

/* Tells the other site of this end: in the store, from where it is carried. */
void telling_say(struct agent_end *end);

/* Reads what this site has told before: an agent that has just started goes on from there. A record
 * that can't be read is told anew. */
void telling_remember(struct agent_end *end);

/* Lets an end tell anew, if its record isn't in the store any more as it was told: a record may be
 * spoiled or removed before it was carried. */
void telling_check(struct agent_end *end);

/* Reads what the other site told, and wakes the end if that has changed. Takes over that site's
 * key, too: what another key has signed counts no longer. */
void telling_hear(struct agent_end *end);

/* Removes what both sites told of a link, if no end of it is declared here any more and both say
 * that theirs is gone. `host` is this site's. */
void telling_forget(const struct household *house, const char *site, const char *link,
                    unsigned host);

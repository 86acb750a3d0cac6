/* Why an end with a peer isn't connected, in words for people. */
#pragma once

#include "cwg/agent/end/end.h"

/* Keeps what a probe in vain has said: the clauses, each behind "; ", that are for a person who
 * runs an agent. Those that tell to call the helper are left out. */
void trouble_note(struct agent_end *end, const char *text);

/* Sets the end's reason, by what is known of both ends. To be called after each decision. */
void trouble_find(struct agent_end *end);

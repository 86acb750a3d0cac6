/* How long an end is left alone, if nothing happens. */
#pragma once

#include "cwg/agent/end/end.h"

/* Returns so many milliseconds, and notes when the device has to be looked at. */
int64_t pause_of(struct agent_end *end);

/* Returns whether the last look at the device stands, since the peer gives a sign of life. Puts the
 * end's due time off then. */
bool pause_goes_on(struct agent_end *end);

/* Keys that change while an agent runs: its own site's, and other sites'. */
#pragma once

#include "cwg/agent/house/household.h"

/* Reads the site's key, or makes it. Returns 0, or -1. */
int rekey_open(struct household *house, struct failure *failure);

/* Takes over the site's own key, if it is another one now, and tells the other sites of it. Returns
 * whether it is: all ends have to be told of anew. */
bool rekey_own(struct household *house);

/* Takes over the keys that other sites have told of. Returns whether there was one. */
bool rekey_others(struct household *house);

/* A store is one agent's: the agent holds a lock on its directory (flock(2)) as long as its process
 * lives, and the kernel takes it back. So whoever may read the directory sees whether an agent runs
 * on this machine. */
#pragma once

#include <stdbool.h>

#include "cwg/store/store.h"

/* Takes the lock for this process. Returns 0, or -1: another agent has it. */
int hold_take(const struct store *store, struct failure *failure);

/* Returns whether an agent holds the store. Takes the lock for a moment, shared with others who
 * look. */
bool hold_is_taken(const struct store *store);

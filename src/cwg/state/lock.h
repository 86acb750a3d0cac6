/* A lock for each two ends, in the folder of what is remembered. */
#pragma once

#include "cwg/base/failure.h"
#include "cwg/name/end.h"

/* Takes the lock of two ends, in either order, whatever engine they were named with, and waits for
 * another cwg that has it. Makes the folder if it isn't there. Returns a descriptor that holds the
 * lock; or -1, also if no file can be made there (code `state`). */
int lock_take(const struct end ends[static 2], struct failure *failure);

/* Gives the lock up. */
void lock_end(int lock);

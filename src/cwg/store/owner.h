/* Whose a store is. The agent that owns it can't read what another user, root above all, has
 * written into it. */
#pragma once

#include "cwg/base/failure.h"

/* Looks at a store's directory, or at the one above if it isn't there yet. Root's is everybody's
 * who may write to it: root reads what others write. Returns 0; or -1 if it is another user's. The
 * failure has the command to be called instead, with `command` behind "cwg". */
int owner_check(const char *path, const char *command, struct failure *failure);

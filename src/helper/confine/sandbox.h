/* The allow-list of system calls (seccomp) that the helper may make once it starts to work for its
 * caller. Any other call kills the process. */
#pragma once

struct failure;

/* Sets no_new_privs and the filter, for good. Returns 0, or a negative errno. */
int sandbox_enter(struct failure *failure);

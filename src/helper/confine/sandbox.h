/* The system calls that the helper may make, from the time on when it starts to work for its
 * caller: an allow-list of the kernel's seccomp filter. Any other call kills the process. */
#pragma once

struct failure;

/* Sets no_new_privs, and the filter, for good. Returns 0, or a negative errno. */
int sandbox_enter(struct failure *failure);

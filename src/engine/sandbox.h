/* The limits of an engine that runs: nearly everything is forbidden. */
#pragma once

/* Gives up capabilities, and limits resources and system calls, for good. Returns 0 or a negative
 * errno. */
int sandbox_enter(void);

/* What the engine may still do once it runs: nearly nothing. */
#pragma once

/* Gives up whatever it was started with, and limits the system calls to those listed. Returns 0 or
 * a negative errno. */
int sandbox_enter(void);

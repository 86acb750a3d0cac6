/* Signals that ask to end. */
#pragma once

/* From now on SIGINT, SIGTERM and SIGHUP set site_interrupted, unless the caller of the program
 * ignores them: the next wait for a site fails, and what was made is removed. */
void signals_catch(void);

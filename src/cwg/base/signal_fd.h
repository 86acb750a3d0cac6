/* Signals of a process that runs until it is told to end. */
#pragma once

/* Returns a descriptor from which SIGTERM, SIGINT and SIGHUP are read from now on, as by
 * signalfd(2), without waiting; or -1 with errno. SIGPIPE is ignored. */
int signal_fd_open(void);

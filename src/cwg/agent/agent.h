/* The agent of a site: keeps declared links as they are declared. */
#pragma once

#include "cwg/agent/settings/config.h"

/* Runs until SIGTERM or SIGINT. Links stay. The options stay the caller's, and are read again at
 * SIGHUP, with the file. Returns 0, or -1. */
int agent_run(const struct config_options *options, struct failure *failure);

/* Reads the settings, and all that is declared, and prints what is wrong with it on standard error.
 * Changes nothing. Root is told to be the user whose state it is. Returns 0, or -1 if something is
 * wrong. */
int agent_check(const struct config_options *options);

/* The agent of a site: keeps declared links as they are declared. */
#pragma once

#include "cwg/base/failure.h"

struct agent_options {
    const char *site;  /* this site's name */
    const char *state; /* the directory of its key and its store */
};

/* Runs until SIGTERM or SIGINT. Links stay. Returns 0, or -1. */
int agent_run(const struct agent_options *options, struct failure *failure);

/* All ends of a site, and which of them is to be visited when. */
#pragma once

#include "cwg/agent/end/end.h"

struct ends {
    struct household *house;
    struct agent_end **end; /* sorted by their paths */
    size_t count;
};

/* Returns the end that lies in the store under `path`, or NULL. */
struct agent_end *ends_find(const struct ends *ends, const char *path);

/* Makes an end that isn't there yet. Returns it, or NULL if there is no memory. */
struct agent_end *ends_add(struct ends *ends, const char *path, const struct want *want);

/* Visits those whose time has come, and frees those that were forgotten and are gone. Returns when
 * it wants to be called at the latest (clock_now()). */
int64_t ends_run(struct ends *ends);

/* Frees all of them. */
void ends_close(struct ends *ends);

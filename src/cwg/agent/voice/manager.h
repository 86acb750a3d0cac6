/* What an agent tells systemd, which manages its unit: that it is ready, how many links it keeps,
 * and that it lives. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manager {
    bool unready;                        /* it starts, or reads its settings anew */
    bool counted;                        /* `links`, `connected` and `in_session` were told */
    bool waiting;                        /* something may have changed since they were told */
    size_t links, connected, in_session; /* as they were told */
    int64_t alive_ms;                    /* between two signs of life; 0: systemd waits for none */
    int64_t alive_due, count_due;        /* clock_now() */
};

void manager_open(struct manager *manager);

/* The settings are read anew. */
void manager_reload(struct manager *manager);

/* Returns whether the links are to be counted, which happens once a second at most. */
bool manager_wants_count(const struct manager *manager);
void manager_count(struct manager *manager, size_t links, size_t connected, size_t in_session);

/* Tells that the agent is ready, after the first count, and that it lives. To be called in each
 * turn of the loop, and nowhere else: an agent that hangs has to be noticed. Returns when it wants
 * to be called at the latest (clock_now()). */
int64_t manager_run(struct manager *manager);

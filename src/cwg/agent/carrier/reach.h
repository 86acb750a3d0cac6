/* What an agent says of the way to another site: carrier/SITE in the store, one object of JSON:
 *
 *   {"site":"site2","by":"ssh","host":"cwg@site2.example","state":"reachable",
 *    "since":1795729867,"reason":""}
 *
 * `state` is "calling", "reachable" or "unreachable", `since` the second since 1970 in which it
 * began, `reason` why the site isn't reached. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/base/failure.h"
#include "cwg/base/said.h"
#include "cwg/name/end.h"
#include "cwg/store/store.h"

enum reach_state {
    REACH_CALLING, /* for the first time */
    REACH_UP,
    REACH_DOWN,
};

struct reach {
    bool told;
    bool unwritten; /* the store had no room for it */
    char host[END_HOST_SIZE];
    enum reach_state state; /* that was told */
    char reason[FAILURE_TEXT_SIZE];
    int64_t since; /* seconds since 1970 */
    struct said said;
};

/* Tells of the way to a site: by which kind of carrier, and to which host or server. Writes only
 * what has changed, or couldn't be written before. Returns whether the journal should have it: the
 * state has changed, or has another reason than any that it had since then. */
bool reach_tell(struct reach *reach, const struct store *store, const char *site, const char *by,
                const char *host, enum reach_state state, const char *reason);

const char *reach_text(enum reach_state state);

/* Removes what was told of the way to a site. */
void reach_forget(const struct store *store, const char *site);

/* Removes what an agent before has told. */
void reach_clear(const struct store *store);

/* Sessions with several machines, one each. */
#pragma once

#include "cwg/site/site.h"

enum {
    SITES_MAX = 32,
};

struct sites {
    struct site *site[SITES_MAX];
    size_t count;
};

/* Returns the session with a host, which it starts if there is none yet; or NULL with a failure. */
struct site *sites_get(struct sites *sites, const char *host, struct failure *failure);

enum {
    SITES_RENEW_MS = 5000,
};

/* Starts the sessions that were lost anew, each SITES_RENEW_MS after its last start at the
 * earliest. One that fails again is lost as before. */
void sites_renew(struct sites *sites);

/* Ends all sessions. Returns 0, or -1 if one of the sites may have left something behind. */
int sites_close(struct sites *sites);

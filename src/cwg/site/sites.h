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

/* Ends all sessions. Returns 0, or -1 if one of the sites may have left something behind. */
int sites_close(struct sites *sites);

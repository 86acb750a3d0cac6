/* Storing what another site tells, whichever way it comes. */
#pragma once

#include <stddef.h>

#include "cwg/store/store.h"
#include "cwg/store/want.h"

enum {
    KEEP_PATH_LENGTH_MAX = WANT_LINK_SIZE + 2, /* of a record: LINK.HOST */
    KEEP_RECORDS_MAX = 20000,                  /* of a site */
};

/* Stores a record as in/SITE/PATH, unless a later one is there: the older was on its way in another
 * session. *kept is the number of the site's records, counted when it is 0. Its signature is the
 * agent's matter. Returns 0; 1 if it is new; or -1: the site tells of too many, or the disk is
 * full. */
int keep(const struct store *store, const char *site, const char *path, const char *record,
         size_t *kept, struct failure *failure);

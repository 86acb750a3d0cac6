/* What an operator declares for this site: PREFIX/site/OWN/want/X becomes want/X of the store, and
 * PREFIX/site/OWN/site/PEER becomes site/PEER. Each is a record (record.h) for this site under that
 * path, signed by an operator whom this site's configuration names. A key that is missing from etcd
 * says nothing: only a signed record ends a link. */
#pragma once

#include <stdbool.h>

#include "cwg/record/sitekey.h"
#include "cwg/store/store.h"

enum {
    ORDERS_OPERATORS_MAX = 16,
};

struct orders {
    const struct store *store;
    const char *site;
    struct key operator[ORDERS_OPERATORS_MAX]; /* their public keys */
    int operators;
};

/* Takes a record at a path, "want/X" or "site/X". The last one taken of each path is kept, and only
 * a higher serial is taken after it. Returns 1 if the store was changed; 0 if it is no news; or -1:
 * it is refused, or can't be stored. */
int orders_take(const struct orders *orders, const char *path, const char *line,
                struct failure *failure);

/* What an operator declares for this site: PREFIX/site/OWN/want/X becomes want/X of the store, and
 * PREFIX/site/OWN/site/PEER becomes site/PEER. Each is a record (record.h) for this site under that
 * path, signed by an operator whom this site's configuration names. A key that is missing from etcd
 * says nothing: only a signed record ends a link. */
#pragma once

#include <stdbool.h>

#include "cwg/record/sitekey.h"
#include "cwg/store/store.h"
#include "cwg/store/trust.h"
#include "cwg/store/want.h"

enum {
    ORDERS_OPERATORS_MAX = 16,
};

struct orders {
    const struct store *store;
    const char *site;
    struct key operator[ORDERS_OPERATORS_MAX]; /* their public keys */
    int operators;
};

/* Opens a record that one of the operators has signed for the site at a path. *ret_body is the
 * caller's. Returns 0, or -1. */
int orders_open(const struct orders *orders, const char *path, const char *line, json_t **ret_body,
                struct failure *failure);

/* Returns whether a body ends what was declared at its path. */
bool orders_is_end(const json_t *body);

/* Reads the body of "want/LINK.HOST", which doesn't end it: a want of this link and host. Returns
 * 0, or -1. */
int orders_read_want(const char *path, const json_t *body, struct want *ret_want,
                     struct failure *failure);

/* Reads the body of "site/PEER": writes that site's name and key, and no other member. Returns 0,
 * or -1. */
int orders_read_site(const char *path, const json_t *body, struct site_record *ret_site,
                     struct failure *failure);

/* Takes a record at a path, "want/X" or "site/X". The last one taken of each path is kept, and only
 * a higher serial is taken after it. Returns 1 if the store was changed; 0 if it is no news; or -1:
 * it is refused, or can't be stored. */
int orders_take(const struct orders *orders, const char *path, const char *line,
                struct failure *failure);

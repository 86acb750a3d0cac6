/* The sites that a site knows, each in a line of the store: site/NAME.
 *
 *   {"site":"site2","key":"<base64>","ssh":"cwg@site2.example","serial":0}
 *
 * This is the only place that says a site's key. A declared link names its other end's site, and
 * what the owner of that key signs is believed of that link. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "cwg/store/store.h"
#include "cwg/store/want.h"
#include "link/key.h"

struct site_record {
    char name[WANT_SITE_SIZE];
    struct key key;
    char ssh[END_HOST_SIZE]; /* [USER@]HOST; "": the site calls, and isn't called */
    int64_t serial;          /* of the record with which it told this key itself; 0: none */
};

/* All of them, sorted by their names. */
struct trust {
    struct site_record *sites;
    size_t count;
};

/* Takes a site from JSON. Unknown members count for nothing. Returns 0, or -1. */
int trust_parse(const json_t *object, struct site_record *ret_site, struct failure *failure);

/* Reads a site. Returns 0; 1 if it isn't known; or -1. */
int trust_read(const struct store *store, const char *name, struct site_record *ret_site,
               struct failure *failure);

/* Writes a site's line. The caller frees it. NULL if there is no memory. */
char *trust_line(const struct site_record *site);

/* Writes a site, in the place of what was known of it. Returns 0, or -1. */
int trust_write(const struct store *store, const struct site_record *site, struct failure *failure);

/* Forgets a site: its key, the records from it and for it, and how it is reached. The folders stay,
 * since programs at work watch them. So do the records of operators in signed/: an old one must not
 * bring the site back. What was cut short can be called again. Returns 0; 1 if nothing is known of
 * the site; or -1, also if links with it are declared. */
int trust_forget(const struct store *store, const char *name, struct failure *failure);

/* Reads all sites. One that can't be read stays as it was in `trust`. Returns 0, or -1 with the
 * last failure. */
int trust_load(struct trust *trust, const struct store *store, struct failure *failure);

/* Finds a site. Returns NULL if it isn't known. */
const struct site_record *trust_find(const struct trust *trust, const char *name);

void trust_close(struct trust *trust);

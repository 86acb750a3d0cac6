/* A site's new key. The old one signs a record for each known site, out/SITE/key, that tells of the
 * new one:
 *
 *   {"serial":1795747888000,"key":"<base64>"}
 *
 * Who knows the old key takes the new one from that record, once: site/NAME has the new key and the
 * serial then. In the state directory site.key is the key, and site.key.old the one before, for as
 * long as there may be sites that know that one. */
#pragma once

#include <stdbool.h>

#include "cwg/record/sitekey.h"
#include "cwg/store/store.h"
#include "cwg/store/trust.h"

/* The record's name in out/SITE and in/SITE: no end of a link has it. */
#define ROTATION_NAME "key"

/* Makes a new key, and keeps the old one beside it. Wherever it is cut short the directory has a
 * whole key, and it can be called again. Returns 0, or -1: also if an old one is kept already. */
int rotation_make(const char *state, struct failure *failure);

/* Signs the record for each known site that hasn't got it, if there is an old key. Calls `told` for
 * each. Returns 0, or -1. */
int rotation_tell(const char *state, const struct store *store, const struct sitekey *key,
                  void (*told)(void *owner, const char *site), void *owner,
                  struct failure *failure);

/* Takes a site's new key from a record that the site says to have signed for `receiver`, if the key
 * that is known has signed it, with a higher serial than the record before. Writes the new key and
 * the serial to *known. Returns 1 if it is another key; 0; or -1 for a record that the site has
 * signed, and that can't be read. */
int rotation_take(const char *line, const char *receiver, struct site_record *known,
                  struct failure *failure);

/* Takes a site's new key, if it has told of one. `own` is the site that it was told. Returns 1 if
 * another key is known of it now; 0; or -1. */
int rotation_hear(const struct store *store, const char *own, const char *site,
                  struct failure *failure);

/* Is an old key kept? */
bool rotation_is_kept(const char *state);

/* Forgets the old key. Returns 0; 1 if there is none; or -1. */
int rotation_drop(const char *state, struct failure *failure);

/* Records: what a site tells of a link, signed. A record stands in a store under a path, such as
 * "in/site1/l-7f3a", and is one line of JSON:
 *
 *   {"v":1,"by":"<name of the signer's key>","body":"<JSON>","sig":"<base64 of 64 bytes>"}
 *
 * The signature is over "cwg1", a NUL, the receiving site's name, a NUL, the path, a NUL, and the
 * exact bytes of the body. So nobody can move a record to another site or link, and no form of JSON
 * has to be agreed on. Who stores and carries records can withhold them, and nothing else. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cwg/base/failure.h"
#include "cwg/record/sitekey.h"

/* In the place of the receiving site's name, in a record that is for operators. */
#define RECORD_OPERATORS "operators"

enum {
    RECORD_SIZE = 4096, /* the longest line, with its NUL */
    RECORD_PATH_SIZE = 256,
    RECORD_BODY_SIZE = 3072,
};

/* Signs a body for a site. Returns the line, which the caller frees; or NULL, with a failure. */
char *record_sign(const struct sitekey *key, const char *site, const char *path, const json_t *body,
                  struct failure *failure);

/* Reads a line that somebody says to be the record at this path of this site, signed by the owner
 * of a key. *ret_body is its body, an object with a whole "serial" of 1 or more, and the caller's.
 * Returns 0, or -1. */
int record_open(const char *line, const char *site, const char *path, const struct key *signer,
                json_t **ret_body, struct failure *failure);

/* Returns whether a record claims to be an older one than another of the same signer. For who only
 * carries them: no signature is looked at. */
bool record_is_older(const char *line, const char *other);

/* Returns the body that a record claims to have, whoever has signed it, with a serial or without;
 * NULL for a line that has none. It is the caller's. For records that nobody else can have written,
 * and for who believes nothing in it. */
json_t *record_body(const char *line);

/* The serial that a record claims to have, whoever has signed it; 0 for a line that has none. For
 * records of this site's own, and those that were checked before. */
int64_t record_claimed_serial(const char *line);

/* The serial of a body from record_open(): a later record of a path has a higher one. */
int64_t record_serial(const json_t *body);

/* Typed looks into JSON that another program or another machine wrote. */
#pragma once

#include <jansson.h>
#include <stdint.h>

/* Reads one line, which has to be one object without doubled names. Returns NULL if it isn't. */
json_t *json_read_line(const char *line);

/* The text of a member, or NULL if it is missing, null, not a text, or longer than `max` bytes. */
const char *json_text(const json_t *object, const char *name, size_t max);

/* A member that is a word or a few: small letters and blanks. Anything else is "unknown". */
const char *json_words(const json_t *object, const char *name);

/* The name of a member that is none of `known`, which ends with NULL; or NULL if there is none. */
const char *json_stranger(const json_t *object, const char *const known[]);

/* A member that is a whole number from `min` to `max`. Returns 0, or -1. */
int json_whole(const json_t *object, const char *name, int64_t min, int64_t max,
               int64_t *ret_number);

/* The form of a file of `cwg declare`: the names of its members, which are cwg-links(5)'s. One that
 * is misspelled would count for nothing, and nobody would know. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cwg/base/failure.h"

/* Who declares: each form has some members that the other one lacks. */
enum form {
    FORM_SITE,  /* a site, what its own store has */
    FORM_FLEET, /* an operator, in etcd */
};

/* Reads a file's text, which has to be an object. The caller drops it. Returns NULL with a failure.
 */
json_t *form_read(const char *text, struct failure *failure);

/* Has it a list of sites, of links, or both? And does each site, each key and each
 * end stand there but once? Returns 0, or -1. */
int form_check_file(const json_t *file, struct failure *failure);

/* Checks a site's members. Returns 0, or -1. */
int form_check_site(const json_t *site, enum form form, struct failure *failure);

/* Checks the members of a link of this name, and that "off" is true or false. Returns 0, or -1. */
int form_check_link(const json_t *link, const char *name, enum form form, struct failure *failure);

/* Says that two sites can't have one key. Returns -1. */
int form_fail_key(const char *one, const char *other, struct failure *failure);

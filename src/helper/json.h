/* What is said to programs: JSON (RFC 8259), as doc/net-admin-helper.schema.json has it. Nothing is
 * ever escaped: strings are of our own constants, and of values that we parsed, in alphabets that
 * have no need for it. */
#pragma once

#include "helper/links.h"
#include "helper/text.h"

/* Where a link is, for who lists those of many containers. */
struct json_place {
    int pid;
    const char *container; /* hexadecimal digits, or NULL: null */
};

/* Adds a link, as one object. `place` may be NULL, and then it says nothing about it. */
void json_add_link(struct text *text, const struct json_place *place, const struct link_view *view);

/* Adds what a cwg_create has made. */
void json_add_created(struct text *text, const struct device *device, uint16_t port,
                      const struct key *public_key);

/* Links as JSON, as doc/net-admin-helper.schema.json has them. */
#pragma once

#include "helper/base/text.h"
#include "helper/view/links.h"

/* Where a link is, for who lists those of many containers. */
struct json_place {
    int pid;
    const char *container; /* hexadecimal digits, or NULL: null */
};

/* Adds a link, as one object. `place` may be NULL, and then it says nothing about it. */
void json_add_link(struct text *text, const struct json_place *place, const struct link_view *view);

/* What a cwg_create tells. */
struct json_created {
    const struct device *device;
    bool created; /* not adopted */
    uint16_t port;
    ino_t netns; /* of the container's network namespace */
    const struct key *public_key;
    const char *warning; /* or NULL: null */
};

void json_add_created(struct text *text, const struct json_created *created);

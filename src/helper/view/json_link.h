/* Writes links as JSON, by doc/net-admin-helper.schema.json. */
#pragma once

#include "helper/base/text.h"
#include "helper/view/links.h"

/* The place of a link, for a list of many containers. */
struct json_place {
    int pid;
    const char *container; /* an id or a name; or NULL: null */
};

/* Adds a link as one object. Without a `place` (NULL) the place's fields are left out. */
void json_add_link(struct text *text, const struct json_place *place, const struct link_view *view);

/* The result of a cwg_create. */
struct json_created {
    const struct device *device;
    bool created; /* not adopted */
    uint16_t port;
    ino_t netns; /* inode of the container's network namespace */
    const struct key *public_key;
    const char *warning; /* or NULL: null */
};

void json_add_created(struct text *text, const struct json_created *created);

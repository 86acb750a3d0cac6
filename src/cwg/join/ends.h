/* The two ends of a link that was joined before, looked up at their machines. */
#pragma once

#include <jansson.h>

#include "cwg/site/sites.h"
#include "cwg/state/joined.h"

/* An end as its machine shows it. */
struct end_seen {
    struct site *site;
    int container; /* the number that the site gave it */
    json_t *link;  /* cwg_show's JSON of the link; NULL if the container has none, or is gone */
    bool late;     /* its machine didn't answer in time, and may do so still */
    struct failure failure; /* why it couldn't be looked up; text "" if it was */
};

enum {
    ENDS_LOOK_MS = 90000, /* with the time to type a password */
};

/* Looks at both ends of links, at all machines at once, for `milliseconds` at most. `seen` has two
 * for each link. A machine that can't be reached, or a container that is gone, is a failure of its
 * own ends alone. */
void ends_look(struct sites *sites, const struct joined *joined, size_t count, int milliseconds,
               struct end_seen *seen);

/* Marks the ends whose machines didn't answer in time, of `count`, and may do so still. Returns
 * their number. */
int ends_find_late(struct end_seen *seen, size_t count);

/* Looks again at the ends that are late, of `count` links. */
void ends_look_late(struct sites *sites, const struct joined *joined, size_t count,
                    int milliseconds, struct end_seen *seen);

/* Shows at a terminal which machines are waited for, if any but this one is. With `seen`, of the
 * ends that are late. */
void ends_show_wait(const struct joined *joined, size_t count, const struct end_seen *seen);

/* Finds the link of a net and host among those of a container, cwg_show's JSON. Returns NULL if
 * there is none; the link stays the array's. */
json_t *ends_link(const json_t *links, uint32_t net, uint32_t host);

/* Gives the JSON up. */
void ends_free(struct end_seen *seen, size_t count);

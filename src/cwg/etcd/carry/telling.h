/* What this site tells, from the store's directory to etcd: out/PEER/X is put as
 * PREFIX/site/PEER/in/OWN/X, and status/X as PREFIX/site/OWN/status/X. Only what has changed is
 * put, and of each only its last state. A status that is removed is deleted in etcd. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/etcd/gateway/client.h"
#include "cwg/store/store.h"

enum {
    TELLING_LOOK_MS = 60000,   /* between two looks at all */
    TELLING_STATUS_MS = 30000, /* between two states of an end */
};

struct telling {
    struct client *client;
    const struct store *store;
    const char *site;
    struct told *told; /* sorted by their paths */
    size_t count, room;
    int64_t looked; /* at all */
    int64_t due;    /* nothing is put before */
    int full;       /* times that etcd had no room, one after the other */
    size_t alone;   /* so many are put each in a transaction of its own */
    bool all;       /* are to be looked at */
    bool had_room;  /* etcd has taken a line since the caller of telling_run() cleared it */
    char refusal[FAILURE_TEXT_SIZE]; /* why some are not put; "" if all are */
};

/* Something at a path of the store may have changed; NULL: anything. */
void telling_see(struct telling *telling, const char *path);

/* Tries at once what etcd hasn't allowed, or had no room for, and looks at all. */
void telling_retry(struct telling *telling);

/* etcd has had a line for a path since a revision; NULL: it has none. What this site itself put
 * there last is known. Any other line is replaced by this site's own, or deleted if the site has
 * none. */
void telling_know(struct telling *telling, const char *path, const char *line, int64_t revision);

/* A list of all that etcd has of this site's begins, of which telling_know() is told; and it was
 * whole: a state that it doesn't have is put again. */
void telling_begin_list(struct telling *telling);
void telling_end_list(struct telling *telling, int64_t revision);

/* What was put may be lost: all is put again. */
void telling_again(struct telling *telling);

/* Puts what is due, as long as the site's presence was changed last at `presence`. Returns 0; 1: it
 * was changed since; or -1: etcd isn't reached. */
int telling_run(struct telling *telling, int64_t presence, struct failure *failure);

/* When it wants to be called (clock_now()). */
int64_t telling_due(const struct telling *telling);

/* Returns whether etcd may have a state of an end that isn't the one of `now` (clock_now()): it
 * doesn't take the new one, whatever the reason, or nobody has looked yet. A state that waits for
 * TELLING_STATUS_MS after the one before doesn't count. */
bool telling_is_behind(const struct telling *telling, int64_t now);

/* How many wait. */
size_t telling_waiting(const struct telling *telling);

void telling_end(struct telling *telling);

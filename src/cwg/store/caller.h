/* Another site that calls this one: `cwg inbox SITE` tells of it as caller/SITE in the store, one
 * object of JSON:
 *
 *   {"site":"site2","from":"192.0.2.2","since":1795729867,"heard":1795730107}
 *
 * `since` is the second since 1970, by this machine's clock, in which its session began, `heard`
 * the one in which it was heard last, give or take a minute; `from` is sshd's word for its address,
 * or "". As long as a session lasts its process has a shared lock (F_OFD_SETLK of fcntl(2)) on the
 * folder out/SITE, which the kernel takes back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/store/store.h"
#include "cwg/store/want.h"

enum {
    CALLER_FROM_SIZE = 64,
    CALLER_TELL_MS = 60000, /* between two lines */
};

struct caller {
    const struct store *store;
    char site[WANT_SITE_SIZE];
    char from[CALLER_FROM_SIZE];
    int lock;            /* the folder's descriptor */
    int64_t since;       /* seconds since 1970 */
    int64_t heard, told; /* clock_now(): the last line from there, and the one that was told of */
    int64_t told_due;    /* clock_now() */
};

/* A session with a site begins, from an address or "": takes the lock on out/SITE, which has to be
 * there. Returns 0, or -1. */
int caller_open(struct caller *caller, const struct store *store, const char *site,
                const char *from, struct failure *failure);

/* Notes when the site was heard last (clock_now()), and tells it if that is due. What can't be
 * written is nothing to the session. */
void caller_hear(struct caller *caller, int64_t heard);

/* The session ends. */
void caller_close(struct caller *caller);

/* Returns whether a session with the site lasts. */
bool caller_is_there(const struct store *store, const char *site);

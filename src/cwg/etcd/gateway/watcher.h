/* The one watch of a site: what changes under PREFIX/site/OWN/, on a connection of its own. */
#pragma once

#include "cwg/etcd/gateway/client.h"

enum {
    WATCHER_BEAT_MS = 5000, /* within which a beat has to come back */
};

struct watcher {
    struct client *client;
    struct http_stream stream;
    struct gateway_stream objects;
    bool too_long;
    int64_t revision; /* the highest that came */
    int64_t beat;     /* a revision that has to come ... */
    int64_t beat_due; /* ... before this time; 0: none is awaited */
};

/* Begins to watch from a revision on. Returns 0, or -1. */
int watcher_open(struct watcher *watcher, struct client *client, const char *prefix,
                 int64_t revision, struct failure *failure);

/* Takes what has come. Returns 0, or -1: the watch is over, for whatever reason. */
int watcher_take(struct watcher *watcher,
                 int (*take)(void *owner, const struct gateway_entry *entry,
                             struct failure *failure),
                 void *owner, struct failure *failure);

/* Something was written at a revision, which the watch has to tell of. */
void watcher_expect(struct watcher *watcher, int64_t revision);

void watcher_close(struct watcher *watcher);

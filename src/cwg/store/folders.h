/* What changes in the store's folders, by inotify(7): an accelerator, beside looks at all. */
#pragma once

#include <stdint.h>

#include "cwg/store/store.h"

/* All zero: not open. */
struct folders {
    int fd; /* ready to be read when something has changed */
    const struct store *store;
    char *path; /* of the store */
    struct watched_folder *all;
    size_t count;
};

/* Begins with no folder. Returns 0, or -1. */
int folders_open(struct folders *folders, const struct store *store, const char *path,
                 struct failure *failure);
void folders_close(struct folders *folders);

/* Watches a folder of the store for some of inotify's events. Makes it, if it isn't there; it may
 * be watched already. Returns 0, or -1 with errno. */
int folders_watch(struct folders *folders, const char *folder, uint32_t events);

/* The same for a directory that isn't the store's and is there; it is told as "". */
int folders_watch_other(struct folders *folders, const char *path, uint32_t events);

/* Tells what has changed: a name in a folder; NULL: some changes were lost. Whatever comes
 * meanwhile makes the descriptor ready again. tell() may watch further folders. */
void folders_read(struct folders *folders,
                  void (*tell)(void *owner, const char *folder, const char *name), void *owner);

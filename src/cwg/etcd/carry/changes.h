/* What changes in the store's directory, by inotify: an accelerator, beside a look at all. */
#pragma once

#include <stdbool.h>

#include "cwg/etcd/carry/telling.h"
#include "cwg/store/want.h"

struct changes {
    int fd;
    const struct store *store;
    char *path; /* of the store */
    struct watched_folder *folders;
    size_t count;
    int out, in; /* the numbers of these folders */
};

/* Makes the folders that are watched, and watches them. Returns 0, or -1. */
int changes_open(struct changes *changes, const struct store *store, const char *path,
                 struct failure *failure);

/* Tells of what has changed. Returns whether a folder of in/ is new. */
bool changes_read(struct changes *changes, struct telling *telling);

void changes_close(struct changes *changes);

/* What changes in the store's directory: an accelerator, beside a look at all. */
#pragma once

#include <stdbool.h>

#include "cwg/etcd/carry/telling.h"
#include "cwg/store/folders.h"

/* Makes the folders that are watched, and watches them. Returns 0, or -1. */
int changes_open(struct folders *folders, const struct store *store, const char *path,
                 struct failure *failure);

/* Tells of what has changed. Returns whether a folder of in/ is new, or a site is
 * known anew: what it has told before wasn't taken. */
bool changes_read(struct folders *folders, struct telling *telling);

/* A directory with what a site has declared, told and heard: one line in each file.
 *
 *   want/LINK.HOST      what is declared here (want.h)
 *   site/SITE           a site that is known, with its key (trust.h)
 *   out/SITE/LINK.HOST  the record that this site tells another one of its end of a link
 *   in/SITE/LINK.HOST   the record that another site has told of its end
 *   status/LINK.HOST    the record of how an end is, for operators
 *   caller/SITE         when another site has called this one (caller.h)
 *
 * Each part of a path is a name (end_is_name()), so no path leaves the directory. Files are written
 * under another name and renamed. So a reader finds a whole one, and rsync, NFS and a backup can
 * carry the directory. Several processes may write: the agent, and a `cwg inbox` for each site. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cwg/base/failure.h"

enum {
    STORE_LINE_SIZE = 4096, /* with its NUL */
    STORE_PATH_SIZE = 512,
};

struct store {
    int directory; /* -1 if it isn't open */
};

/* Which version of a line was read. */
struct store_stamp {
    uint64_t inode; /* 0: none */
    int64_t seconds, nanoseconds;
};

/* Opens a directory, and makes it, for its owner alone, if it isn't there. Returns 0; or -1, also
 * for another user's, of which nothing has changed. */
int store_open(struct store *store, const char *path, struct failure *failure);
void store_close(struct store *store);

/* Reads the line at a path. Returns 0; 1 if there is none; or -1, also for a line that is too long,
 * or a file that is no regular one. */
int store_read(const struct store *store, const char *path, char ret_line[static STORE_LINE_SIZE],
               struct failure *failure);

/* Returns whether the line at a path may be another one than that of the stamp, and takes its
 * stamp. It costs a fraction of reading. */
bool store_changed(const struct store *store, const char *path, struct store_stamp *stamp);

/* Writes a line to a path, and makes the directories above it. The line is on the disk when this
 * returns. Returns 0, or -1 with nothing changed. */
int store_write(const struct store *store, const char *path, const char *line,
                struct failure *failure);

/* The same for a line that can be had again: a loss of power may take it, or bring back the one
 * before. It takes a hundredth of the time. */
int store_write_lazily(const struct store *store, const char *path, const char *line,
                       struct failure *failure);

/* Removes a line, if it is there. Returns 0, or -1. */
int store_remove(const struct store *store, const char *path, struct failure *failure);

/* Lists the names in a directory of the store that a link or a site may have, sorted by strcmp(3).
 * A directory that isn't there has none. Removes what a writer that was killed has left. The caller
 * frees the array, which ends with NULL, in one piece. Returns NULL with a failure. */
char **store_list(const struct store *store, const char *path, struct failure *failure);

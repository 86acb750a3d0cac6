/* What plugins of networks tell of containers: a file for each container and network, ID+NETWORK,
 * in a directory that root or this user alone may write to. A plugin writes the file before the
 * container starts, and removes it when the container has stopped. A file may stay when its
 * container has gone. */
#pragma once

#include <limits.h>
#include <time.h>

#include "cwg/container/container.h"

#define ATTACHMENT_SYSTEM_DIRECTORY "/run/cwg-attached"

enum {
    ATTACHMENT_NETWORK_SIZE = 129,
    ATTACHMENT_LINK_SIZE = 513, /* LABEL_TEXT_MAX + 1 */
    ATTACHMENTS_MAX = 4096,     /* more can't be read */
};

struct attachment {
    char engine[END_ENGINE_SIZE];
    char name[END_NAME_SIZE];
    char id[CONTAINER_ID_SIZE];
    char network[ATTACHMENT_NETWORK_SIZE];
    char netns[END_NAME_SIZE];       /* the file of its namespace in /run/netns; "": it has none */
    char link[ATTACHMENT_LINK_SIZE]; /* the ends that the network declares, as a label; or "" */
    struct timespec told;            /* when the file was written */
};

/* Writes the path of the directory: /run/cwg-attached for root, and for a system's user;
 * $XDG_RUNTIME_DIR/cwg-attached for another user, also where a user namespace calls this user root.
 * There the variable may be missing, since podman calls hooks without an environment: then it is
 * /run/user/UID. Returns 0, or a negative errno. */
int attachment_directory(char ret_path[static PATH_MAX]);

/* Writes an attachment, in the place of the same container's and network's; the first of all makes
 * the directory. Its words have to be names (end_is_name()). Returns 0, or -1. */
int attachment_write(const struct attachment *attachment, struct failure *failure);

/* Removes an attachment, if it is there. Returns 0, or -1. */
int attachment_remove(const char *id, const char *network, struct failure *failure);

/* Reads all attachments of a directory; NULL means this user's. What is no attachment is left out.
 * No directory means that there is none; one that others may write to is a failure, and so are too
 * many ("limit"). The caller frees *ret_attachments. Returns 0, or -1. */
int attachments_read(const char *path, struct attachment **ret_attachments, size_t *ret_count,
                     struct failure *failure);

/* Reads them one by one, however many they are, until a function returns something else than 0. It
 * may remove the one that it gets. Returns 0; what the function has returned, or -1 with a failure
 * for a negative errno of the function's, too. */
int attachments_each(const char *path,
                     int (*take)(void *context, const struct attachment *attachment), void *context,
                     struct failure *failure);

/* Does this user's directory tell anything, if it is there? Returns 0, or -1. */
int attachments_check(struct failure *failure);

/* Reads one attachment of this user's directory, by the name of its file. Returns 0, or -1 if there
 * is none. */
int attachment_read(const char *file, struct attachment *ret_attachment);

#include "cwg/store/folders.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EVENTS_SIZE = 1 << 15, /* bytes that are read at once */
};

struct watched_folder {
    int number; /* inotify's */
    char *name;
};

int folders_open(struct folders *folders, const struct store *store, const char *path,
                 struct failure *failure)
{
    *folders = (struct folders){
        .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .store = store, .path = strdup(path)};
    if (folders->fd < 0 || !folders->path)
        return fail_errno(failure, errno, "can't watch the store");
    return 0;
}

void folders_close(struct folders *folders)
{
    if (folders->store && folders->fd >= 0)
        close(folders->fd);
    for (size_t i = 0; i < folders->count; i++)
        free(folders->all[i].name);
    free(folders->all);
    free(folders->path);
    *folders = (struct folders){.store = NULL};
}

static struct watched_folder *find(const struct folders *folders, int number)
{
    for (size_t i = 0; i < folders->count; i++) {
        if (folders->all[i].number == number)
            return &folders->all[i];
    }
    return NULL;
}

/* Watches a directory, which is told by a name. */
static int watch(struct folders *folders, const char *path, const char *name, uint32_t events)
{
    const int number = inotify_add_watch(folders->fd, path, events);
    struct watched_folder *all;

    if (number < 0 || find(folders, number))
        return number < 0 ? -1 : 0;
    all = reallocarray(folders->all, folders->count + 1, sizeof(*all));
    if (!all)
        return -1;
    folders->all = all;
    all[folders->count] = (struct watched_folder){.number = number, .name = strdup(name)};
    if (!all[folders->count].name)
        return -1;
    folders->count++;
    return 0;
}

int folders_watch(struct folders *folders, const char *folder, uint32_t events)
{
    char path[PATH_MAX];

    (void)mkdirat(folders->store->directory, folder, 0700);
    (void)snprintf(path, sizeof(path), "%.3500s/%.500s", folders->path, folder);
    return watch(folders, path, folder, events);
}

int folders_watch_other(struct folders *folders, const char *path, uint32_t events)
{
    return watch(folders, path, "", events);
}

void folders_read(struct folders *folders,
                  void (*tell)(void *owner, const char *folder, const char *name), void *owner)
{
    char buffer[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
    const ssize_t length = read(folders->fd, buffer, sizeof(buffer));

    for (const char *next = buffer; length > 0 && next < buffer + length;) {
        const struct inotify_event *event = (const void *)next;
        const struct watched_folder *folder = event->len > 0 ? find(folders, event->wd) : NULL;

        tell(owner, folder ? folder->name : NULL, folder ? event->name : NULL);
        next += sizeof(*event) + event->len;
    }
}

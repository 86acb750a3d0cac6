#include "cwg/etcd/carry/changes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder whose files are told. */
struct watched_folder {
    int number; /* inotify's */
    char name[STORE_PATH_SIZE];
};

/* Watches a folder. Returns inotify's number, or -1. */
static int watch(struct changes *changes, const char *folder, uint32_t events)
{
    char path[PATH_MAX];

    (void)mkdirat(changes->store->directory, folder, 0700);
    (void)snprintf(path, sizeof(path), "%.3500s/%.500s", changes->path, folder);
    return inotify_add_watch(changes->fd, path, events);
}

/* Watches a folder whose files are told. One that can't be watched is found by the look at all. */
static void watch_told(struct changes *changes, const char *folder)
{
    const int number = watch(changes, folder, IN_MOVED_TO | IN_DELETE);
    struct watched_folder *more;

    for (size_t i = 0; i < changes->count; i++) {
        if (changes->folders[i].number == number)
            return;
    }
    more = number < 0 ? NULL : reallocarray(changes->folders, changes->count + 1, sizeof(*more));
    if (!more)
        return;
    changes->folders = more;
    more += changes->count++;
    more->number = number;
    (void)snprintf(more->name, sizeof(more->name), "%s", folder);
}

static void watch_site(struct changes *changes, const char *site)
{
    char folder[STORE_PATH_SIZE];

    if (!want_is_name(site))
        return;
    (void)snprintf(folder, sizeof(folder), "out/%.63s", site);
    watch_told(changes, folder);
}

int changes_open(struct changes *changes, const struct store *store, const char *path,
                 struct failure *failure)
{
    char **sites;

    *changes = (struct changes){.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .store = store};
    changes->path = strdup(path);
    if (changes->fd < 0 || !changes->path)
        return fail_errno(failure, errno, "can't watch the store");
    changes->out = watch(changes, "out", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    changes->in = watch(changes, "in", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    if (changes->out < 0 || changes->in < 0)
        return fail_errno(failure, errno, "can't watch the store");
    watch_told(changes, "status");
    sites = store_list(store, "out", failure);
    for (char **site = sites; site && *site; site++)
        watch_site(changes, *site);
    free(sites);
    return sites ? 0 : -1;
}

/* Returns whether a folder of in/ is new. */
static bool see(struct changes *changes, const struct inotify_event *event, struct telling *telling)
{
    char path[STORE_PATH_SIZE + NAME_MAX];

    if (event->len == 0)
        telling_see(telling, NULL); /* events were lost */
    if (event->len == 0 || event->wd == changes->in)
        return true;
    if (event->wd == changes->out) {
        watch_site(changes, event->name);
        telling_see(telling, NULL); /* files of before the watch */
        return false;
    }
    for (size_t i = 0; i < changes->count; i++) {
        if (changes->folders[i].number == event->wd && end_is_name(event->name)) {
            (void)snprintf(path, sizeof(path), "%s/%s", changes->folders[i].name, event->name);
            telling_see(telling, path);
        }
    }
    return false;
}

bool changes_read(struct changes *changes, struct telling *telling)
{
    char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool is_new = false;
    ssize_t length;

    while ((length = read(changes->fd, buffer, sizeof(buffer))) > 0) {
        for (const char *next = buffer; next < buffer + length;) {
            const struct inotify_event *event = (const void *)next;

            is_new |= see(changes, event, telling);
            next += sizeof(*event) + event->len;
        }
    }
    return is_new;
}

void changes_close(struct changes *changes)
{
    if (changes->fd >= 0)
        close(changes->fd);
    free(changes->folders);
    free(changes->path);
    *changes = (struct changes){.fd = -1};
}

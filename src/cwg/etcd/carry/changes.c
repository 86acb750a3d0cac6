#include "cwg/etcd/carry/changes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "cwg/name/end.h"
#include "cwg/store/want.h"

/* One that can't be watched is found by the look at all. */
static void watch_site(struct folders *folders, const char *site)
{
    char folder[STORE_PATH_SIZE];

    if (!want_is_name(site))
        return;
    (void)snprintf(folder, sizeof(folder), "out/%.63s", site);
    (void)folders_watch(folders, folder, IN_MOVED_TO | IN_DELETE);
}

int changes_open(struct folders *folders, const struct store *store, const char *path,
                 struct failure *failure)
{
    char **sites;

    if (folders_open(folders, store, path, failure))
        return -1;
    if (folders_watch(folders, "out", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) ||
        folders_watch(folders, "in", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR))
        return fail_errno(failure, errno, "can't watch the store");
    (void)folders_watch(folders, "status", IN_MOVED_TO | IN_DELETE);
    (void)folders_watch(folders, "site", IN_MOVED_TO);
    sites = store_list(store, "out", failure);
    for (char **site = sites; site && *site; site++)
        watch_site(folders, *site);
    free(sites);
    return sites ? 0 : -1;
}

/* What is read at once. */
struct reading {
    struct folders *folders;
    struct telling *telling;
    bool is_new; /* a folder of in/, or a site */
};

static void see(void *owner, const char *folder, const char *name)
{
    struct reading *reading = owner;
    const bool of_others = !folder || strcmp(folder, "in") == 0 || strcmp(folder, "site") == 0;
    char path[STORE_PATH_SIZE + NAME_MAX];

    reading->is_new |= of_others;
    if (!folder) {
        telling_see(reading->telling, NULL);
    } else if (strcmp(folder, "out") == 0) {
        watch_site(reading->folders, name);
        telling_see(reading->telling, NULL); /* files of before the watch */
    } else if (!of_others && end_is_name(name)) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        telling_see(reading->telling, path);
    }
}

bool changes_read(struct folders *folders, struct telling *telling)
{
    struct reading reading = {.folders = folders, .telling = telling};

    folders_read(folders, see, &reading);
    return reading.is_new;
}

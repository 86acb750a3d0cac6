#include "cwg/etcd/carry/hearing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/store/keep.h"

struct heard_site {
    char name[WANT_SITE_SIZE];
    size_t kept; /* records; 0: not counted yet */
};

/* A site that tells something. One that no end here is linked with isn't listened to: the agent
 * makes the folder of those that are. Returns NULL for any other. */
static struct heard_site *find_site(struct hearing *hearing, const char *name)
{
    struct heard_site *more;
    char folder[STORE_PATH_SIZE];

    for (size_t i = 0; i < hearing->count; i++) {
        if (strcmp(hearing->sites[i].name, name) == 0)
            return &hearing->sites[i];
    }
    (void)snprintf(folder, sizeof(folder), "in/%.63s", name);
    if (strcmp(name, hearing->site) == 0 ||
        faccessat(hearing->store->directory, folder, W_OK | X_OK, AT_EACCESS) < 0)
        return NULL;
    more = reallocarray(hearing->sites, hearing->count + 1, sizeof(*more));
    if (!more)
        return NULL;
    hearing->sites = more;
    more += hearing->count++;
    *more = (struct heard_site){.kept = 0};
    (void)snprintf(more->name, sizeof(more->name), "%.63s", name);
    return more;
}

/* What etcd has of a site that was forgotten counts for nothing: its folder is there still. */
static bool is_known(const struct hearing *hearing, const char *name)
{
    char path[STORE_PATH_SIZE];

    (void)snprintf(path, sizeof(path), "site/%.63s", name);
    return faccessat(hearing->store->directory, path, F_OK, AT_EACCESS) == 0;
}

static int take_record(struct hearing *hearing, const char *rest, const char *record,
                       struct failure *failure)
{
    const char *slash = strchr(rest, '/');
    char name[WANT_SITE_SIZE];
    struct heard_site *site;

    if (!slash || slash - rest >= (int)sizeof(name) || !end_is_name(slash + 1) ||
        strlen(slash + 1) > KEEP_PATH_LENGTH_MAX)
        return 0;
    (void)snprintf(name, sizeof(name), "%.*s", (int)(slash - rest), rest);
    site = want_is_name(name) && is_known(hearing, name) ? find_site(hearing, name) : NULL;
    return site ? keep(hearing->store, name, slash + 1, record, &site->kept, failure) : 0;
}

/* Something isn't as it should be. It is said once. */
static void note(struct hearing *hearing, const struct failure *failure)
{
    if (failure_is(failure, "store"))
        hearing->missed = true;
    (void)snprintf(hearing->refusal, sizeof(hearing->refusal), "%s", failure->text);
    if (!hearing->quiet)
        (void)fprintf(stderr, "cwg etcd: %s\n", failure->text);
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

int hearing_take(void *owner, const struct gateway_entry *entry, struct failure *failure)
{
    struct hearing *hearing = owner;
    struct failure reason = {.text = ""};
    char own[GATEWAY_KEY_SIZE];
    const char *path;
    int result = 0;

    (void)failure;
    client_key(hearing->client, own, "site/%s/", hearing->site);
    if (!begins_with(entry->key, own))
        return 0;
    path = entry->key + strlen(own);
    if (strcmp(path, "agent") == 0) {
        if (!hearing->listing)
            presence_see(hearing->presence, entry->revision, entry->deleted);
    } else if (begins_with(path, "status/")) {
        if (end_is_name(path + strlen("status/")))
            telling_know(hearing->telling, path, entry->deleted ? NULL : entry->value,
                         entry->revision);
    } else if (entry->deleted || entry->foreign) {
        return 0; /* what is missing says nothing */
    } else if (begins_with(path, "in/")) {
        result = take_record(hearing, path + strlen("in/"), entry->value, &reason);
    } else if (begins_with(path, "want/") || begins_with(path, "site/")) {
        if (end_is_name(strchr(path, '/') + 1) && strlen(path) < (size_t)WANT_LINK_SIZE * 2)
            result = orders_take(hearing->orders, path, entry->value, &reason);
    }
    if (result < 0)
        note(hearing, &reason);
    return 0;
}

void hearing_end(struct hearing *hearing)
{
    free(hearing->sites);
    hearing->sites = NULL;
    hearing->count = 0;
}

#include "cwg/store/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/store/wanted.h"

enum {
    LINKS_TEXT_SIZE = 300, /* of a message: the first ones are enough */
};

int trust_parse(const json_t *object, struct site_record *ret_site, struct failure *failure)
{
    const char *name = json_text(object, "site", WANT_SITE_SIZE - 1);
    const char *key = json_text(object, "key", KEY_TEXT_LENGTH);
    const char *ssh = json_text(object, "ssh", END_HOST_SIZE - 1);
    struct site_record site = {.serial = 0};

    if (!name || !want_is_site(name))
        return fail(failure, "trust", "a site needs a name (\"site\"), and not etcd");
    if (!key || key_from_text(key, &site.key) || key_is_zero(&site.key))
        return fail(failure, "trust",
                    "site %s: \"key\" has to be its public key; there, `cwg keys` prints it", name);
    if (json_object_get(object, "ssh") && (!ssh || end_parse_host(ssh, site.ssh, failure)))
        return fail(failure, "trust", "site %s: \"ssh\" has to be [USER@]HOST", name);
    if (json_object_get(object, "serial") &&
        json_whole(object, "serial", 0, INT64_MAX, &site.serial))
        return fail(failure, "trust", "site %s: \"serial\" has to be a number", name);
    (void)snprintf(site.name, sizeof(site.name), "%s", name);
    *ret_site = site;
    return 0;
}

static void path_of(const char *name, char ret_path[static STORE_PATH_SIZE])
{
    (void)snprintf(ret_path, STORE_PATH_SIZE, "site/%.400s", name);
}

int trust_read(const struct store *store, const char *name, struct site_record *ret_site,
               struct failure *failure)
{
    char path[STORE_PATH_SIZE], line[STORE_LINE_SIZE];
    struct site_record site;
    json_t *object;
    int error;

    path_of(name, path);
    error = store_read(store, path, line, failure);
    if (error)
        return error;
    object = json_read_line(line);
    error = trust_parse(object, &site, failure);
    json_decref(object);
    if (error)
        return -1;
    if (strcmp(site.name, name) != 0)
        return fail(failure, "trust", "%s tells of another site, %s", path, site.name);
    *ret_site = site;
    return 0;
}

char *trust_line(const struct site_record *site)
{
    char key[KEY_TEXT_LENGTH + 1];
    json_t *object;
    char *line;

    key_to_text(&site->key, key);
    object = json_pack("{s:s,s:s,s:I}", "site", site->name, "key", key, "serial",
                       (json_int_t)site->serial);
    if (object && site->ssh[0])
        (void)json_object_set_new(object, "ssh", json_string(site->ssh));
    line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return line;
}

int trust_write(const struct store *store, const struct site_record *site, struct failure *failure)
{
    char path[STORE_PATH_SIZE];
    char *line = trust_line(site);
    int error;

    path_of(site->name, path);
    error = line ? store_write(store, path, line, failure)
                 : fail_errno(failure, ENOMEM, "can't write down a site");
    free(line);
    return error;
}

/* Fails if a declared link has its other end at a site, and names the links. */
static int check_links(const struct store *store, const char *site, struct failure *failure)
{
    char **names = wanted_list(store, failure);
    char links[LINKS_TEXT_SIZE] = "";
    int error = names ? 0 : -1;

    for (char **name = names; !error && *name; name++) {
        const size_t length = strlen(links);
        struct want want;
        bool labelled;

        if (wanted_read(store, *name, &want, &labelled, failure) < 0)
            error = -1;
        else if (strcmp(want.site, site) == 0)
            (void)snprintf(links + length, sizeof(links) - length, "%s%s%s", length ? ", " : "",
                           want.link,
                           labelled      ? " (by a label)"
                           : want.forget ? " (which the agent has to remove yet)"
                                         : "");
    }
    free(names);
    if (!error && links[0])
        error = fail(failure, "declare", "links with site %s are declared: %s", site, links);
    return error;
}

/* Removes all records of a folder. Returns 0; 1 if there are none; or -1. */
static int remove_records(const struct store *store, const char *folder, const char *site,
                          struct failure *failure)
{
    char path[STORE_PATH_SIZE];
    char **names;
    int error;

    (void)snprintf(path, sizeof(path), "%s/%.63s", folder, site);
    names = store_list(store, path, failure);
    error = names ? *names == NULL : -1;
    for (char **name = names; error == 0 && *name; name++) {
        (void)snprintf(path, sizeof(path), "%s/%.63s/%.255s", folder, site, *name);
        error = store_remove(store, path, failure);
    }
    free(names);
    return error;
}

int trust_forget(const struct store *store, const char *name, struct failure *failure)
{
    static const char *const folders[] = {"in", "out"};
    char path[STORE_PATH_SIZE], line[STORE_LINE_SIZE];
    struct failure unreadable = {.text = ""};
    int none;

    if (!want_is_name(name))
        return 1;
    if (check_links(store, name, failure))
        return -1;
    path_of(name, path);
    none = store_read(store, path, line, &unreadable) > 0;
    if (!none && store_remove(store, path, failure)) /* the agent ends its session then */
        return -1;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const int empty = remove_records(store, folders[i], name, failure);

        if (empty < 0)
            return -1;
        none = none && empty;
    }
    (void)snprintf(path, sizeof(path), "caller/%.63s", name);
    if (store_remove(store, path, failure))
        return -1;
    (void)snprintf(path, sizeof(path), "carrier/%.63s", name);
    return store_remove(store, path, failure) ? -1 : none;
}

int trust_load(struct trust *trust, const struct store *store, struct failure *failure)
{
    char **names = store_list(store, "site", failure);
    struct site_record *sites;
    size_t count = 0, taken = 0;
    int error = 0;

    while (names && names[count])
        count++;
    sites = names ? calloc(count + 1, sizeof(*sites)) : NULL;
    if (!sites) {
        free(names);
        return names ? fail_errno(failure, ENOMEM, "can't list the sites") : -1;
    }
    for (size_t i = 0; i < count; i++) {
        const struct site_record *before = trust_find(trust, names[i]);

        if (trust_read(store, names[i], &sites[taken], failure) == 0)
            taken++;
        else if (before)
            sites[taken++] = *before, error = -1;
        else
            error = -1;
    }
    free(names);
    trust_close(trust);
    trust->sites = sites;
    trust->count = taken;
    return error;
}

static int compare(const void *name, const void *site)
{
    return strcmp(name, ((const struct site_record *)site)->name);
}

const struct site_record *trust_find(const struct trust *trust, const char *name)
{
    return trust->count ? bsearch(name, trust->sites, trust->count, sizeof(*trust->sites), compare)
                        : NULL;
}

void trust_close(struct trust *trust)
{
    free(trust->sites);
    *trust = (struct trust){.sites = NULL};
}

#include "cwg/store/declare.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/store/form.h"
#include "cwg/store/trust.h"
#include "cwg/store/want.h"
#include "cwg/store/wanted.h"

/* What is to be written: a path and a line. */
struct entry {
    char path[STORE_PATH_SIZE];
    char *line;
};

/* Is a site in a list of the file's? */
static bool is_listed(const json_t *sites, const char *name)
{
    const json_t *site;
    size_t i;

    json_array_foreach(sites, i, site)
    {
        const char *one = json_text(site, "site", WANT_SITE_SIZE - 1);

        if (one && strcmp(one, name) == 0)
            return true;
    }
    return false;
}

/* This site has its name and its key alone. */
static int check_own(const struct declare_options *options, const struct site_record *site,
                     struct failure *failure)
{
    const bool own_name = options && options->own && strcmp(options->own, site->name) == 0;
    const bool own_key = options && options->own_key && key_equal(options->own_key, &site->key);

    if (own_name == own_key)
        return 0;
    return own_key ? fail(failure, "declare",
                          "site %s: that is this site's own key: call `cwg keys` at %s, not here",
                          site->name, site->name)
                   : fail(failure, "declare",
                          "site %s: this site itself has that name, and another key: declare the "
                          "other site, or give one of the two another name (site NAME in cwg.conf)",
                          site->name);
}

/* What another site has as its key, unless the file gives that one a key, too. */
static int check_known(const struct trust *known, const json_t *sites,
                       const struct site_record *site, struct failure *failure)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct site_record *other = &known->sites[i];

        if (key_equal(&other->key, &site->key) && strcmp(other->name, site->name) != 0 &&
            !is_listed(sites, other->name))
            return fail(failure, "declare",
                        "site %s: site %s has this key already: one of the two keys was copied "
                        "wrongly; if %s is called %s now, `cwg forget --site %s` first",
                        site->name, other->name, other->name, site->name, other->name);
    }
    return 0;
}

/* A site of the file. A key that isn't the one which is there is nobody's word but the operator's,
 * so the records that the site has signed its keys with begin anew. */
static int read_site(const struct trust *known, const json_t *sites, const json_t *json,
                     const struct declare_options *options, struct entry *ret_entry,
                     struct failure *failure)
{
    const struct site_record *before;
    struct site_record site;

    if (form_check_site(json, FORM_SITE, failure) || trust_parse(json, &site, failure) ||
        check_own(options, &site, failure) || check_known(known, sites, &site, failure))
        return -1;
    before = trust_find(known, site.name);
    if (before && key_equal(&before->key, &site.key))
        site.serial = before->serial;
    (void)snprintf(ret_entry->path, sizeof(ret_entry->path), "site/%s", site.name);
    ret_entry->line = trust_line(&site);
    return ret_entry->line ? 0 : fail(failure, "system", "no memory");
}

/* A link's other site has to be known: in the file, or in the store. */
static int find_site(const struct store *store, const json_t *sites, const char *name,
                     struct failure *failure)
{
    struct site_record known;
    int found;

    if (is_listed(sites, name))
        return 0;
    found = trust_read(store, name, &known, failure);
    return found > 0
               ? fail(failure, "declare", "site %s isn't known: declare it under \"sites\"", name)
               : found;
}

/* Splits "podman/web" or "web". */
static int read_container(const json_t *link, struct want *want)
{
    const char *text = json_text(link, "container", END_TEXT_SIZE - 1);
    struct failure failure = {.text = ""};
    struct end end;

    if (!text || end_parse(text, "container", &end, &failure) || end.host[0])
        return -1;
    (void)snprintf(want->engine, sizeof(want->engine), "%s", end.engine);
    (void)snprintf(want->name, sizeof(want->name), "%s", end.name);
    return 0;
}

static int read_numbers(const json_t *link, const char *name, struct want *want,
                        struct failure *failure)
{
    int64_t net, host, port, keepalive, mtu;
    char what[WANT_LINK_SIZE + 8];

    (void)snprintf(what, sizeof(what), "link %s", name);
    if (want_number(link, what, "net", -1, &net, failure) ||
        want_number(link, what, "host", -1, &host, failure) ||
        want_number(link, what, "port", 0, &port, failure) ||
        want_number(link, what, "keepalive", WANT_KEEPALIVE, &keepalive, failure) ||
        want_number(link, what, "mtu", 0, &mtu, failure))
        return -1;
    want->net = (uint32_t)net;
    want->host = (uint32_t)host;
    want->port = (uint16_t)port;
    want->keepalive = (uint16_t)keepalive;
    want->mtu = (uint32_t)mtu;
    return 0;
}

/* A link of the file becomes a want, and is read as one: the rules are want_read()'s. */
static int read_link(const struct store *store, const json_t *sites, const json_t *link,
                     struct entry *ret_entry, struct failure *failure)
{
    const char *name = json_text(link, "link", WANT_LINK_SIZE - 1);
    const char *site = json_text(link, "site", WANT_SITE_SIZE - 1);
    struct want want = {.off = json_is_true(json_object_get(link, "off"))};
    const char *psk = json_object_get(link, "psk") ? json_text(link, "psk", WANT_PSK_SIZE - 1) : "";

    if (!name || !want_is_name(name))
        return fail(failure, "declare", "a link needs a name (\"link\")");
    if (form_check_link(link, name, FORM_SITE, failure))
        return -1;
    if (!site || !want_is_name(site))
        return fail(failure, "declare", "link %s: \"site\" has to be the other end's", name);
    if (read_numbers(link, name, &want, failure))
        return -1;
    if (!psk)
        return fail(failure, "declare", "link %s: \"psk\" has to be the path of a file", name);
    (void)snprintf(want.psk, sizeof(want.psk), "%s", psk);
    if (read_container(link, &want))
        return fail(failure, "declare", "link %s: \"container\" has to be [ENGINE/]NAME", name);
    if (find_site(store, sites, site, failure))
        return -1;
    (void)snprintf(want.link, sizeof(want.link), "%s", name);
    (void)snprintf(want.site, sizeof(want.site), "%s", site);
    (void)snprintf(ret_entry->path, sizeof(ret_entry->path), "want/%s.%u", name, want.host);
    ret_entry->line = want_write(&want);
    if (!ret_entry->line)
        return fail(failure, "system", "no memory");
    return want_read(ret_entry->line, &want, failure);
}

/* A line of the store that can't be read says nothing of the file, which may replace it. */
static int read_sites(const struct store *store, const json_t *sites,
                      const struct declare_options *options, struct entry *entries,
                      struct declared *declared, struct failure *failure)
{
    struct failure unreadable = {.text = ""};
    struct trust known = {.sites = NULL};
    const json_t *one;
    int error = 0;
    size_t i;

    (void)trust_load(&known, store, &unreadable);
    json_array_foreach(sites, i, one)
    {
        error = read_site(&known, sites, one, options, &entries[declared->sites++], failure);
        if (error)
            break;
    }
    trust_close(&known);
    return error;
}

/* Reads all entries of a file. The last in the array stays without a line: it is the end. */
static int read_all(const struct store *store, const json_t *file,
                    const struct declare_options *options, struct entry *entries,
                    struct declared *declared, struct failure *failure)
{
    const json_t *sites = json_object_get(file, "sites"), *links = json_object_get(file, "links");
    const json_t *one;
    size_t i;

    if (read_sites(store, sites, options, entries, declared, failure))
        return -1;
    json_array_foreach(links, i, one)
    {
        if (read_link(store, sites, one, &entries[declared->sites + declared->links++], failure))
            return -1;
    }
    return 0;
}

/* Writes an entry that isn't there already as it is to be. */
static int write_entry(const struct store *store, const struct entry *entry,
                       const struct declare_options *options, struct failure *failure)
{
    struct failure unreadable = {.text = ""};
    char before[STORE_LINE_SIZE];
    const int found = store_read(store, entry->path, before, &unreadable);

    if (found == 0 && strcmp(before, entry->line) == 0)
        return 0;
    if (!(options && options->check) && store_write(store, entry->path, entry->line, failure))
        return -1;
    if (options && options->changed)
        options->changed(entry->path, found == 0 ? before : found < 0 ? "" : NULL, entry->line);
    return 0;
}

int declare(const struct store *store, const char *text, const struct declare_options *options,
            struct declared *ret_declared, struct failure *failure)
{
    json_t *file = form_read(text, failure);
    const size_t count = json_array_size(json_object_get(file, "sites")) +
                         json_array_size(json_object_get(file, "links"));
    struct entry *entries = file ? calloc(count + 1, sizeof(*entries)) : NULL;
    int error;

    *ret_declared = (struct declared){.sites = 0};
    if (!file)
        return -1;
    if (!entries) {
        json_decref(file);
        return fail(failure, "system", "no memory");
    }
    error = form_check_file(file, failure) ||
                    read_all(store, file, options, entries, ret_declared, failure)
                ? -1
                : 0;
    for (size_t i = 0; entries[i].line && !error; i++)
        error = write_entry(store, &entries[i], options, failure);
    for (size_t i = 0; entries[i].line; i++)
        free(entries[i].line);
    free(entries);
    json_decref(file);
    return error;
}

static int forget_end(const struct store *store, const char *path, const char *line, bool release,
                      struct failure *failure)
{
    struct want want;
    char *off;
    int error;

    if (want_read(line, &want, failure))
        return store_remove(store, path, failure);
    want.off = want.forget = true;
    want.release = release;
    off = want_write(&want);
    error = off ? store_write(store, path, off, failure) : fail(failure, "system", "no memory");
    free(off);
    return error;
}

int declare_forget_end(const struct store *store, const char *path, const char *line,
                       struct failure *failure)
{
    return forget_end(store, path, line, false, failure);
}

int declare_release_end(const struct store *store, const char *path, const char *line,
                        struct failure *failure)
{
    return forget_end(store, path, line, true, failure);
}

/* Nobody but the container ends what its label declares. Returns 1, or -1 if a label does. */
static int check_label(const struct store *store, const char *link, struct failure *failure)
{
    for (unsigned host = 0; host < 2; host++) {
        struct failure unreadable = {.text = ""};
        char name[STORE_PATH_SIZE];
        struct want want;
        bool labelled;

        (void)snprintf(name, sizeof(name), "%.63s.%u", link, host);
        if (wanted_read(store, name, &want, &labelled, &unreadable) == 0 && labelled)
            return fail(failure, "declare",
                        "a label of %s/%s declares %s: remove that container, or declare the link "
                        "with \"off\": true",
                        want.engine, want.name, link);
    }
    return 1;
}

int declare_forget(const struct store *store, const char *link, struct failure *failure)
{
    int found = 1;

    for (unsigned host = 0; host < 2; host++) {
        char path[STORE_PATH_SIZE], line[STORE_LINE_SIZE];
        const int read = (snprintf(path, sizeof(path), "want/%.63s.%u", link, host),
                          store_read(store, path, line, failure));

        if (read < 0 || (read == 0 && declare_forget_end(store, path, line, failure)))
            return -1;
        if (read == 0)
            found = 0;
    }
    return found > 0 ? check_label(store, link, failure) : 0;
}

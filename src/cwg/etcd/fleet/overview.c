#include "cwg/etcd/fleet/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/record/record.h"
#include "cwg/store/rotation.h"
#include "link/link.h"

enum {
    ROTATIONS_MAX = 16, /* of a site's key since the operator has declared it */
};

/* A record with which a site tells another one of its new key. */
struct overview_rotation {
    struct overview_rotation *next;
    char receiver[WANT_SITE_SIZE];
    char line[];
};

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Makes a zeroed piece of memory, and counts it. Returns NULL with a failure. */
static void *make(struct overview *overview, size_t size, struct failure *failure)
{
    void *piece = NULL;

    overview->bytes += size;
    if (overview->bytes > OVERVIEW_BYTES_MAX)
        fail(failure, "limit", "etcd has more of links than can be shown: over %d MiB",
             OVERVIEW_BYTES_MAX >> 20);
    else if (!(piece = calloc(1, size)))
        fail(failure, "system", "no memory");
    return piece;
}

/* Sites */

/* Where a site is in the list, or would be. */
static size_t place_of(const struct overview *overview, const char *name)
{
    size_t low = 0, high = overview->site_count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (strcmp(overview->sites[middle]->record.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Returns NULL with a failure. */
static struct overview_site *find_or_add(struct overview *overview, const char *name,
                                         struct failure *failure)
{
    const size_t i = place_of(overview, name);
    struct overview_site **more, *site;

    if (i < overview->site_count && strcmp(overview->sites[i]->record.name, name) == 0)
        return overview->sites[i];
    more = reallocarray(overview->sites, overview->site_count + 1, sizeof(void *));
    if (!more)
        return fail(failure, "system", "no memory"), NULL;
    overview->sites = more;
    site = make(overview, sizeof(*site), failure);
    if (!site)
        return NULL;
    (void)snprintf(site->record.name, sizeof(site->record.name), "%s", name);
    memmove(&more[i + 1], &more[i], (overview->site_count++ - i) * sizeof(void *));
    more[i] = site;
    return site;
}

/* An operator's record with a site's key, for another site. Only the newest counts. */
static int take_site(struct overview *overview, const char *path, const char *line,
                     struct failure *failure)
{
    struct overview_site *site = find_or_add(overview, strchr(path, '/') + 1, failure);
    struct failure unbelieved;
    struct site_record told;
    json_t *body = NULL;

    if (!site)
        return -1;
    if (record_claimed_serial(line) <= site->declared)
        return 0;
    if (orders_open(&overview->orders, path, line, &body, &unbelieved) == 0 &&
        orders_read_site(path, body, &told, &unbelieved) == 0) {
        site->record.key = told.key;
        site->declared = record_serial(body);
        site->known = true;
    }
    json_decref(body);
    return 0;
}

static int take_rotation(struct overview *overview, const char *receiver, const char *teller,
                         const char *line, struct failure *failure)
{
    struct overview_site *site = find_or_add(overview, teller, failure);
    struct overview_rotation *rotation =
        site ? make(overview, sizeof(*rotation) + strlen(line) + 1, failure) : NULL;

    if (!rotation)
        return -1;
    (void)snprintf(rotation->receiver, sizeof(rotation->receiver), "%s", receiver);
    memcpy(rotation->line, line, strlen(line) + 1);
    rotation->next = site->rotations;
    site->rotations = rotation;
    return 0;
}

/* What a site has said itself of its key, since an operator or the store here has said it. Each
 * record is signed by the key before. */
static void follow(struct overview_site *site)
{
    int changes = 0;

    for (const struct overview_rotation *one = site->rotations; one && changes < ROTATIONS_MAX;) {
        struct failure failure;
        const bool changed = rotation_take(one->line, one->receiver, &site->record, &failure) > 0;

        changes += changed;
        one = changed ? site->rotations : one->next;
    }
}

static void find_key(struct overview_site *site, const struct site_record *own,
                     const struct store *store)
{
    struct failure failure;
    struct site_record known;

    if (!site->known && trust_read(store, site->record.name, &known, &failure) == 0) {
        site->record = known;
        site->known = true;
    } else if (!site->known && strcmp(site->record.name, own->name) == 0) {
        site->record.key = own->key;
        site->known = true;
    }
    if (site->known)
        follow(site);
}

/* Ends */

/* Reads "LINK.HOST". Returns 0, or -1: it is no end of a link. */
static int parse_end(const char *path, struct standing_link *ret_link)
{
    const char *dot = strrchr(path, '.');

    if (!dot || (strcmp(dot, ".0") != 0 && strcmp(dot, ".1") != 0) ||
        dot - path >= (int)sizeof(ret_link->link))
        return -1;
    *ret_link = (struct standing_link){.host = dot[1] == '1'};
    (void)snprintf(ret_link->link, sizeof(ret_link->link), "%.*s", (int)(dot - path), path);
    return want_is_name(ret_link->link) ? 0 : -1;
}

static void write_path(const struct standing_link *link, const char *folder,
                       char ret_path[static RECORD_PATH_SIZE])
{
    (void)snprintf(ret_path, RECORD_PATH_SIZE, "%s%s.%u", folder, link->link, link->host);
}

/* Returns NULL with a failure. */
static struct overview_end *add_end(struct overview *overview, const struct overview_site *site,
                                    const struct standing_link *link, struct failure *failure)
{
    struct overview_end **more = overview->ends, *end;

    if (overview->count == overview->room) {
        const size_t room = overview->room ? 2 * overview->room : 64;

        more = reallocarray(more, room, sizeof(void *));
        if (!more)
            return fail(failure, "system", "no memory"), NULL;
        overview->ends = more;
        overview->room = room;
    }
    end = make(overview, sizeof(*end), failure);
    if (!end)
        return NULL;
    end->site = site;
    end->link = *link;
    more[overview->count++] = end;
    return end;
}

/* What a site has told of an end. Its key may come later. A value that is no line is no record. */
static int take_status(struct overview *overview, const struct overview_site *site,
                       const char *path, const char *line, struct failure *failure)
{
    struct standing_link link;
    struct overview_end *end;

    if (parse_end(path, &link))
        return 0;
    end = add_end(overview, site, &link, failure);
    if (!end)
        return -1;
    overview->told_end = overview->count;
    end->line = make(overview, strlen(line) + 1, failure);
    if (!end->line)
        return -1;
    memcpy(end->line, line, strlen(line) + 1);
    return 0;
}

static int compare_path(const void *path, const void *end)
{
    char other[RECORD_PATH_SIZE];

    write_path(&(*(struct overview_end *const *)end)->link, "", other);
    return strcmp(path, other);
}

/* The end that a site has told of. In the order of keys what is told comes before what is wanted.
 */
static struct overview_end *find_told(const struct overview *overview, const char *path)
{
    const size_t count = overview->told_end - overview->first;
    struct overview_end **found =
        count ? bsearch(path, overview->ends + overview->first, count, sizeof(void *), compare_path)
              : NULL;

    return found ? *found : NULL;
}

static void fill_place(struct standing_link *link, uint32_t net, const char *site)
{
    const struct link_end end = {.net = net, .host = link->host};

    link->net = net;
    (void)snprintf(link->site, sizeof(link->site), "%s", site);
    link_address_to_text(end, link->address);
    link_address_to_text(link_other_end(end), link->peer);
}

/* What an operator has declared, if one of these has. */
static int take_want(struct overview *overview, const struct overview_site *site, const char *path,
                     const char *line, struct failure *failure)
{
    const char *name = strchr(path, '/') + 1;
    struct overview_end *end;
    struct failure unbelieved;
    struct standing_link link;
    json_t *body = NULL;
    struct want want;
    int error;

    if (parse_end(name, &link))
        return 0;
    if (orders_open(&overview->orders, path, line, &body, &unbelieved)) {
        overview->foreign++;
        return 0;
    }
    error = orders_is_end(body) || orders_read_want(path, body, &want, &unbelieved);
    json_decref(body);
    if (error)
        return 0;
    end = find_told(overview, name);
    if (!end)
        end = add_end(overview, site, &link, failure);
    if (!end)
        return -1;
    end->declared = true;
    fill_place(&end->link, want.net, want.site);
    (void)snprintf(end->link.container, sizeof(end->link.container), "%s%s%s", want.engine,
                   want.engine[0] ? "/" : "", want.name);
    return 0;
}

/* Takes a key of a site's, below PREFIX/site/SITE/. */
static int take(struct overview *overview, struct overview_site *site, const char *path,
                const struct gateway_entry *entry, struct failure *failure)
{
    const char *line = entry->foreign ? "" : entry->value;
    const char *rest = strchr(path, '/'), *slash;

    overview->orders.site = site->record.name;
    if (strcmp(path, "agent") == 0) {
        site->there = true;
        site->word = presence_read(line);
    }
    if (!rest)
        return 0;
    slash = strchr(rest + 1, '/');
    if (begins_with(path, "in/") && slash && strcmp(slash + 1, ROTATION_NAME) == 0) {
        char teller[WANT_SITE_SIZE] = "";

        (void)snprintf(teller, sizeof(teller), "%.*s", (int)(slash - rest - 1), rest + 1);
        if (want_is_name(teller))
            return take_rotation(overview, site->record.name, teller, line, failure);
    } else if (begins_with(path, "site/") && want_is_name(rest + 1)) {
        return take_site(overview, path, line, failure);
    } else if (begins_with(path, "status/")) {
        return take_status(overview, site, rest + 1, line, failure);
    } else if (begins_with(path, "want/")) {
        return take_want(overview, site, path, line, failure);
    }
    return 0;
}

int overview_take(void *owner, const struct gateway_entry *entry, struct failure *failure)
{
    struct overview *overview = owner;
    const size_t length = strlen(overview->prefix);
    char name[WANT_SITE_SIZE];
    struct overview_site *site;
    const char *slash;

    if (!begins_with(entry->key, overview->prefix))
        return 0;
    slash = strchr(entry->key + length, '/');
    if (!slash || slash - (entry->key + length) >= (int)sizeof(name))
        return 0;
    (void)snprintf(name, sizeof(name), "%.*s", (int)(slash - (entry->key + length)),
                   entry->key + length);
    if (!want_is_name(name))
        return 0;
    site = find_or_add(overview, name, failure);
    if (!site)
        return -1;
    if (site != overview->now)
        overview->first = overview->told_end = overview->count;
    overview->now = site;
    return take(overview, site, slash + 1, entry, failure);
}

/* How it is */

static int compare_ends(const void *a, const void *b)
{
    const struct overview_end *one = *(struct overview_end *const *)a;
    const struct overview_end *other = *(struct overview_end *const *)b;
    int order = strcmp(one->link.link, other->link.link);

    if (order == 0)
        order = (int)one->link.host - (int)other->link.host;
    return order ? order : strcmp(one->site->record.name, other->site->record.name);
}

static void set_state(struct standing_link *link, const char *state, const char *reason)
{
    (void)snprintf(link->state, sizeof(link->state), "%s", state);
    (void)snprintf(link->reason, sizeof(link->reason), "%s", reason);
}

static int open_told(const struct overview_end *end, json_t **ret_body, struct failure *failure)
{
    const struct overview_site *site = end->site;
    char path[RECORD_PATH_SIZE];

    *ret_body = NULL;
    if (!site->known)
        return fail(failure, "trust", "no operator here has signed a key of site %s",
                    site->record.name);
    write_path(&end->link, "status/", path);
    return record_open(end->line, RECORD_OPERATORS, path, &site->record.key, ret_body, failure);
}

/* Takes the site's word for its end. Where nobody has declared it, the end's place is the site's to
 * tell, too. */
static void believe(struct overview_end *end, const json_t *body)
{
    const char *site = json_text(body, "site", WANT_SITE_SIZE - 1);
    static const char *const states[] = {
        [PRESENCE_SILENT] = "agent is silent",
        [PRESENCE_BEHIND] = "unconfirmed",
    };
    struct standing_link *link = &end->link;
    char reason[STANDING_REASON_SIZE];
    int64_t net;

    if (!site || !want_is_name(site) || json_whole(body, "net", 0, LINK_NET_MAX, &net)) {
        set_state(link, "not believed", "the site tells of no link");
        return;
    }
    if (!end->declared) {
        fill_place(link, (uint32_t)net, site);
    } else if (net != link->net || strcmp(site, link->site) != 0) {
        (void)snprintf(reason, sizeof(reason), "its site tells of net %d with site %s", (int)net,
                       site);
        set_state(link, "not told yet", reason);
        return;
    }
    standing_take(link, body);
    if (end->site->there && end->site->word == PRESENCE_WELL)
        return;
    memcpy(link->last, link->state, sizeof(link->last));
    (void)snprintf(link->state, sizeof(link->state), "%s",
                   end->site->there ? states[end->site->word] : "site is silent");
    link->since = 0;
}

static void judge(struct overview_end *end)
{
    struct failure failure = {.text = ""};
    json_t *body = NULL;

    if (!end->line)
        set_state(&end->link, "not told yet",
                  end->site->there ? "" : "nobody is at etcd for its site");
    else if (open_told(end, &body, &failure))
        set_state(&end->link, "not believed", failure.text);
    else
        believe(end, body);
    json_decref(body);
}

void overview_judge(struct overview *overview, const struct store *store)
{
    for (size_t i = 0; i < overview->site_count; i++)
        find_key(overview->sites[i], &overview->own, store);
    for (size_t i = 0; i < overview->count; i++)
        judge(overview->ends[i]);
    if (overview->count > 0)
        qsort(overview->ends, overview->count, sizeof(void *), compare_ends);
}

int overview_read(struct overview *overview, struct client *client, struct failure *failure)
{
    bool is_new;

    client_key(client, overview->prefix, "site/");
    return client_list(client, overview->prefix, overview_take, overview, &is_new, failure) < 0 ? -1
                                                                                                : 0;
}

static void free_site(struct overview_site *site)
{
    struct overview_rotation *next;

    for (struct overview_rotation *one = site->rotations; one; one = next) {
        next = one->next;
        free(one);
    }
    free(site);
}

void overview_clear(struct overview *overview)
{
    const struct overview kept = {.orders = overview->orders, .own = overview->own};

    for (size_t i = 0; i < overview->count; i++) {
        free(overview->ends[i]->line);
        free(overview->ends[i]);
    }
    for (size_t i = 0; i < overview->site_count; i++)
        free_site(overview->sites[i]);
    free(overview->ends);
    free(overview->sites);
    *overview = kept;
}

#include "cwg/store/standing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/record/record.h"
#include "cwg/store/caller.h"
#include "cwg/store/hold.h"
#include "cwg/store/trust.h"
#include "cwg/store/wanted.h"
#include "link/decimal.h"
#include "link/link.h"

/* Takes a text of an object's; "" if there is none. What a terminal would take for something else
 * becomes '?'. */
static void take_text(const json_t *object, const char *name, char *ret_text, size_t size)
{
    const char *text = json_text(object, name, size - 1);
    struct failure printable = {.text = ""};

    fail(&printable, "", "%s", text ? text : "");
    (void)snprintf(ret_text, size, "%s", printable.text);
}

static json_t *read_object(const struct store *store, const char *path)
{
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE];

    return store_read(store, path, line, &failure) == 0 ? json_read_line(line) : NULL;
}

static void read_agent(const struct store *store, struct standing *standing)
{
    json_t *agent = read_object(store, "agent");

    standing->runs = hold_is_taken(store);
    take_text(agent, "site", standing->own, sizeof(standing->own));
    (void)json_whole(agent, "started", 0, INT64_MAX, &standing->started);
    (void)json_whole(agent, "seen", 0, INT64_MAX, &standing->seen);
    take_text(agent, "settings", standing->settings, sizeof(standing->settings));
    (void)json_whole(agent, "settings_time", 0, INT64_MAX, &standing->settings_time);
    take_text(agent, "kept", standing->kept, sizeof(standing->kept));
    json_decref(agent);
}

static bool is_told(const struct standing *standing)
{
    return standing->runs && time(NULL) - standing->seen <= STANDING_SILENCE;
}

bool standing_is_told(const struct store *store)
{
    struct standing standing = {.runs = false};

    read_agent(store, &standing);
    return is_told(&standing);
}

/* What nobody tells now is no state of now. */
static void judge(const struct standing *standing, char state[static STANDING_STATE_SIZE],
                  char last[static STANDING_STATE_SIZE], int64_t *since)
{
    if (is_told(standing))
        return;
    memcpy(last, state, STANDING_STATE_SIZE);
    (void)snprintf(state, STANDING_STATE_SIZE, "%s",
                   standing->runs ? "agent is silent" : "no agent runs");
    *since = standing->seen;
}

/* What is declared of an end, and what is wrong with it. */
static void read_want(const struct store *store, const char *name, struct standing_link *link)
{
    struct failure failure = {.text = ""};
    struct want want;
    struct link_end end;

    (void)snprintf(link->link, sizeof(link->link), "%.*s",
                   (int)(strrchr(name, '.') ? strrchr(name, '.') - name : 63), name);
    if (wanted_read(store, name, &want, &link->labelled, &failure) != 0) {
        (void)snprintf(link->reason, sizeof(link->reason), "%s", failure.text);
        return;
    }
    end = (struct link_end){.net = want.net, .host = want.host};
    (void)snprintf(link->link, sizeof(link->link), "%s", want.link);
    (void)snprintf(link->site, sizeof(link->site), "%s", want.site);
    (void)snprintf(link->container, sizeof(link->container), "%s%s%s", want.engine,
                   want.engine[0] ? "/" : "", want.name);
    link->net = want.net;
    link->host = want.host;
    link_address_to_text(end, link->address);
    link_address_to_text(link_other_end(end), link->peer);
}

/* What the agent has told of an end. No signature is checked: who writes here is this site. */
static json_t *read_status(const struct store *store, const char *name)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE], line[STORE_LINE_SIZE];

    (void)snprintf(path, sizeof(path), "status/%.255s", name);
    return store_read(store, path, line, &failure) == 0 ? record_body(line) : NULL;
}

void standing_take(struct standing_link *link, const json_t *told)
{
    char container[sizeof(link->container)];

    take_text(told, "state", link->state, sizeof(link->state));
    if (!link->reason[0])
        take_text(told, "reason", link->reason, sizeof(link->reason));
    take_text(told, "container", container, sizeof(container));
    if (container[0]) /* with the engine that has it */
        memcpy(link->container, container, sizeof(container));
    (void)json_whole(told, "since", 0, INT64_MAX, &link->since);
}

bool standing_is_well(const char *state)
{
    static const char *const well[] = {"connected", "in session", "off"};

    for (size_t i = 0; i < sizeof(well) / sizeof(well[0]); i++) {
        if (strcmp(state, well[i]) == 0)
            return true;
    }
    return false;
}

static void read_link(const struct store *store, const char *name, struct standing *standing)
{
    struct standing_link *link = &standing->link[standing->links++];
    json_t *told = read_status(store, name);

    (void)snprintf(link->state, sizeof(link->state), "not looked at yet");
    read_want(store, name, link);
    if (told)
        standing_take(link, told);
    json_decref(told);
    judge(standing, link->state, link->last, &link->since);
}

static void read_site(const struct store *store, const char *name, struct standing *standing)
{
    struct standing_site *site = &standing->site[standing->sites++];
    char path[STORE_PATH_SIZE];
    json_t *told;

    (void)snprintf(path, sizeof(path), "carrier/%.255s", name);
    told = read_object(store, path);

    (void)snprintf(site->site, sizeof(site->site), "%.63s", name);
    take_text(told, json_object_get(told, "by") ? "by" : "carrier", site->by, sizeof(site->by));
    take_text(told, json_object_get(told, "host") ? "host" : "server", site->host,
              sizeof(site->host));
    take_text(told, "state", site->state, sizeof(site->state));
    take_text(told, "reason", site->reason, sizeof(site->reason));
    (void)json_whole(told, "since", 0, INT64_MAX, &site->since);
    json_decref(told);
    judge(standing, site->state, site->last, &site->since);
}

/* A site whose sessions end here. */
static void read_caller(const struct store *store, const char *name, struct standing *standing)
{
    struct standing_site *site = &standing->site[standing->sites];
    const bool there = caller_is_there(store, name);
    char path[STORE_PATH_SIZE];
    json_t *told;

    (void)snprintf(path, sizeof(path), "site/%.255s", name);
    if (!there && faccessat(store->directory, path, F_OK, 0) < 0)
        return;
    standing->sites++;
    (void)snprintf(path, sizeof(path), "caller/%.255s", name);
    told = read_object(store, path);
    (void)snprintf(site->site, sizeof(site->site), "%.63s", name);
    (void)snprintf(site->by, sizeof(site->by), "inbox");
    (void)snprintf(site->state, sizeof(site->state), "%s", there ? "calls here" : "doesn't call");
    take_text(told, "from", site->host, sizeof(site->host));
    (void)json_whole(told, there ? "since" : "heard", 0, INT64_MAX, &site->since);
    json_decref(told);
}

static int compare(const void *name, const void *one)
{
    return strcmp(name, *(const char *const *)one);
}

static bool is_listed(char **names, const char *name)
{
    size_t length = 0;

    while (names[length])
        length++;
    return length && bsearch(name, names, length, sizeof(*names), compare);
}

/* A known site to which no way was tried yet. */
static void read_untried(const struct store *store, const char *name, bool by_etcd,
                         struct standing *standing)
{
    struct standing_site *site = &standing->site[standing->sites];
    struct failure unreadable = {.text = ""};
    struct site_record known;
    bool linked = false;

    if (strcmp(name, standing->own) == 0 || trust_read(store, name, &known, &unreadable) != 0 ||
        (!known.ssh[0] && by_etcd))
        return;
    standing->sites++;
    for (size_t i = 0; i < standing->links && !linked; i++)
        linked = strcmp(standing->link[i].site, name) == 0;
    (void)snprintf(site->site, sizeof(site->site), "%s", known.name);
    (void)snprintf(site->by, sizeof(site->by), "%s", known.ssh[0] ? "ssh" : "inbox");
    (void)snprintf(site->host, sizeof(site->host), "%s", known.ssh);
    (void)snprintf(site->state, sizeof(site->state), "%s",
                   !linked        ? "no link yet"
                   : known.ssh[0] ? "not called yet"
                                  : "hasn't called yet");
    if (linked && known.ssh[0])
        judge(standing, site->state, site->last, &site->since);
}

static size_t count(char **names)
{
    size_t found = 0;

    while (names && names[found])
        found++;
    return found;
}

static int read_all(const struct store *store, struct standing *standing, struct failure *failure)
{
    char **links = wanted_list(store, failure);
    char **sites = links ? store_list(store, "carrier", failure) : NULL;
    char **callers = sites ? store_list(store, "caller", failure) : NULL;
    char **known = callers ? store_list(store, "site", failure) : NULL;
    int error = known ? 0 : -1;

    if (!error) {
        standing->link = calloc(count(links) + 1, sizeof(*standing->link));
        standing->site =
            calloc(count(sites) + count(callers) + count(known) + 1, sizeof(*standing->site));
        if (!standing->link || !standing->site)
            error = fail_errno(failure, ENOMEM, "can't read what is declared");
    }
    for (char **name = links; !error && *name; name++)
        read_link(store, *name, standing);
    for (char **name = sites; !error && *name; name++)
        read_site(store, *name, standing);
    for (char **name = callers; !error && *name; name++)
        read_caller(store, *name, standing);
    for (char **name = known; !error && *name; name++) {
        if (!is_listed(sites, *name) && !is_listed(callers, *name))
            read_untried(store, *name, is_listed(sites, "etcd"), standing);
    }
    free(links);
    free(sites);
    free(callers);
    free(known);
    return error;
}

int standing_read(const char *state, struct standing *ret_standing, struct failure *failure)
{
    char path[PATH_MAX];
    struct store store;
    int error;

    *ret_standing = (struct standing){.runs = false};
    (void)snprintf(path, sizeof(path), "%.3500s/store", state);
    store.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store.directory < 0)
        return errno == ENOENT
                   ? 1
                   : fail(failure, "store", "can't read %.500s: %s", path, strerror(errno));
    read_agent(&store, ret_standing);
    error = read_all(&store, ret_standing, failure);
    store_close(&store);
    if (error)
        standing_free(ret_standing);
    return error;
}

bool standing_is_meant(const struct standing_link *link, const char *text)
{
    uint32_t net;

    return strcmp(link->link, text) == 0 ||
           (link->address[0] && decimal_parse(text, LINK_NET_MAX, &net) == 0 && link->net == net);
}

void standing_free(struct standing *standing)
{
    free(standing->link);
    free(standing->site);
    *standing = (struct standing){.runs = false};
}

#include "cwg/etcd/fleet/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cwg/base/json.h"
#include "cwg/record/record.h"
#include "cwg/store/form.h"
#include "cwg/store/trust.h"
#include "cwg/store/want.h"
#include "link/link.h"

enum {
    AHEAD_SECONDS = 86400, /* an operator's clock may be ahead by so much */
    RECORDS = 6,           /* of a link: want, want, site, site, link, net */
    LINK_RECORD = 4,
};

/* A link, with what etcd has of it. */
struct plan {
    const struct sitekey *key;
    struct client *client;
    const json_t *sites; /* of the file */
    char link[WANT_LINK_SIZE];
    int64_t net;
    char site[2][WANT_SITE_SIZE]; /* of host 0 and host 1 */
    int64_t serial;
    char path[RECORDS][RECORD_PATH_SIZE]; /* for which the records are signed */
    char etcd_key[RECORDS][GATEWAY_KEY_SIZE];
    struct gateway_entry before[RECORDS];
};

/* The site that a record is for. */
static const char *owner_of(const struct plan *plan, int i)
{
    return i < LINK_RECORD ? plan->site[i % 2] : RECORD_OPERATORS;
}

static void name_records(struct plan *plan)
{
    char text[RECORD_PATH_SIZE];

    for (int host = 0; host < 2; host++) {
        (void)snprintf(plan->path[host], RECORD_PATH_SIZE, "want/%s.%d", plan->link, host);
        (void)snprintf(text, sizeof(text), "site/%s", plan->site[1 - host]);
        memcpy(plan->path[2 + host], text, sizeof(text));
    }
    (void)snprintf(plan->path[LINK_RECORD], RECORD_PATH_SIZE, "link/%s", plan->link);
    (void)snprintf(plan->path[LINK_RECORD + 1], RECORD_PATH_SIZE, "net/%d", (int)plan->net);
    for (int i = 0; i < RECORDS; i++) {
        if (i < LINK_RECORD)
            client_key(plan->client, plan->etcd_key[i], "site/%s/%s", owner_of(plan, i),
                       plan->path[i]);
        else
            client_key(plan->client, plan->etcd_key[i], "%s", plan->path[i]);
    }
}

/* Has the operator signed what etcd has at this place? */
static bool is_ours(const struct plan *plan, int i)
{
    struct failure failure;
    json_t *body;
    const bool ours = record_open(plan->before[i].value, owner_of(plan, i), plan->path[i],
                                  &plan->key->public, &body, &failure) == 0;

    json_decref(body);
    return ours;
}

/* Reads what etcd has of a link, of one revision. */
static int read_before(struct plan *plan, struct failure *failure)
{
    const int64_t now = (int64_t)time(NULL);
    json_t *gets = json_array(), *answer;
    const json_t *responses;

    name_records(plan);
    for (int i = 0; i < RECORDS; i++)
        (void)json_array_append_new(
            gets, gateway_operation("request_range", gateway_get(plan->etcd_key[i])));
    if (client_call(plan->client, "kv/txn", gateway_transaction(NULL, gets, NULL), &answer,
                    failure))
        return -1;
    responses = json_object_get(answer, "responses");
    plan->serial = now; /* above what a store that was restored has forgotten */
    for (int i = 0; i < RECORDS; i++) {
        const json_t *range =
            json_object_get(json_array_get(responses, (size_t)i), "response_range");
        json_t *body;

        plan->before[i] = (struct gateway_entry){.revision = 0};
        (void)gateway_read_entry(json_array_get(json_object_get(range, "kvs"), 0),
                                 &plan->before[i]);
        body = record_body(plan->before[i].value);
        /* Anybody may have written it. A serial of the far future is the operator's, or is none. */
        if (record_serial(body) >= plan->serial &&
            (record_serial(body) <= now + AHEAD_SECONDS || is_ours(plan, i)))
            plan->serial = record_serial(body) + 1;
        json_decref(body);
    }
    json_decref(answer);
    return plan->serial < INT64_MAX / 2
               ? 0
               : fail(failure, "declare", "%s: etcd has a serial that no cwg has made", plan->link);
}

/* Signs a body, and makes a put of it. Takes the body over. Returns NULL with a failure. */
static json_t *sign(const struct plan *plan, int i, json_t *body, struct failure *failure)
{
    char *line;
    json_t *put = NULL;

    if (!body)
        return fail(failure, "system", "no memory"), NULL;
    (void)json_object_set_new(body, "serial", json_integer(plan->serial));
    line = record_sign(plan->key, owner_of(plan, i), plan->path[i], body, failure);
    if (line)
        put = gateway_operation("request_put", gateway_put(plan->etcd_key[i], line, 0));
    free(line);
    json_decref(body);
    return put;
}

/* Does it all, if nothing has changed since it was read. Takes `puts` over. */
static int commit(const struct plan *plan, json_t *puts, struct failure *failure)
{
    json_t *compares = json_array(), *answer;
    bool done;

    for (int i = 0; i < RECORDS; i++)
        (void)json_array_append_new(compares,
                                    gateway_compare(plan->etcd_key[i], plan->before[i].revision));
    if (client_call(plan->client, "kv/txn", gateway_transaction(compares, puts, NULL), &answer,
                    failure))
        return -1;
    done = json_is_true(json_object_get(answer, "succeeded"));
    json_decref(answer);
    return done ? 0
                : fail(failure, "declare", "%s: somebody declares it at the same time: try again",
                       plan->link);
}

/* Declaring */

/* An end of the file as a want. */
static int read_end(const struct plan *plan, const json_t *link, int host, struct want *want,
                    struct failure *failure)
{
    const json_t *end = json_array_get(json_object_get(link, "ends"), (size_t)host);
    const char *container = json_text(end, "container", END_TEXT_SIZE - 1);
    char what[WANT_LINK_SIZE + 8];
    int64_t port, keepalive, mtu;
    struct end parsed;

    if (!container || end_parse(container, "container", &parsed, failure) || parsed.host[0])
        return fail(failure, "declare", "link %s: \"container\" has to be [ENGINE/]NAME",
                    plan->link);
    (void)snprintf(what, sizeof(what), "link %s", plan->link);
    if (want_number(end, what, "port", 0, &port, failure) ||
        want_number(link, what, "keepalive", WANT_KEEPALIVE, &keepalive, failure) ||
        want_number(link, what, "mtu", 0, &mtu, failure))
        return -1;
    want->net = (uint32_t)plan->net;
    want->host = (uint32_t)host;
    want->port = (uint16_t)port;
    want->keepalive = (uint16_t)keepalive;
    want->mtu = (uint32_t)mtu;
    want->off = json_is_true(json_object_get(link, "off"));
    (void)snprintf(want->link, sizeof(want->link), "%s", plan->link);
    (void)snprintf(want->site, sizeof(want->site), "%s", plan->site[1 - host]);
    (void)snprintf(want->engine, sizeof(want->engine), "%s", parsed.engine);
    (void)snprintf(want->name, sizeof(want->name), "%s", parsed.name);
    return 0;
}

/* What a site of the file has as its key. */
static json_t *site_body(const struct plan *plan, const char *name, struct failure *failure)
{
    struct site_record site;
    const json_t *one;
    size_t i;

    json_array_foreach(plan->sites, i, one)
    {
        char key[KEY_TEXT_LENGTH + 1];

        if (trust_parse(one, &site, failure))
            return NULL;
        if (strcmp(site.name, name) != 0)
            continue;
        key_to_text(&site.key, key);
        return json_pack("{s:s,s:s}", "site", name, "key", key);
    }
    fail(failure, "declare", "link %s: site %s has to stand under \"sites\", with its key",
         plan->link, name);
    return NULL;
}

static int read_link(struct plan *plan, const json_t *link, struct failure *failure)
{
    const json_t *ends = json_object_get(link, "ends");
    const char *name = json_text(link, "link", WANT_LINK_SIZE - 1);
    char what[WANT_LINK_SIZE + 8];

    if (!name || !want_is_name(name))
        return fail(failure, "declare", "a link needs a name (\"link\")");
    if (form_check_link(link, name, FORM_FLEET, failure))
        return -1;
    (void)snprintf(plan->link, sizeof(plan->link), "%s", name);
    (void)snprintf(what, sizeof(what), "link %s", name);
    if (want_number(link, what, "net", -1, &plan->net, failure))
        return -1;
    for (size_t host = 0; host < 2; host++) {
        const char *site = json_text(json_array_get(ends, host), "site", WANT_SITE_SIZE - 1);

        if (json_array_size(ends) != 2 || !site || !want_is_name(site))
            return fail(failure, "declare", "link %s: \"ends\" has to be two, each with its site",
                        name);
        (void)snprintf(plan->site[host], WANT_SITE_SIZE, "%s", site);
    }
    return strcmp(plan->site[0], plan->site[1]) == 0
               ? fail(failure, "declare", "link %s: both ends are of one site", name)
               : 0;
}

/* Is the name or the net another link's? */
static int check_before(const struct plan *plan, struct failure *failure)
{
    json_t *link = record_body(plan->before[LINK_RECORD].value);
    json_t *net = record_body(plan->before[LINK_RECORD + 1].value);
    const char *other = json_text(net, "link", WANT_LINK_SIZE - 1);
    int64_t number = plan->net;
    bool same = true;
    int error = 0;

    if (link) {
        const json_t *sites = json_object_get(link, "sites");

        same = json_whole(link, "net", 0, LINK_NET_MAX, &number) == 0 && number == plan->net;
        for (size_t i = 0; i < 2; i++) {
            const char *site = json_string_value(json_array_get(sites, i));

            same = same && site && strcmp(site, plan->site[i]) == 0;
        }
    }
    if (!same)
        error = fail(failure, "declare",
                     "link %s is declared with another net or other sites: forget it first",
                     plan->link);
    else if (other && strcmp(other, plan->link) != 0)
        error = fail(failure, "declare", "link %s: net %d is that of link %s", plan->link,
                     (int)plan->net, other);
    json_decref(link);
    json_decref(net);
    return error;
}

static json_t *want_body(const struct plan *plan, const json_t *link, int host,
                         struct failure *failure)
{
    struct want want = {.net = 0};
    json_t *body;
    char *line;

    if (read_end(plan, link, host, &want, failure))
        return NULL;
    line = want_write(&want);
    body = line && want_read(line, &want, failure) == 0 ? json_read_line(line) : NULL;
    free(line);
    return body;
}

static int check_sites(const json_t *sites, struct failure *failure)
{
    struct site_record site;
    const json_t *one;
    size_t i;

    json_array_foreach(sites, i, one)
    {
        if (form_check_site(one, FORM_FLEET, failure) || trust_parse(one, &site, failure))
            return -1;
    }
    return 0;
}

/* Checks what the file says of a link, without a look at etcd. */
static int check_link(struct plan *plan, const json_t *link, struct failure *failure)
{
    int error = read_link(plan, link, failure);

    for (int host = 0; host < 2 && !error; host++) {
        json_t *want = want_body(plan, link, host, failure);
        json_t *site = want ? site_body(plan, plan->site[1 - host], failure) : NULL;

        error = want && site ? 0 : -1;
        json_decref(want);
        json_decref(site);
    }
    return error;
}

/* Checks all of the file: etcd takes none of its links if one of them is wrong. */
static int check_file(struct plan *plan, const json_t *file, struct failure *failure)
{
    const json_t *links = json_object_get(file, "links"), *link;
    size_t i;

    if (form_check_file(file, failure) || check_sites(plan->sites, failure))
        return -1;
    if (json_array_size(links) == 0)
        return fail(failure, "declare", "no link is declared: \"links\" has to be a list");
    json_array_foreach(links, i, link)
    {
        if (check_link(plan, link, failure))
            return -1;
    }
    return 0;
}

static int declare_one(struct plan *plan, const json_t *link, struct failure *failure)
{
    json_t *puts, *body[RECORDS] = {NULL};
    int error = 0;

    if (read_link(plan, link, failure) || read_before(plan, failure) || check_before(plan, failure))
        return -1;
    puts = json_array();
    for (int host = 0; host < 2; host++) {
        body[host] = want_body(plan, link, host, failure);
        body[2 + host] = site_body(plan, plan->site[1 - host], failure);
    }
    body[LINK_RECORD] =
        json_pack("{s:i,s:[s,s]}", "net", (int)plan->net, "sites", plan->site[0], plan->site[1]);
    body[LINK_RECORD + 1] = json_pack("{s:s}", "link", plan->link);
    /* Keys of sites come first, in the order of events as well. */
    for (int i = 0; i < RECORDS; i++) {
        const int next = (i + 2) % RECORDS;
        json_t *put = body[next] ? sign(plan, next, body[next], failure) : NULL;

        error |= json_array_append_new(puts, put);
    }
    if (error) {
        json_decref(puts);
        return -1;
    }
    return commit(plan, puts, failure);
}

int fleet_declare(struct client *client, const struct sitekey *key, const char *text,
                  size_t *ret_links, struct failure *failure)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    const json_t *links, *link;
    json_t *file;
    int error;
    size_t i;

    *ret_links = 0;
    if (!plan)
        return fail(failure, "system", "no memory");
    file = form_read(text, failure);
    if (!file) {
        free(plan);
        return -1;
    }
    plan->sites = json_object_get(file, "sites");
    links = json_object_get(file, "links");
    error = check_file(plan, file, failure);
    json_array_foreach(links, i, link)
    {
        if (error)
            break;
        *plan =
            (struct plan){.key = key, .client = client, .sites = json_object_get(file, "sites")};
        error = declare_one(plan, link, failure);
        *ret_links += error ? 0 : 1;
    }
    free(plan);
    json_decref(file);
    return error;
}

/* Forgetting */

/* Finds what the operators have noted of a link. Returns 0; 1 if it is none; or -1. */
static int find_link(struct plan *plan, struct failure *failure)
{
    char key[GATEWAY_KEY_SIZE];
    struct gateway_entry entry = {.revision = 0};
    json_t *answer, *body = NULL;
    int error = 0;

    (void)snprintf(plan->path[LINK_RECORD], RECORD_PATH_SIZE, "link/%s", plan->link);
    client_key(plan->client, key, "%s", plan->path[LINK_RECORD]);
    if (client_call(plan->client, "kv/range", gateway_get(key), &answer, failure))
        return -1;
    (void)gateway_read_entry(json_array_get(json_object_get(answer, "kvs"), 0), &entry);
    json_decref(answer);
    if (!entry.revision)
        return 1;
    /* Another operator may have declared it. Whoever may write there can't make this key sign more
     * than the end of links of this name. */
    body = record_body(entry.value);
    error = json_whole(body, "net", 0, LINK_NET_MAX, &plan->net);
    for (size_t i = 0; i < 2; i++) {
        const char *site = json_string_value(json_array_get(json_object_get(body, "sites"), i));

        if (!site || !want_is_name(site))
            error = -1;
        else
            (void)snprintf(plan->site[i], WANT_SITE_SIZE, "%s", site);
    }
    json_decref(body);
    return error ? fail(failure, "declare", "%s in etcd isn't as cwg writes it", key) : 0;
}

static int forget(struct plan *plan, struct failure *failure)
{
    json_t *puts;
    int error = read_before(plan, failure);

    if (error)
        return -1;
    puts = json_array();
    for (int host = 0; host < 2; host++)
        error |=
            json_array_append_new(puts, sign(plan, host, json_pack("{s:b}", "gone", 1), failure));
    for (int i = LINK_RECORD; i < RECORDS; i++)
        error |= json_array_append_new(
            puts, gateway_operation("request_delete_range", gateway_delete(plan->etcd_key[i])));
    if (error) {
        json_decref(puts);
        return -1;
    }
    return commit(plan, puts, failure);
}

int fleet_forget(struct client *client, const struct sitekey *key, const char *link,
                 struct failure *failure)
{
    struct plan *plan = want_is_name(link) ? calloc(1, sizeof(*plan)) : NULL;
    int result;

    if (!plan)
        return 1;
    plan->key = key;
    plan->client = client;
    (void)snprintf(plan->link, sizeof(plan->link), "%s", link);
    result = find_link(plan, failure);
    if (result == 0)
        result = forget(plan, failure);
    free(plan);
    return result;
}

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cwg/base/json.h"
#include "cwg/join/ends.h"
#include "cwg/join/side.h"
#include "cwg/machine/protocol.h"

enum {
    CREATE_MS = 50000, /* a side hears nothing while the other one works: see below */
    TRIES = 8,
};

_Static_assert((int)CREATE_MS < (int)PROTOCOL_SILENCE_MS,
               "no side takes the other's work for its end");

/* Where a net may be chosen: 10.48.0.0 to 10.79.255.255, which no usual network of containers or
 * clouds has by default. The names of devices have a prefix, and the longer it is the fewer digits
 * of a net fit: then the later rows serve. */
static const struct link_nets pools[] = {
    {1572864, 2621439},
    {524288, 999999},
    {65536, 99999},
};

enum {
    POOLS = sizeof(pools) / sizeof(pools[0]),
};

static uint32_t choose_net(const struct link_nets *pool)
{
    uint32_t number = 0;

    (void)!getrandom(&number, sizeof(number), 0);
    return pool->first + number % (pool->last - pool->first + 1);
}

static json_t *create_request(const struct work *work, int host)
{
    return json_pack("{s:s,s:i,s:i,s:i,s:i}", "do", "create", "container",
                     work->side[host].container, "net", (int)work->joined.net, "host", host, "port",
                     (int)work->options->port[host]);
}

static json_t *route_request(const struct site *to)
{
    json_t *addresses = json_array();

    for (int i = 0; i < to->addresses.count; i++)
        (void)json_array_append_new(addresses, json_string(to->addresses.text[i]));
    return json_pack("{s:s,s:o}", "do", "route", "to", addresses);
}

/* Takes what a site says of the link that it made. It has to be the one that it was told to make.
 */
static int take_made(struct side *side, uint32_t net, uint32_t host, const json_t *answer,
                     struct failure *failure)
{
    const json_t *link = json_object_get(answer, "link");
    const char *device = json_text(link, "name", LINK_NAME_SIZE - 1);
    const char *address = json_text(link, "address", 32);
    const char *key = json_text(link, "public_key", KEY_TEXT_LENGTH);
    const char *warning = json_text(link, "warning", FAILURE_TEXT_SIZE);
    struct key parsed;
    int64_t port, number;

    if (json_whole(link, "net", net, net, &number) || json_whole(link, "host", host, host, &number))
        return site_fail(side->site, "made another link than it was told", failure);
    if (!device || !end_is_name(device) || !address || !key || key_from_text(key, &parsed) ||
        json_whole(link, "listen_port", 1, 65535, &port))
        return site_fail(side->site, "tells of a new link in an unknown way", failure);
    (void)snprintf(side->end->device, sizeof(side->end->device), "%s", device);
    (void)snprintf(side->key, sizeof(side->key), "%s", key);
    if (warning) {
        struct failure printable = {.text = ""};

        fail(&printable, "", "%s", warning);
        (void)snprintf(side->warning, sizeof(side->warning), "%.255s", printable.text);
    }
    side->port = (uint16_t)port;
    return 0;
}

static void take_sources(const json_t *answer, struct addresses *sources)
{
    const json_t *from = json_object_get(answer, "from"), *source;
    size_t i;

    *sources = (struct addresses){.count = 0};
    json_array_foreach(from, i, source)
    {
        const char *text = json_string_value(source);
        char address[ADDRESS_SIZE];

        if (text && strlen(text) < ADDRESS_SIZE && addresses_canonical(text, address) == 0)
            addresses_add(sources, address);
    }
}

/* Removes the end that was made where the other one couldn't be. */
static int take_back(struct work *work, struct failure *failure)
{
    struct call calls[2];
    size_t count = 0;
    int error;

    for (int i = 0; i < 2; i++) {
        if (!work->side[i].made)
            continue;
        calls[count++] =
            (struct call){.site = work->side[i].site,
                          .request = request_destroy(work->side[i].container, work->joined.net, i)};
    }
    error = calls_run(calls, count, CREATE_MS);
    if (error)
        calls_fail(calls, count, failure);
    for (int i = 0; i < 2 && !error; i++)
        work->side[i].made = false;
    calls_free(calls, count);
    return error;
}

/* Creates both ends of work->joined.net; in the same round trip asks for routes. */
static int create_both(struct work *work, struct failure *failure)
{
    struct side *side = work->side;
    const bool apart = side[0].site != side[1].site;
    const size_t count = apart ? 4 : 2;
    struct call calls[4] = {{.site = side[0].site, .request = create_request(work, 0)},
                            {.site = side[1].site, .request = create_request(work, 1)}};
    int error;

    if (apart) {
        calls[2] = (struct call){.site = side[0].site, .request = route_request(side[1].site)};
        calls[3] = (struct call){.site = side[1].site, .request = route_request(side[0].site)};
    }
    error = calls_run(calls, count, CREATE_MS);
    for (size_t i = 0; i < 2; i++) {
        struct addresses sources;

        /* Without an answer the end may be there, be it the site's or its helper's that is missing.
         * One that was there before is another's. */
        side[i].made = (!calls[i].refused || failure_is(&calls[i].failure, "helper")) &&
                       !ends_link(side[i].links, work->joined.net, (uint32_t)i);
        if (calls[i].answer &&
            take_made(&side[i], work->joined.net, (uint32_t)i, calls[i].answer, failure))
            error = -1;
        take_sources(calls[2 + i].answer, &sources);
        candidates_find(side[i].site, side[1 - i].site, &sources, &side[i].candidates);
    }
    if (error)
        calls_fail(calls, count, failure);
    calls_free(calls, count);
    return error;
}

static bool is_about_the_net(const struct failure *failure)
{
    return failure_is(failure, "overlap") || failure_is(failure, "exists") ||
           failure_is(failure, "name-taken") || failure_is(failure, "other-end");
}

static bool is_about_the_name(const struct failure *failure)
{
    return failure_is(failure, "usage") && strstr(failure->text, "net: the device name");
}

/* What is remembered has one link of a net. Fails if that is one of two others: it would be
 * forgotten. */
static int check_remembered(const struct work *work, struct failure *failure)
{
    const struct joined_end *end = work->joined.end;
    struct failure unreadable = {.text = ""};
    struct joined known;
    char name[2][END_TEXT_SIZE];

    if (joined_read(work->joined.net, &known, &unreadable) != 0 ||
        (joined_is_same_end(&end[0], &known.end[0]) &&
         joined_is_same_end(&end[1], &known.end[1])) ||
        (joined_is_same_end(&end[0], &known.end[1]) && joined_is_same_end(&end[1], &known.end[0])))
        return 0;
    for (int i = 0; i < 2; i++)
        end_to_text(&known.end[i].end, name[i]);
    return fail(failure, "exists",
                "you joined %.200s and %.200s by net %u: choose another net, or remove that link "
                "first (cwg leave %u)",
                name[0], name[1], work->joined.net, work->joined.net);
}

/* The helper's words have the helper's options: cwg has its own. */
static void advise(const struct work *work, struct failure *failure)
{
    char *advice = strstr(failure->text, "; remove it with cwg_destroy first, ");

    if (failure_is(failure, "policy") && strstr(failure->text, "isn't among the ")) {
        failure_add(failure, "; cwg join --net N --port A,B chooses others");
    } else if (failure_is(failure, "exists") && advice) {
        *advice = '\0';
        failure_add(failure,
                    ": choose another --net, or have it removed by cwg leave %u, by who joined it",
                    work->joined.net);
    }
}

static int create(struct work *work, struct failure *failure)
{
    const struct join_options *options = work->options;
    int pool = 0;

    for (int tries = 0;; tries++) {
        struct failure rollback = {.text = ""};

        if (options->has_net)
            work->joined.net = options->net;
        else if (work->had_net && tries == 0)
            work->joined.net = work->last_net;
        else
            work->joined.net = choose_net(&pools[pool]);
        if (check_remembered(work, failure) == 0 && create_both(work, failure) == 0)
            return 0;
        if (options->has_net || tries + 1 == TRIES)
            return -1;
        if (is_about_the_name(failure) && pool + 1 < POOLS)
            pool++;
        else if (!is_about_the_net(failure))
            return -1;
        if (take_back(work, &rollback)) {
            *failure = rollback;
            return -1;
        }
    }
}

int work_create(struct work *work, struct failure *failure)
{
    const int error = create(work, failure);

    if (error)
        advise(work, failure);
    return error;
}

#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/join/dial.h"
#include "cwg/join/side.h"

enum {
    LOOK_MS = 90000, /* with the time to type a password; the other side is kept meanwhile */
};

/* Takes what a site says of a container. Its words are printed and kept, so they are checked. */
static int take_container(struct side *side, const json_t *answer, struct failure *failure)
{
    const char *engine = json_text(answer, "engine", END_ENGINE_SIZE - 1);
    const char *name = json_text(answer, "name", END_NAME_SIZE - 1);
    json_t *links = json_object_get(answer, "links");
    int64_t index;

    if (!engine || !end_is_name(engine) || !name || !end_is_name(name) || !json_is_array(links) ||
        json_whole(answer, "container", 0, 100, &index))
        return site_fail(side->site, "tells of a container in an unknown way", failure);
    side->container = (int)index;
    side->links = json_incref(links);
    (void)snprintf(side->end->end.engine, END_ENGINE_SIZE, "%s", engine);
    return 0;
}

/* The same container may have been named by its name and its id. A file of /run/netns has no pid,
 * but the same number. */
static int check_apart(const struct work *work, struct call calls[2], struct failure *failure)
{
    int64_t pid[2] = {0, 0};

    for (int i = 0; i < 2; i++)
        (void)json_whole(calls[i].answer, "pid", 1, INT32_MAX, &pid[i]);
    if (work->side[0].site != work->side[1].site ||
        (work->side[0].container != work->side[1].container && (pid[0] == 0 || pid[0] != pid[1])))
        return 0;
    return fail(failure, "usage", "both ends are the same container; give two");
}

static bool text_is(const json_t *object, const char *member, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text && expected && strcmp(text, expected) == 0;
}

/* Do two links, one of each container, have each other for peers? */
static bool are_ends_of_one(const json_t *a, const json_t *b)
{
    int64_t net_a, net_b, host_a, host_b;

    return json_whole(a, "net", 0, LINK_NET_MAX, &net_a) == 0 &&
           json_whole(b, "net", 0, LINK_NET_MAX, &net_b) == 0 && net_a == net_b &&
           json_whole(a, "host", 0, LINK_HOST_MAX, &host_a) == 0 &&
           json_whole(b, "host", 0, LINK_HOST_MAX, &host_b) == 0 && host_a != host_b &&
           text_is(json_object_get(a, "peer"), "public_key",
                   json_string_value(json_object_get(b, "public_key"))) &&
           text_is(json_object_get(b, "peer"), "public_key",
                   json_string_value(json_object_get(a, "public_key")));
}

/* Takes a link that the container had before for the side's. The other end of it knows where this
 * one is. */
static int take_link(struct work *work, struct side *side, const json_t *link, const json_t *other)
{
    const char *key = json_text(link, "public_key", KEY_TEXT_LENGTH);
    const char *device = json_text(link, "name", LINK_NAME_SIZE - 1);
    const char *endpoint =
        json_text(json_object_get(other, "peer"), "endpoint", ENDPOINT_TEXT_SIZE - 1);
    int64_t port = 0, net, host;
    struct endpoint known;
    struct key parsed;

    if (!key || key_from_text(key, &parsed) || !device || !end_is_name(device) ||
        json_whole(link, "net", 0, LINK_NET_MAX, &net) ||
        json_whole(link, "host", 0, LINK_HOST_MAX, &host))
        return -1;
    (void)json_whole(link, "listen_port", 1, 65535, &port);
    if (endpoint && endpoint_parse(endpoint, &known) == ENDPOINT_GOOD)
        endpoint_to_text(&known, side->endpoint);
    (void)snprintf(side->state, sizeof(side->state), "%s", json_words(link, "state"));
    work->joined.net = (uint32_t)net;
    work->swapped = host != side - work->side;
    work->found_psk =
        json_is_true(json_object_get(json_object_get(link, "peer"), "has_preshared_key"));
    side->port = (uint16_t)port;
    (void)snprintf(side->key, sizeof(side->key), "%s", key);
    (void)snprintf(side->end->device, sizeof(side->end->device), "%s", device);
    link_address_to_text((struct link_end){.net = (uint32_t)net, .host = (uint32_t)host},
                         side->address);
    return 0;
}

static bool find_joined(struct work *work)
{
    const json_t *a, *b;
    size_t i, j;

    json_array_foreach(work->side[0].links, i, a)
    {
        json_array_foreach(work->side[1].links, j, b)
        {
            if (are_ends_of_one(a, b) && take_link(work, &work->side[0], a, b) == 0 &&
                take_link(work, &work->side[1], b, a) == 0)
                return true;
        }
    }
    return false;
}

/* Looks up what ssh dials, if one machine is this one and the other isn't: then it may show a NAT.
 */
static void look_up_dialled(struct work *work)
{
    const char *hosts[] = {work->side[0].site->host, work->side[1].site->host};

    if (!work->options->nat && (hosts[0][0] == '\0') != (hosts[1][0] == '\0'))
        dial_look_up(hosts[0][0] ? hosts[0] : hosts[1], &work->dialled);
}

int work_look(struct work *work, bool *ret_joined, struct failure *failure)
{
    struct call calls[2] = {{.site = work->side[0].site}, {.site = work->side[1].site}};
    int error;

    look_up_dialled(work); /* while ssh logs in */
    for (size_t i = 0; i < 2; i++)
        calls[i].request = request_look(&work->side[i].end->end);
    error = calls_run(calls, 2, LOOK_MS);
    if (error)
        calls_fail(calls, 2, failure);
    for (size_t i = 0; i < 2 && !error; i++)
        error = take_container(&work->side[i], calls[i].answer, failure);
    if (!error)
        error = check_apart(work, calls, failure);
    calls_free(calls, 2);
    *ret_joined = !error && find_joined(work);
    return error;
}

int work_compare(const struct work *work, struct failure *failure)
{
    const bool other_net = work->options->has_net && work->options->net != work->joined.net;

    if (!other_net && (!work->options->psk || work->found_psk))
        return 0;
    return fail(failure, "exists",
                "the containers are joined by net %u already%s: leave %s out, or remove that link "
                "first (cwg leave %u)",
                work->joined.net, other_net ? "" : ", without a preshared key",
                other_net ? "--net" : "--psk", work->joined.net);
}

static int fail_nat(struct failure *failure)
{
    return fail(
        failure, "nat",
        "both machines are behind a NAT, so neither can reach the other: forward a UDP port to "
        "one of them and give it (--port and --endpoint), or use IPv6, or join both with a "
        "container on a third machine that both reach (if only one is, say which: --nat 1 or "
        "--nat 2)");
}

int work_judge_nat(struct work *work, struct failure *failure)
{
    struct side *side = work->side;

    if (work->options->nat) {
        side[work->options->nat - 1].behind_nat = true;
        return 0;
    }
    if (side[0].site == side[1].site)
        return 0;
    for (size_t i = 0; i < 2; i++) {
        /* A given endpoint is one that can be reached. */
        if (!work->options->endpoint[i][0])
            side[i].behind_nat =
                candidates_behind_nat(side[i].site, side[1 - i].site, &work->dialled);
    }
    return side[0].behind_nat && side[1].behind_nat ? fail_nat(failure) : 0;
}

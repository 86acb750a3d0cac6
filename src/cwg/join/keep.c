#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/join/side.h"
#include "cwg/store/want.h"

enum {
    KEEP_MS = 20000,
};

static int take_who(struct side *side, const json_t *answer, struct failure *failure)
{
    const char *site = json_text(answer, "site", WANT_SITE_SIZE - 1);
    const char *key = json_text(answer, "key", KEY_TEXT_LENGTH);
    struct key parsed;

    if (!site || !want_is_name(site) || !key || key_from_text(key, &parsed) || key_is_zero(&parsed))
        return site_fail(side->site, "tells of its agent in an unknown way", failure);
    (void)snprintf(side->agent_site, sizeof(side->agent_site), "%s", site);
    (void)snprintf(side->agent_key, sizeof(side->agent_key), "%s", key);
    return 0;
}

/* A link of "web" and "db" is "web-db", if nothing else is said. */
static void name_link(struct work *work)
{
    if (work->options->link[0])
        (void)snprintf(work->joined.link, sizeof(work->joined.link), "%s", work->options->link);
    else
        (void)snprintf(work->joined.link, sizeof(work->joined.link), "%.31s-%.31s",
                       work->options->end[0].name, work->options->end[1].name);
}

int work_ask_agents(struct work *work, struct failure *failure)
{
    struct call calls[2];
    int error;

    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = work->side[i].site, .request = request_plain("who")};
    error = calls_run(calls, 2, KEEP_MS);
    for (int i = 0; i < 2 && !error; i++)
        error = take_who(&work->side[i], calls[i].answer, failure);
    if (error && !failure->text[0])
        (void)calls_fail(calls, 2, failure);
    calls_free(calls, 2);
    name_link(work);
    return error;
}

static int host_of(const struct work *work, int side)
{
    return work->swapped ? 1 - side : side;
}

/* What the agent of a side's machine is to keep. Where ssh was started from, ssh is known to reach
 * the other machine. */
static json_t *keep_request(const struct work *work, int i)
{
    const struct side *side = &work->side[i], *other = &work->side[1 - i];
    const bool calls = !side->site->host[0] && other->site->host[0];
    json_t *peer = json_pack("{s:s,s:s,s:s*}", "site", other->agent_site, "key", other->agent_key,
                             "ssh", calls ? other->site->host : NULL);

    return json_pack("{s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:o}", "do", "keep", "link",
                     work->joined.link, "container", side->container, "net", (int)work->joined.net,
                     "host", host_of(work, i), "port", (int)work->options->port[i], "keepalive",
                     JOIN_KEEPALIVE_SECONDS, "mtu", work->options->mtu, "peer", peer);
}

/* Asks whether the ends are kept already: what was there before isn't undone. */
static int ask_kept(struct work *work, struct failure *failure)
{
    struct call calls[2];
    int error;

    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = work->side[i].site,
                                 .request = request_kept(work->joined.net, host_of(work, i))};
    error = calls_run(calls, 2, KEEP_MS);
    if (error)
        (void)calls_fail(calls, 2, failure);
    for (int i = 0; i < 2; i++) /* an older cwg doesn't say */
        work->side[i].was_kept = !json_is_false(json_object_get(calls[i].answer, "kept"));
    calls_free(calls, 2);
    return error;
}

int work_keep(struct work *work, struct failure *failure)
{
    struct call calls[2];
    int error;

    if (ask_kept(work, failure))
        return -1;
    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = work->side[i].site, .request = keep_request(work, i)};
    error = calls_run(calls, 2, KEEP_MS);
    if (error)
        (void)calls_fail(calls, 2, failure);
    for (int i = 0; i < 2; i++)
        work->side[i].newly_kept = !work->side[i].was_kept && !calls[i].refused;
    calls_free(calls, 2);
    return error;
}

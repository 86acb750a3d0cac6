#include "cwg/join/ends.h"

#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/base/step.h"
#include "cwg/site/calls.h"

enum {
    WAIT_SIZE = 64, /* of what is shown of the machines that are waited for: less than a line */
};

json_t *ends_link(const json_t *links, uint32_t net, uint32_t host)
{
    json_t *link;
    size_t i;

    json_array_foreach(links, i, link)
    {
        int64_t number;

        if (json_whole(link, "net", net, net, &number) == 0 &&
            json_whole(link, "host", host, host, &number) == 0)
            return link;
    }
    return NULL;
}

/* Is it another link of that net, which somebody made after the one that is remembered? An end that
 * an agent keeps has a new key each time the agent makes it again. */
static bool is_other(const json_t *link, const struct joined *joined, uint32_t host)
{
    const char *key = json_text(link, "public_key", KEY_TEXT_LENGTH);
    const char *known = joined->end[host].key;

    return !joined->link[0] && key && known[0] && strcmp(key, known) != 0;
}

static void take_answer(const struct call *call, const struct joined *joined, uint32_t host,
                        struct end_seen *seen)
{
    int64_t container;

    if (call->failed) {
        seen->failure = call->failure;
    } else if (json_whole(call->answer, "container", 0, INT32_MAX, &container)) {
        site_fail(seen->site, "tells of a container in an unknown way", &seen->failure);
    } else {
        seen->container = (int)container;
        seen->link =
            json_incref(ends_link(json_object_get(call->answer, "links"), joined->net, host));
        if (is_other(seen->link, joined, host)) {
            json_decref(seen->link);
            seen->link = NULL;
        }
    }
}

/* Looks at the ends that are `late`, or at all others. */
static void look(struct sites *sites, const struct joined *joined, size_t count, bool late,
                 int milliseconds, struct end_seen *seen)
{
    struct call calls[CALLS_MAX];
    size_t whose[CALLS_MAX];

    for (size_t i = 0; i < 2 * count;) {
        size_t sent = 0;

        /* A session that waited for its turn since the first would take the silence for its end. */
        for (; i < 2 * count && sent < CALLS_MAX; i++) {
            if (seen[i].late != late)
                continue;
            seen[i].failure.text[0] = '\0';
            seen[i].site = sites_get(sites, joined[i / 2].end[i % 2].end.host, &seen[i].failure);
            if (!seen[i].site)
                continue;
            whose[sent] = i;
            calls[sent++] = (struct call){.site = seen[i].site,
                                          .request = request_look(&joined[i / 2].end[i % 2].end)};
        }
        (void)calls_run(calls, sent, milliseconds);
        for (size_t j = 0; j < sent; j++)
            take_answer(&calls[j], &joined[whose[j] / 2], whose[j] % 2, &seen[whose[j]]);
        calls_free(calls, sent);
    }
}

void ends_look(struct sites *sites, const struct joined *joined, size_t count, int milliseconds,
               struct end_seen *seen)
{
    memset(seen, 0, 2 * count * sizeof(*seen));
    look(sites, joined, count, false, milliseconds, seen);
}

int ends_find_late(struct end_seen *seen, size_t count)
{
    int late = 0;

    for (size_t i = 0; i < count; i++) {
        seen[i].late = seen[i].site && !seen[i].site->lost.text[0] &&
                       failure_is(&seen[i].failure, "unreachable");
        late += seen[i].late;
    }
    return late;
}

void ends_look_late(struct sites *sites, const struct joined *joined, size_t count,
                    int milliseconds, struct end_seen *seen)
{
    look(sites, joined, count, true, milliseconds, seen);
}

static bool is_named(const char *names, const char *host)
{
    const size_t length = strlen(host);

    for (const char *at = names; (at = strstr(at, host)); at += length) {
        if ((at == names || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

void ends_show_wait(const struct joined *joined, size_t count, const struct end_seen *seen)
{
    char names[WAIT_SIZE] = "", text[WAIT_SIZE + 16];

    for (size_t i = 0; i < 2 * count; i++) {
        const char *host = joined[i / 2].end[i % 2].end.host;
        const size_t length = strlen(names);

        if (host[0] && (!seen || seen[i].late) && !is_named(names, host) &&
            length + strlen(host) + 3 < sizeof(names))
            (void)snprintf(names + length, sizeof(names) - length, "%s%s", length ? ", " : "",
                           host);
    }
    (void)snprintf(text, sizeof(text), "waiting for %s", names);
    if (names[0])
        step_show(text);
}

void ends_free(struct end_seen *seen, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_decref(seen[i].link);
}

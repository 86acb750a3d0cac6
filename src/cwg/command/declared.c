#include "cwg/command/declared.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cwg/agent/settings/self.h"
#include "cwg/command/table.h"

enum {
    SPAN_SIZE = 32,
};

/* A time in seconds in two units at most: "45s", "2h 5m", "3d 4h". */
static const char *span(int64_t seconds, char ret_text[static SPAN_SIZE])
{
    const int64_t whole = seconds > 0 ? seconds : 0;
    const int64_t minutes = whole / 60, hours = minutes / 60, days = hours / 24;

    if (days > 0)
        (void)snprintf(ret_text, SPAN_SIZE, "%" PRId64 "d %" PRId64 "h", days, hours % 24);
    else if (hours > 0)
        (void)snprintf(ret_text, SPAN_SIZE, "%" PRId64 "h %" PRId64 "m", hours, minutes % 60);
    else if (minutes > 0)
        (void)snprintf(ret_text, SPAN_SIZE, "%" PRId64 "m %" PRId64 "s", minutes, whole % 60);
    else
        (void)snprintf(ret_text, SPAN_SIZE, "%" PRId64 "s", whole);
    return ret_text;
}

static const char *span_since(int64_t since, char ret_text[static SPAN_SIZE])
{
    return since > 0 ? span((int64_t)time(NULL) - since, ret_text) : "-";
}

const char *declared_reason(const char *last, const char *reason,
                            char ret_text[static DECLARED_REASON_SIZE])
{
    (void)snprintf(ret_text, DECLARED_REASON_SIZE, "%s%s%s%s", last[0] ? "it was: " : "", last,
                   last[0] && reason[0] ? ": " : "", reason);
    return ret_text;
}

/* The cells of a row that are made for it. */
struct made {
    char container[END_TEXT_SIZE + 16], since[SPAN_SIZE], reason[DECLARED_REASON_SIZE];
};

/* Makes the row of a link, or of a site. */
static struct row link_row(const void *owner, size_t i, void *cells)
{
    const struct standing *standing = owner;
    struct made *made = cells;
    const struct standing_link *link = &standing->link[i];

    (void)snprintf(made->container, sizeof(made->container), "%s%s", link->container,
                   link->labelled ? " (label)" : "");
    return (struct row){{link->link, made->container, link->address, link->peer, link->site,
                         link->state, span_since(link->since, made->since),
                         declared_reason(link->last, link->reason, made->reason)}};
}

static struct row site_row(const void *owner, size_t i, void *cells)
{
    const struct standing *standing = owner;
    struct made *made = cells;
    const struct standing_site *site = &standing->site[i];

    return (struct row){{site->site, site->by, site->host, site->state,
                         span_since(site->since, made->since),
                         declared_reason(site->last, site->reason, made->reason)}};
}

static void print_agent(const struct standing *standing)
{
    char span_of[SPAN_SIZE];

    if (!standing->runs && standing->seen == 0)
        (void)printf("No agent runs here, and none has: %s.\n", self_start());
    else if (!standing->runs)
        (void)printf("No agent runs here. It was there last %s ago: nothing is known since then.\n",
                     span_since(standing->seen, span_of));
    else if (time(NULL) - standing->seen > STANDING_SILENCE)
        (void)printf("The agent of site %s runs, and has told nothing for %s.\n", standing->own,
                     span_since(standing->seen, span_of));
    else
        (void)printf("The agent of site %s has run for %s.\n", standing->own,
                     span_since(standing->started, span_of));
}

void declared_print(const struct standing *standing)
{
    static const struct row links = {
        {"LINK", "CONTAINER", "ADDRESS", "PEER", "SITE", "STATE", "SINCE", "REASON"}};
    static const struct row sites = {{"SITE", "BY", "AT", "STATE", "SINCE", "REASON"}};

    struct made made;

    if (standing->links > 0) {
        table_print(&links, standing->links, link_row, standing, &made);
        (void)putchar('\n');
    }
    if (standing->sites > 0) {
        table_print(&sites, standing->sites, site_row, standing, &made);
        (void)putchar('\n');
    }
    print_agent(standing);
}

void declared_choose(struct standing *standing, const char *name)
{
    size_t links = 0, sites = 0;

    for (size_t i = 0; i < standing->links; i++) {
        if (standing_is_meant(&standing->link[i], name))
            standing->link[links++] = standing->link[i];
    }
    standing->links = links;
    for (size_t i = 0; i < standing->sites; i++) {
        size_t j = 0;

        while (j < links && strcmp(standing->link[j].site, standing->site[i].site) != 0)
            j++;
        if (j < links || strcmp(standing->site[i].by, "etcd") == 0)
            standing->site[sites++] = standing->site[i];
    }
    standing->sites = sites;
}

json_t *declared_text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

json_t *declared_time_or_null(int64_t seconds)
{
    return seconds > 0 ? json_integer(seconds) : json_null();
}

void declared_pack(const struct standing *standing, json_t *object)
{
    json_t *links = json_array(), *sites = json_array();

    for (size_t i = 0; i < standing->links; i++) {
        const struct standing_link *link = &standing->link[i];

        (void)json_array_append_new(
            links,
            json_pack("{s:s,s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:s}", "link", link->link,
                      "net", (int)link->net, "host", (int)link->host, "container", link->container,
                      "declared_by", link->labelled ? "label" : "store", "address", link->address,
                      "peer_address", link->peer, "site", link->site, "state", link->state,
                      "last_state", declared_text_or_null(link->last), "since",
                      declared_time_or_null(link->since), "reason", link->reason));
    }
    for (size_t i = 0; i < standing->sites; i++) {
        const struct standing_site *site = &standing->site[i];

        (void)json_array_append_new(
            sites, json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:s}", "site", site->site, "by", site->by,
                             "at", site->host, "state", site->state, "last_state",
                             declared_text_or_null(site->last), "since",
                             declared_time_or_null(site->since), "reason", site->reason));
    }
    (void)json_object_set_new(
        object, "agent",
        json_pack("{s:o,s:b,s:o,s:o}", "site", declared_text_or_null(standing->own), "runs",
                  standing->runs, "started", declared_time_or_null(standing->started), "seen",
                  declared_time_or_null(standing->seen)));
    (void)json_object_set_new(object, "declared", links);
    (void)json_object_set_new(object, "sites", sites);
}

bool declared_is_well(const struct standing *standing)
{
    for (size_t i = 0; i < standing->links; i++) {
        if (!standing_is_well(standing->link[i].state))
            return false;
    }
    return true;
}

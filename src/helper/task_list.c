/* cwg_list: the links of all containers of this machine, and how each is. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "helper/backend.h"
#include "helper/census.h"
#include "helper/clock.h"
#include "helper/failure.h"
#include "helper/json.h"
#include "helper/links.h"
#include "helper/output.h"
#include "helper/settings.h"
#include "helper/task.h"
#include "helper/text.h"

/* As wide as its values can be: of a container's id people see the first 12 digits. */
#define ROW "%-7s  %-12.12s  %-15s  %-7s  %-5s  %-9s  %s\n"

enum {
    NUMBER_SIZE = 24,
    FLUSH_AT = TEXT_SIZE / 2, /* a link takes less than the other half */
    /* Who may make namespaces can make many, each with many devices whose engines hang. */
    TIME_MAX = 60 * 1000, /* milliseconds */
};

/* How long engines that don't answer may be waited for, of all containers together. */
static const struct patience patience_of_all = {.nanoseconds = INT64_C(10000000000)};

struct listing {
    const struct home *home;
    bool json;
    bool late;  /* there was no time for all */
    int missed; /* a negative errno: there was too little of something to look at all; or 0 */
    struct failure reason; /* of that */
    size_t links;
    struct patience patience;
    struct text text; /* that isn't written yet */
};

static struct census census;

static int flush(struct listing *listing, struct failure *failure)
{
    int error = listing->text.length ? output_text(&listing->text, failure) : 0;

    listing->text.length = 0;
    return error;
}

/* Seconds as one number of the largest unit that it has. */
static void print_age(int64_t age, char ret_text[static NUMBER_SIZE])
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (age < units[i].seconds && units[i].seconds > 1)
        i++;
    (void)snprintf(ret_text, NUMBER_SIZE, "%lld%c", (long long)(age / units[i].seconds),
                   units[i].unit);
}

static void add_row(struct text *text, const struct census_entry *entry,
                    const struct link_view *view)
{
    const struct link_status *status = view->answered ? &view->status : NULL;
    char pid[NUMBER_SIZE], port[NUMBER_SIZE] = "-", age[NUMBER_SIZE] = "-";

    (void)snprintf(pid, sizeof(pid), "%d", entry->pid);
    if (status && status->port)
        (void)snprintf(port, sizeof(port), "%u", status->port);
    if (status && !status->handshake)
        (void)snprintf(age, sizeof(age), "never");
    else if (status)
        print_age(status_handshake_age(status, view->now), age);
    text_print(text, ROW, pid, entry->container[0] ? entry->container : "-", view->link.device.name,
               view->link.device.backend->word, port, age, state_text(view->state));
}

static void add_object(struct listing *listing, const struct census_entry *entry,
                       const struct link_view *view)
{
    const struct json_place place = {
        .pid = entry->pid,
        .container = entry->container[0] ? entry->container : NULL,
    };

    text_add(&listing->text, listing->links ? "," : "[");
    json_add_link(&listing->text, &place, view);
}

static void add_link(struct listing *listing, const struct census_entry *entry,
                     const struct link_view *view)
{
    if (listing->json)
        add_object(listing, entry, view);
    if (!listing->json && listing->links == 0)
        text_print(&listing->text, ROW, "PID", "CONTAINER", "LINK", "BACKEND", "PORT", "HANDSHAKE",
                   "STATE");
    if (!listing->json)
        add_row(&listing->text, entry, view);
    listing->links++;
}

/* Where we are short of what it takes to look, what isn't listed may be there all the same. */
static void note_missed(struct listing *listing, int error, const struct failure *reason)
{
    if (listing->missed || !failure_is_shortage(error))
        return;
    listing->missed = error;
    listing->reason = *reason;
}

/* What doesn't let itself be looked at has gone, or is being changed: it is left out. */
static int list_links(struct target *target, const struct census_entry *entry,
                      struct listing *listing, struct failure *failure)
{
    static struct links links;
    struct patience patience = PATIENCE;
    struct failure ignored;
    int64_t before;
    int missed, error = 0;

    if (patience.nanoseconds > listing->patience.nanoseconds)
        patience = listing->patience;
    before = patience.nanoseconds;
    missed = links_collect(target, &links, &ignored);
    note_missed(listing, missed, &ignored);
    if (missed)
        return 0;
    for (size_t i = 0; i < links.count && !error; i++) {
        struct link_view view;

        missed = links_look(target, &links.link[i], &patience, &view, &ignored);
        note_missed(listing, missed, &ignored);
        if (missed)
            continue;
        add_link(listing, entry, &view);
        if (listing->text.length > FLUSH_AT)
            error = flush(listing, failure);
    }
    listing->patience.nanoseconds -= before - patience.nanoseconds;
    return error;
}

/* The process may have ended, and its number be another's by now: then it is another namespace. */
static int visit(const struct census_entry *entry, struct listing *listing, struct failure *failure)
{
    const struct target_name name = {.kind = TARGET_PID, .number = entry->pid};
    struct failure ignored;
    struct target target;
    int error = target_open(listing->home, &name, false, &target, &ignored);

    /* Where we may not look there is nothing to be said; but we have to be at home again. */
    note_missed(listing, error, &ignored);
    if (error)
        return home_return(listing->home, failure);
    if (netns_same(&target.netns, &entry->netns))
        error = list_links(&target, entry, listing, failure);
    target_close(&target);
    return error;
}

static int finish(struct listing *listing, struct failure *failure)
{
    int error;

    if (listing->json)
        text_add(&listing->text, listing->links ? "]\n" : "[]\n");
    error = flush(listing, failure);
    if (!error && listing->late)
        error =
            fail(failure, -ETIMEDOUT,
                 "60 seconds weren't enough, and what is listed isn't all: containers have many "
                 "links whose engines don't answer; find these in the list, and end them, or "
                 "ask for the others with cwg_show");
    if (!error && listing->missed) {
        error = fail(failure, listing->missed, "what is listed isn't all: ");
        failure_add(failure, "%s", listing->reason.text);
    }
    if (!error && census.more)
        error = fail(failure, -EOVERFLOW,
                     "there are more than %d network namespaces on this machine, and those of the "
                     "processes with the lowest numbers alone are listed; ask for others with "
                     "cwg_show",
                     CENSUS_MAX);
    return error;
}

static int run_at_home(const struct request *request, const struct home *home,
                       struct failure *failure)
{
    static struct listing listing;
    const int64_t end = clock_now() + TIME_MAX;
    const bool root = getuid() == 0;
    int error = 0;

    listing.home = home;
    listing.json = request->given[OPTION_JSON];
    listing.patience = patience_of_all;
    for (size_t i = 0; i < census.count && !error; i++) {
        const struct census_entry *entry = &census.entries[i];

        /* Home would be refused. */
        if (!entry->may_have_links || (!root && netns_same(&entry->netns, &home->netns)))
            continue;
        listing.late = clock_now() >= end;
        if (listing.late)
            break;
        error = visit(entry, &listing, failure);
    }
    return error ? error : finish(&listing, failure);
}

static int prepare(const struct request *request, const struct home *home, struct failure *failure)
{
    (void)request;
    (void)home;
    return census_take(&census, failure);
}

const struct task task_list = {
    .name = "cwg_list",
    .summary = "show the links of all containers of this machine",
    .details = "Prints one line for each link in each network namespace that some process is in\n"
               "and the caller may act on: that process, the id of its container (- if it isn't\n"
               "known), the link, what carries it, its UDP port, how long ago its last handshake\n"
               "was, and its state. Prints nothing if there is none. It changes nothing. A\n"
               "namespace without a process, as of `ip netns add`, is not found.\n",
    .arguments = {0},
    .options =
        {
            OPTION_JSON,
            0,
        },
    .prepare = prepare,
    .run_at_home = run_at_home,
};

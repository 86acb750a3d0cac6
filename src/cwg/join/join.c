#include "cwg/join/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cwg/base/clock.h"
#include "cwg/base/notify.h"
#include "cwg/base/status.h"
#include "cwg/base/step.h"
#include "cwg/join/side.h"
#include "cwg/site/signals.h"
#include "cwg/state/lock.h"
#include "cwg/store/want.h"

static void show_step(const struct work *work, const char *text)
{
    if (!work->options->json)
        step_show(text);
}

/* Opens a session for each machine. Two ends of one machine share one. */
static int open_sites(struct work *work, struct failure *failure)
{
    for (size_t i = 0; i < 2; i++) {
        const char *host = work->options->end[i].host;

        if (i == 1 && strcmp(host, work->sites[0].host) == 0) {
            work->side[1].site = &work->sites[0];
            return 0;
        }
        if (site_open(&work->sites[i], host, failure))
            return -1;
        work->side[i].site = &work->sites[i];
        work->site_count++;
    }
    return 0;
}

/* Ends the sessions. A side stays `made` and `newly_kept` if its site doesn't say that nothing is
 * left there. */
static void close_sites(struct work *work)
{
    for (size_t i = 0; i < work->site_count; i++) {
        const bool done = site_close(&work->sites[i]) == 0;

        for (size_t j = 0; j < 2; j++) {
            if (work->side[j].site == &work->sites[i] && done && !work->side[j].kept)
                work->side[j].made = work->side[j].newly_kept = false;
        }
    }
}

static json_t *pack_side(const struct side *side)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s?,s:s?}", "host", side->end->end.host,
                     "engine", side->end->end.engine, "container", side->end->end.name, "device",
                     side->end->device, "address", side->address, "endpoint", side->endpoint,
                     "public_key", side->key, "warning", side->warning[0] ? side->warning : NULL,
                     "state", side->state[0] ? side->state : NULL);
}

static void print_json(const struct work *work, bool already)
{
    json_t *result = json_pack("{s:i,s:b,s:f,s:[o,o]}", "net", (int)work->joined.net, "already",
                               already, "seconds", (double)work->milliseconds / 1000, "ends",
                               pack_side(&work->side[0]), pack_side(&work->side[1]));

    if (work->options->keep)
        (void)json_object_set_new(result, "kept", json_string(work->joined.link));
    (void)json_dumpf(result, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    (void)putchar('\n');
    json_decref(result);
}

static void print_table(const struct work *work, bool already)
{
    char name[2][END_TEXT_SIZE];
    int width = 0;

    for (int i = 0; i < 2; i++) {
        end_to_text(&work->options->end[i], name[i]);
        width = (int)strlen(name[i]) > width ? (int)strlen(name[i]) : width;
    }
    for (int i = 0; i < 2; i++)
        (void)printf("%-*s  %-15s  %-15s  %s\n", width, name[i], work->side[i].end->device,
                     work->side[i].address,
                     work->side[i].behind_nat ? "behind a NAT" : work->side[i].endpoint);
    if (already)
        (void)printf("joined already: %s, %s.", work->side[0].state, work->side[1].state);
    else
        (void)printf("connected in %.1f s.", (double)work->milliseconds / 1000);
    if (work->options->keep)
        (void)printf("  Kept as %s.", work->joined.link);
    (void)printf("  From %s: ping %s.  To undo: cwg leave %u\n", name[0], work->side[1].address,
                 work->joined.net);
    for (int i = 0; i < 2; i++) {
        if (work->side[i].warning[0])
            (void)fprintf(stderr, "cwg: warning: %s: %s\n", name[i], work->side[i].warning);
    }
}

static void print_failure(const struct work *work, const struct failure *failure)
{
    show_step(work, "");
    (void)fprintf(stderr, "cwg: %s\n", failure->text);
    notify_status(failure->text);
}

enum {
    REMEDY_SIZE = END_TEXT_SIZE + WANT_LINK_SIZE + 128,
};

/* The command that removes an end, to be run at its machine. */
static void remedy(const struct work *work, int host, char ret_text[static REMEDY_SIZE])
{
    const struct end *end = &work->side[host].end->end;
    char first[WANT_LINK_SIZE + 16] = "";

    if (!work->side[host].made) {
        (void)snprintf(ret_text, REMEDY_SIZE, "cwg forget %s", work->joined.link);
        return;
    }
    if (work->options->keep) /* or else the agent there makes the end again */
        (void)snprintf(first, sizeof(first), "cwg forget %s; ", work->joined.link);
    if (strcmp(end->engine, "netns") == 0)
        (void)snprintf(ret_text, REMEDY_SIZE,
                       "%snet-admin-helper cwg_destroy fd:3 %u %d --if-exists 3</run/netns/%s",
                       first, work->joined.net, host, end->name);
    else
        (void)snprintf(ret_text, REMEDY_SIZE,
                       "%snet-admin-helper cwg_destroy $(cwg pid %s/%s) %u %d --if-exists", first,
                       end->engine, end->name, work->joined.net, host);
}

/* Says how to remove what may be left at a machine that isn't reached any more. Returns the exit
 * status. */
static int print_left(const struct work *work, const struct failure *failure)
{
    json_t *left = json_array(), *object;
    bool any = false;

    for (int i = 0; i < 2; i++) {
        char name[END_TEXT_SIZE], command[REMEDY_SIZE], leave[80] = "";

        if (!work->side[i].made && !work->side[i].newly_kept)
            continue;
        any = true;
        end_to_text(&work->options->end[i], name);
        remedy(work, i, command);
        if (work->noted)
            (void)snprintf(leave, sizeof(leave),
                           "; so does cwg leave %u here, once that machine is reached",
                           work->joined.net);
        if (work->side[i].made)
            (void)fprintf(stderr,
                          "cwg: an end of net %u may be left in %s; there, `%s` removes it%s\n",
                          work->joined.net, name, command, leave);
        else
            (void)fprintf(stderr,
                          "cwg: the end of net %u in %s may be kept; there, `%s` ends that, and "
                          "removes the end%s\n",
                          work->joined.net, name, command, leave);
        (void)json_array_append_new(left, json_pack("{s:s,s:s}", "end", name, "command", command));
    }
    object = json_pack("{s:{s:s,s:s},s:o}", "error", "code", failure->code, "text", failure->text,
                       "left", left);
    if (work->options->json) {
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)putchar('\n');
    }
    json_decref(object);
    return any ? EXIT_LEFT : EXIT_FAILED;
}

/* The link is there all the same, and remembered. Returns the exit status. */
static int check_written(const struct work *work)
{
    if (fflush(stdout) == 0)
        return EXIT_DONE;
    (void)fprintf(stderr,
                  "cwg: the containers are joined, but that can't be written to standard output; "
                  "cwg leave %u undoes it\n",
                  work->joined.net);
    return EXIT_LEFT;
}

static void add_addresses(struct work *work)
{
    for (uint32_t i = 0; i < 2; i++)
        link_address_to_text((struct link_end){.net = work->joined.net, .host = i},
                             work->side[i].address);
}

static bool has_keys(const struct joined *a, const struct joined *b)
{
    return strcmp(a->end[0].key, b->end[0].key) == 0 && strcmp(a->end[1].key, b->end[1].key) == 0;
}

/* Remembers the link. Before the first commit: if this process is killed between the two, an end is
 * left that cwg leave and the next join have to find. */
static int remember(struct work *work, struct failure *failure)
{
    struct failure unreadable = {.text = ""};
    struct joined joined = work->joined, before;

    work->was_noted = joined_read(joined.net, &before, &unreadable) == 0;
    joined.when = (int64_t)time(NULL);
    if (work->was_noted && !joined.link[0])
        (void)snprintf(joined.link, sizeof(joined.link), "%s", before.link);
    for (int i = 0; i < 2; i++)
        (void)snprintf(joined.end[i].key, sizeof(joined.end[i].key), "%s", work->side[i].key);
    if (work->swapped) {
        const struct joined_end first = joined.end[0];

        joined.end[0] = joined.end[1];
        joined.end[1] = first;
    }
    /* A link that is remembered already keeps the names that leave takes. */
    work->noted =
        (work->was_noted && has_keys(&joined, &before) && strcmp(joined.link, before.link) == 0) ||
        joined_write(&joined, failure) == 0;
    return work->noted ? 0 : -1;
}

/* Forgets what is undone. What was remembered before of these ends has the net for the next join.
 */
static void forget(const struct work *work)
{
    if (work->noted && !work->was_noted && !work->side[0].made && !work->side[1].made)
        joined_forget(work->joined.net);
}

/* Does the steps. Nothing is kept before work_commit(). */
static int work_through(struct work *work, bool *ret_already, struct failure *failure)
{
    int error;

    show_step(work, "waiting for another cwg that joins these containers");
    work->lock = lock_take(work->options->end, failure);
    if (work->lock < 0)
        return -1;
    show_step(work, "looking up both containers");
    error = open_sites(work, failure);
    if (!error)
        error = work_look(work, ret_already, failure);
    if (!error && work->options->keep)
        error = work_ask_agents(work, failure);
    if (error)
        return error;
    if (*ret_already) {
        show_step(work, "the containers are joined already: checking the link");
        error = remember(work, failure); /* cwg leave has to find it, also if it doesn't work */
        work->was_noted = true;          /* nor is it forgotten */
        lock_end(work->lock);
        work->lock = -1;
        if (!error)
            error = work_compare(work, failure);
        if (!error)
            error = work_check(work, failure);
        if (!error && work->options->keep)
            error = work_keep(work, failure) || work_commit(work, failure) ? -1 : 0;
        return error;
    }
    error = work_judge_nat(work, failure);
    if (!error) {
        show_step(work, "creating both ends");
        error = work_remove_dead(work, failure);
    }
    if (!error)
        error = work_create(work, failure);
    if (!error) {
        add_addresses(work);
        show_step(work, "connecting");
        error = work_connect(work, failure);
    }
    if (!error)
        error = remember(work, failure);
    if (!error && work->options->keep)
        error = work_keep(work, failure);
    if (!error)
        error = work_commit(work, failure);
    return error;
}

int join(const struct join_options *options)
{
    struct work *work = calloc(1, sizeof(*work));
    struct failure failure = {.text = ""};
    bool already = false;
    int status = EXIT_DONE;

    if (!work)
        return EXIT_FAILED;
    work->options = options;
    work->begun = clock_now();
    for (int i = 0; i < 2; i++) {
        work->joined.end[i].end = options->end[i];
        work->side[i].end = &work->joined.end[i];
        (void)snprintf(work->side[i].endpoint, sizeof(work->side[i].endpoint), "-");
    }
    signals_catch();
    if (work_through(work, &already, &failure)) {
        print_failure(work, &failure);
        close_sites(work);
        work_clean(work);
        forget(work);
        status = print_left(work, &failure);
    } else {
        show_step(work, "");
        if (options->json)
            print_json(work, already);
        else
            print_table(work, already);
        status = check_written(work);
        /* The sessions end with this process; nobody has to wait for that. */
    }
    lock_end(work->lock);
    for (int i = 0; i < 2; i++)
        json_decref(work->side[i].links);
    free(work);
    return status;
}

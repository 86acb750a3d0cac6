/* cwg_list: lists the links of all containers of this machine, and how each is. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "helper/base/text.h"
#include "helper/command/session.h"
#include "helper/command/task.h"
#include "helper/netns/taker.h"
#include "helper/view/json_link.h"
#include "helper/view/links.h"
#include "helper/view/moment.h"

/* As wide as the values can be, but for a container's name. */
#define HEAD "PID      CONTAINER     LINK             BACKEND  PORT   HANDSHAKE  STATE\n"
#define ROW  "%-7d  %-12.*s  %-15s  %-7s  %-5s  %-9s  %s\n"

enum {
    PORT_SIZE = 6,
    ID_SHOWN = 12,            /* digits of an id that people know; names are shown whole */
    FLUSH_AT = TEXT_SIZE / 2, /* a link needs less than the other half */
    /* Whoever may make namespaces can make many, each with many devices whose engines hang. */
    TIME_MAX = 60 * 1000, /* milliseconds */
    PATIENCE_MAX = 10000, /* milliseconds for engines that don't answer, of all containers */
};

struct listing {
    struct session *session;
    struct link_nets nets;
    bool json;
    bool late;      /* the time was over */
    int missed;     /* a negative errno: some namespace or link couldn't be looked at; or 0 */
    int missed_pid; /* a process there */
    struct failure reason; /* of `missed` */
    int crowded;           /* a process in a namespace with more than LINKS_MAX links; or 0 */
    size_t links;
    struct patience patience;
    struct text text; /* not written yet */
};

/* The links of one container, written after its namespace was left: a caller who doesn't read must
 * not keep it open. */
struct visited {
    int pid;
    size_t count;
    struct link_view view[LINKS_MAX];
};

static int flush(struct listing *listing, struct failure *failure)
{
    int error =
        listing->text.length ? output_text(&listing->session->output, &listing->text, failure) : 0;

    listing->text.length = 0;
    return error;
}

static void add_row(struct text *text, int pid, const char *container, const struct link_view *view)
{
    const struct link_status *status = view->answered ? &view->status : NULL;
    char port[PORT_SIZE] = "-", age[MOMENT_AGE_SIZE] = "-";

    if (status && status->port)
        (void)snprintf(port, sizeof(port), "%u", status->port);
    if (status && !status->has_handshake)
        (void)snprintf(age, sizeof(age), "never");
    else if (status && status_knows_age(status))
        moment_age_briefly(status->handshake_age_ms, age);
    text_print(text, ROW, pid, cgroup_is_id(container) ? ID_SHOWN : CONTAINER_ID_LENGTH,
               container[0] ? container : "-", view->link.device.name,
               backend_of(&view->link.device)->json_name, port, age, state_text(view->state));
}

static void add_link(struct listing *listing, int pid, const char *container,
                     const struct link_view *view)
{
    const struct json_place place = {.pid = pid, .container = container[0] ? container : NULL};

    if (listing->json) {
        text_add(&listing->text, listing->links ? "," : "[");
        json_add_link(&listing->text, &place, view);
    } else {
        text_add(&listing->text, listing->links ? "" : HEAD);
        add_row(&listing->text, pid, container, view);
    }
    listing->links++;
}

static int write_links(const struct visited *visited, const char *container,
                       struct listing *listing, struct failure *failure)
{
    int error = 0;

    for (size_t i = 0; i < visited->count && !error; i++) {
        add_link(listing, visited->pid, container, &visited->view[i]);
        if (listing->text.length > FLUSH_AT)
            error = flush(listing, failure);
    }
    return error;
}

/* Notes the first thing that couldn't be looked at, with its reason. */
static void note_missed(struct listing *listing, int pid, int error, const struct failure *reason)
{
    if (listing->missed)
        return;
    listing->missed = error;
    listing->missed_pid = pid;
    listing->reason = *reason;
}

/* Looks at all links of a target. A link that has gone meanwhile is left out. */
static void look_at_links(struct target *target, struct visited *visited, struct listing *listing)
{
    static struct links links;
    struct patience patience = PATIENCE;
    struct failure reason;
    int64_t before;
    int error = links_collect(target, listing->nets, &links, &reason);

    if (error) {
        note_missed(listing, visited->pid, error, &reason);
        return;
    }
    if (links.more)
        listing->crowded = visited->pid;
    if (patience.milliseconds > listing->patience.milliseconds)
        patience = listing->patience;
    before = patience.milliseconds;
    for (size_t i = 0; i < links.count; i++) {
        error =
            links_look(target, &links.link[i], &patience, &visited->view[visited->count], &reason);
        if (!error)
            visited->count++;
        else if (error != -ENODEV)
            note_missed(listing, visited->pid, error, &reason);
    }
    listing->patience.milliseconds -= before - patience.milliseconds;
}

/* Looks at a namespace by one of its processes. Returns 0, or a negative errno: -ESRCH if the
 * process has left the namespace, since its number may be another process's by now. */
static int look_at(const struct netns *netns, int pid, struct visited *ret_visited,
                   struct listing *listing)
{
    const struct target_name name = {.kind = TARGET_PID, .number = pid};
    struct failure reason;
    struct target target;
    int error = target_open(&listing->session->home, &listing->session->policy, &name, false,
                            &target, &reason);

    ret_visited->pid = pid;
    ret_visited->count = 0;
    if (!error) {
        /* As in main.c: the caller may have stopped this process before. */
        if (HAS_POLICY)
            error = policy_check_unchanged(&listing->session->policy, &reason);
        if (!error && !netns_same(&target.netns, netns))
            error = -ESRCH;
        if (!error)
            look_at_links(&target, ret_visited, listing);
        target_close(&target);
    }
    /* For the caller, a namespace on which he may not act (-EPERM) has no links. */
    if (error && error != -ESRCH && error != -EPERM)
        note_missed(listing, pid, error, &reason);
    return error;
}

static int visit(const struct census_entry *entry, struct listing *listing, struct failure *failure)
{
    static struct visited visited;
    int error = look_at(&entry->netns, entry->pid, &visited, listing);

    if (error == -ESRCH && entry->spare)
        error = look_at(&entry->netns, entry->spare, &visited, listing);
    return error ? 0 : write_links(&visited, entry->container, listing, failure);
}

/* Says why the list isn't complete, if it isn't. */
static int check_complete(const struct listing *listing, struct failure *failure)
{
    const struct census *census = &listing->session->census;

    if (listing->late)
        return fail_as(
            failure, FAILURE_INCOMPLETE, -ETIMEDOUT,
            "the list is incomplete: 60 seconds weren't enough, because many engines don't answer; "
            "find these in the list, and end them, or ask for the other links with cwg_show");
    if (listing->missed)
        return fail_as(failure, FAILURE_INCOMPLETE, listing->missed,
                       "the list is incomplete: process %d: %s", listing->missed_pid,
                       listing->reason.text);
    if (listing->crowded)
        return fail_as(failure, FAILURE_INCOMPLETE, -E2BIG,
                       "the list is incomplete: the container of process %d has more links than "
                       "the %d that are shown; somebody else makes devices with links' names there",
                       listing->crowded, LINKS_MAX);
    if (census->hidden)
        return fail_as(
            failure, FAILURE_INCOMPLETE, -EACCES,
            "the list is incomplete: process %d is in a network namespace with links, and this "
            "program has no rights over it; run this program where the containers are started",
            census->hidden);
    if (census->more)
        return fail_as(failure, FAILURE_INCOMPLETE, -EOVERFLOW,
                       "the list is incomplete: this machine has more than %d network namespaces, "
                       "and only those of the processes with the lowest numbers are listed; ask "
                       "for others with cwg_show",
                       CENSUS_MAX);
    return 0;
}

static int finish(struct listing *listing, struct failure *failure)
{
    int error;

    if (listing->json)
        text_add(&listing->text, listing->links ? "]\n" : "[]\n");
    error = flush(listing, failure);
    if (!error)
        error = check_complete(listing, failure);
    if (!error && !listing->json && listing->links == 0)
        output_note_result(&listing->session->output, "no links\n");
    return error;
}

static int run_at_home(struct session *session, const struct request *request,
                       struct failure *failure)
{
    struct listing listing = {
        .session = session,
        .nets = request->nets,
        .json = request->given[OPTION_JSON] || output_in_batch(&session->output),
        .patience = {.milliseconds = PATIENCE_MAX},
    };
    const struct home *home = &session->home;
    const struct census *census = &session->census;
    const int64_t end = clock_now() + TIME_MAX;
    const bool root = getuid() == 0;
    int error = home_check(home, failure);

    for (size_t i = 0; i < census->count && !error; i++) {
        const struct census_entry *entry = &census->entries[i];

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

static int prepare(struct session *session, const struct request *request, struct failure *failure)
{
    (void)request;
    if (HAS_BATCH && session->taker >= 0)
        return taker_ask(session->taker, &session->census, failure);
    return census_take(&session->census, failure);
}

const struct task task_list = {
    .name = "cwg_list",
    .summary = "show the links of all containers of this machine",
    .details = "Prints one line for each link, in each network namespace that has a process "
               "and that the caller may act on: that process, the id or name of its container "
               "(- if unknown), the link, what carries it, its UDP port, the age of its last "
               "handshake, and its state. If there is no link it says so on a terminal, and "
               "else prints nothing. Changes nothing. Does not find a namespace without a "
               "process, as of `ip netns add`. In a batch the output is JSON.\n",
    .arguments = {0},
    .options = {OPTION_JSON, OPTION_NETS, 0},
    .in_batch = true,
    .prepare = prepare,
    .run_at_home = run_at_home,
};

/* `cwg leave`: removes a link at both ends. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/step.h"
#include "cwg/command/command.h"
#include "cwg/join/ends.h"
#include "cwg/site/calls.h"
#include "cwg/site/signals.h"
#include "link/decimal.h"
#include "link/link.h"

enum {
    DESTROY_MS = 60000,
    NAMES_SIZE = 2 * END_TEXT_SIZE + 8,
};

static const char *machine_of(const char *host)
{
    const char *at = strchr(host, '@');

    return at ? at + 1 : host;
}

/* May both be hosts of the same end? What cwg prints of a host lacks USER@. */
static bool may_be_host(const char *named, const char *joined)
{
    return strcmp(named, joined) == 0 ||
           (strcmp(machine_of(named), machine_of(joined)) == 0 &&
            (machine_of(named) == named || machine_of(joined) == joined));
}

/* May two names be those of the same end? A name without an engine is that of any. */
static bool may_be(const struct end *named, const struct end *joined)
{
    return may_be_host(named->host, joined->host) && strcmp(named->name, joined->name) == 0 &&
           (!named->engine[0] || strcmp(named->engine, joined->engine) == 0);
}

static bool may_have_ends(const struct joined *joined, const struct end ends[2])
{
    return (may_be(&ends[0], &joined->end[0].end) && may_be(&ends[1], &joined->end[1].end)) ||
           (may_be(&ends[0], &joined->end[1].end) && may_be(&ends[1], &joined->end[0].end));
}

static bool have_same_ends(const struct joined *a, const struct joined *b)
{
    return (joined_is_same_end(&a->end[0], &b->end[0]) &&
            joined_is_same_end(&a->end[1], &b->end[1])) ||
           (joined_is_same_end(&a->end[0], &b->end[1]) &&
            joined_is_same_end(&a->end[1], &b->end[0]));
}

/* What became of an end. */
enum outcome {
    REMOVED,
    ABSENT, /* it wasn't found: a link goes with its container, and a container may be renamed */
    LEFT,   /* it may be there */
    OUTCOMES,
};

/* Lets the agents of both machines forget a link that they keep: else they would make it again. An
 * end that is forgotten is its agent's to remove, with whatever key it has by now. */
static int forget_kept(const struct joined *joined, const struct end_seen seen[2],
                       enum outcome outcome[static 2], struct failure *failure)
{
    struct call calls[2];
    size_t count = 0, whose[2];
    int error;

    for (int i = 0; i < 2; i++) {
        if (!joined->link[0] || !seen[i].site)
            continue;
        whose[count] = (size_t)i;
        calls[count++] =
            (struct call){.site = seen[i].site, .request = request_forget(joined->net, i, false)};
    }
    error = calls_run(calls, count, DESTROY_MS);
    if (error)
        calls_fail(calls, count, failure);
    for (size_t i = 0; i < count; i++) {
        if (calls[i].failed)
            outcome[whose[i]] = LEFT;
        else if (json_array_size(json_object_get(calls[i].answer, "forgotten")) > 0 &&
                 outcome[whose[i]] == ABSENT)
            outcome[whose[i]] = REMOVED;
    }
    calls_free(calls, count);
    return error;
}

/* Destroys the link at the ends that have it. Returns 0, or -1 if one may be left. */
static int destroy(const struct joined *joined, struct end_seen seen[2],
                   enum outcome ret_outcome[static 2], struct failure *failure)
{
    struct call calls[2];
    size_t count = 0, whose[2];
    int error = 0;

    for (int i = 0; i < 2; i++) {
        const struct failure *told = &seen[i].failure;

        ret_outcome[i] = ABSENT;
        if (told->text[0] && !failure_is(told, "no-such-container") &&
            !failure_is(told, "not-running")) {
            *failure = *told;
            ret_outcome[i] = LEFT;
            error = -1;
        }
        if (!seen[i].link)
            continue;
        whose[count] = (size_t)i;
        calls[count++] = (struct call){
            .site = seen[i].site, .request = request_destroy(seen[i].container, joined->net, i)};
    }
    if (forget_kept(joined, seen, ret_outcome, failure))
        error = -1;
    if (calls_run(calls, count, DESTROY_MS))
        error = calls_fail(calls, count, failure);
    for (size_t i = 0; i < count; i++) {
        if (calls[i].failed || ret_outcome[whose[i]] != LEFT)
            ret_outcome[whose[i]] = calls[i].failed ? LEFT : REMOVED;
    }
    calls_free(calls, count);
    return error;
}

/* Writes the names of the ends with an outcome: "web", "web and site2:db" or "". */
static void name_ends(const struct joined *joined, const enum outcome outcomes[static 2],
                      enum outcome outcome, char ret_names[static NAMES_SIZE])
{
    size_t length = 0;

    ret_names[0] = '\0';
    for (int i = 0; i < 2; i++) {
        char name[END_TEXT_SIZE];

        if (outcomes[i] != outcome)
            continue;
        end_to_text(&joined->end[i].end, name);
        length += (size_t)snprintf(ret_names + length, NAMES_SIZE - length, "%s%s",
                                   length ? " and " : "", name);
    }
}

/* Is each end that may be left another machine's? */
static bool is_left_elsewhere(const struct joined *joined, const enum outcome outcomes[static 2])
{
    for (int i = 0; i < 2; i++) {
        if (outcomes[i] == LEFT && !joined->end[i].end.host[0])
            return false;
    }
    return true;
}

/* Says what became of the ends. Returns the exit status. */
static int tell(const struct joined *joined, const enum outcome outcomes[static 2], bool forgotten,
                const struct failure *failure)
{
    char names[OUTCOMES][NAMES_SIZE], where[END_HOST_SIZE + 80];
    const char *host = joined->end[outcomes[1] == LEFT].end.host;

    (void)snprintf(where, sizeof(where),
                   " when %s answers, or cwg leave --forget %u if it never will",
                   host[0] ? host : "this machine", joined->net);
    for (int i = 0; i < OUTCOMES; i++)
        name_ends(joined, outcomes, (enum outcome)i, names[i]);
    if (forgotten) {
        const char *gap = names[REMOVED][0] || names[ABSENT][0] ? "; " : "";

        (void)printf("net %u: ", joined->net);
        if (names[REMOVED][0])
            (void)printf("removed at %s%s", names[REMOVED], names[ABSENT][0] ? "; " : "");
        if (names[ABSENT][0])
            (void)printf("not found any more at %s", names[ABSENT]);
        if (names[LEFT][0])
            (void)printf("%sforgotten, though an end may be left at %s", gap, names[LEFT]);
        (void)putchar('\n');
        return EXIT_DONE;
    }
    (void)fprintf(stderr, "cwg: %s; ", failure->text);
    if (names[REMOVED][0])
        (void)fprintf(stderr, "the end at %s is removed; ", names[REMOVED]);
    if (names[ABSENT][0])
        (void)fprintf(stderr, "the end at %s isn't found any more; ", names[ABSENT]);
    (void)fprintf(stderr, "%s at %s may be left: run cwg leave %u again",
                  outcomes[0] == outcomes[1]              ? "the ends"
                  : names[REMOVED][0] || names[ABSENT][0] ? "the one"
                                                          : "the end",
                  names[LEFT], joined->net);
    (void)fprintf(stderr, "%s\n", failure_is(failure, "unreachable") ? where : "");
    return EXIT_LEFT;
}

/* With `forget` a link is forgotten also if an end may be left at another machine. */
static int leave(const struct joined *joined, bool forget)
{
    struct sites sites = {.count = 0};
    struct end_seen seen[2];
    struct failure failure = {.text = ""};
    enum outcome outcomes[2];
    bool forgotten;

    signals_catch();
    ends_show_wait(joined, 1, NULL);
    ends_look(&sites, joined, 1, ENDS_LOOK_MS, seen);
    step_show("");
    forgotten = destroy(joined, seen, outcomes, &failure) == 0 ||
                (forget && !site_interrupted && is_left_elsewhere(joined, outcomes));
    if (forgotten)
        joined_forget(joined->net);
    ends_free(seen, 2);
    (void)sites_close(&sites);
    return tell(joined, outcomes, forgotten, &failure);
}

static int fail_unknown(void)
{
    return failed(
        "no such link was joined by you on this machine; cwg status shows those that were");
}

/* Fails, as links of different ends fit. */
static int fail_ambiguous(const struct joined *fitting, int count)
{
    struct failure failure = {.text = ""};

    (void)fail(&failure, "ambiguous", "several links have such ends: nets");
    for (int i = 0; i < count; i++)
        failure_add(&failure, " %u%s", fitting[i].net, i + 1 < count ? "," : "");
    failure_add(&failure, "; give the net of one");
    return failed(failure.text);
}

static bool names_user(const struct end ends[2])
{
    return strchr(ends[0].host, '@') || strchr(ends[1].host, '@');
}

/* Does a link have these very hosts, in either order? */
static bool has_hosts(const struct joined *joined, const struct end ends[2])
{
    const char *hosts[] = {joined->end[0].end.host, joined->end[1].end.host};

    return (strcmp(hosts[0], ends[0].host) == 0 && strcmp(hosts[1], ends[1].host) == 0) ||
           (strcmp(hosts[0], ends[1].host) == 0 && strcmp(hosts[1], ends[0].host) == 0);
}

/* Takes only the links with the very hosts, if USER@ is named and there are such links. Returns
 * their number. */
static int choose_by_user(const struct end ends[2], struct joined *fitting, int count)
{
    int taken = 0;

    for (int i = 0; i < count && names_user(ends); i++) {
        if (has_hosts(&fitting[i], ends))
            fitting[taken++] = fitting[i];
    }
    return taken ? taken : count;
}

/* Reads the remembered links that fit two ends. Returns their number. What can't be read is told,
 * and sets the exit status. */
static int find_fitting(const struct end ends[2], struct joined **ret_fitting, int *ret_status)
{
    struct failure failure = {.text = ""};
    uint32_t *nets;
    const int count = joined_list(&nets, &failure);
    struct joined *fitting = count > 0 ? calloc((size_t)count, sizeof(*fitting)) : NULL;
    int taken = 0;

    *ret_status = count < 0 ? failed(failure.text) : EXIT_DONE;
    for (int i = 0; i < count && fitting; i++) {
        const int found = joined_read(nets[i], &fitting[taken], &failure);

        if (found < 0)
            *ret_status = failed(failure.text);
        taken += found == 0 && may_have_ends(&fitting[taken], ends);
    }
    free(nets);
    *ret_fitting = fitting;
    return choose_by_user(ends, fitting, taken);
}

/* Leaves all links that were joined between two ends: of one whose containers were started again
 * only the memory is left, and that goes, too. */
static int leave_by_ends(const struct end ends[2], bool forget)
{
    struct joined *fitting = NULL;
    int status;
    const int count = find_fitting(ends, &fitting, &status);
    bool apart = false;

    for (int i = 1; i < count; i++)
        apart |= !have_same_ends(&fitting[0], &fitting[i]);
    if (count == 0 && status == EXIT_DONE)
        status = fail_unknown();
    else if (apart)
        status = fail_ambiguous(fitting, count);
    for (int i = 0; i < count && !apart && !site_interrupted; i++) {
        const int left = leave(&fitting[i], forget);

        status = left > status ? left : status;
    }
    free(fitting);
    return status;
}

static int leave_by_net(const char *text, bool forget)
{
    struct failure failure = {.text = ""};
    struct joined joined;
    uint32_t net;
    int found;

    if (decimal_parse(text, LINK_NET_MAX, &net))
        return wrong("NET must be a number from 0 to 8388607; cwg status shows it");
    found = joined_read(net, &joined, &failure);
    if (found > 0)
        return fail_unknown();
    return found < 0 ? failed(failure.text) : leave(&joined, forget);
}

int run_leave(int argc, char *argv[])
{
    static const struct option known[] = {{"forget", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    struct failure failure = {.text = ""};
    struct end ends[2];
    bool forget = false;
    int option;

    while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == '?' || option == ':')
            return wrong_option("leave", option);
        forget = true;
    }
    argv += optind;
    if (argc - optind == 1)
        return leave_by_net(argv[0], forget);
    if (argc - optind != 2)
        return wrong("leave takes a net, or two ends");
    if (end_parse(argv[0], "the first END", &ends[0], &failure) ||
        end_parse(argv[1], "the second END", &ends[1], &failure))
        return wrong(failure.text);
    return leave_by_ends(ends, forget);
}

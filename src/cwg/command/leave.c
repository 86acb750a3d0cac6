/* `cwg leave`: removes a link at both ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/command/command.h"
#include "cwg/join/ends.h"
#include "cwg/site/calls.h"
#include "cwg/site/signals.h"
#include "link/decimal.h"
#include "link/link.h"

enum {
    DESTROY_MS = 60000,
};

/* Are two names of the same end? A name without an engine is that of any. */
static bool is_same(const struct end *named, const struct end *joined)
{
    return strcmp(named->host, joined->host) == 0 && strcmp(named->name, joined->name) == 0 &&
           (!named->engine[0] || strcmp(named->engine, joined->engine) == 0);
}

static bool has_ends(const struct joined *joined, const struct end ends[2])
{
    return (is_same(&ends[0], &joined->end[0].end) && is_same(&ends[1], &joined->end[1].end)) ||
           (is_same(&ends[0], &joined->end[1].end) && is_same(&ends[1], &joined->end[0].end));
}

/* Destroys the link at the ends that have it. Returns 0, or -1 if one couldn't be asked. */
static int destroy(const struct joined *joined, struct end_seen seen[2], struct failure *failure)
{
    struct call calls[2];
    size_t count = 0;
    int error = 0;

    for (int i = 0; i < 2; i++) {
        const struct failure *told = &seen[i].failure;

        /* A link goes with its container. */
        if (told->text[0] && !failure_is(told, "no-such-container") &&
            !failure_is(told, "not-running")) {
            *failure = *told;
            error = -1;
        }
        if (seen[i].link)
            calls[count++] =
                (struct call){.site = seen[i].site,
                              .request = request_destroy(seen[i].container, joined->net, i)};
    }
    if (calls_run(calls, count, DESTROY_MS))
        error = calls_fail(calls, count, failure);
    calls_free(calls, count);
    return error;
}

static int leave(const struct joined *joined)
{
    struct sites sites = {.count = 0};
    struct end_seen seen[2];
    struct failure failure = {.text = ""};
    int error;

    signals_catch();
    ends_look(&sites, joined, 1, ENDS_LOOK_MS, seen);
    error = destroy(joined, seen, &failure);
    ends_free(seen, 2);
    (void)sites_close(&sites);
    if (error) {
        (void)fprintf(stderr,
                      "cwg: %s; the other end has been removed if it was reached: run cwg leave "
                      "%u again\n",
                      failure.text, joined->net);
        return EXIT_LEFT;
    }
    joined_forget(joined->net);
    return EXIT_DONE;
}

static int fail_unknown(void)
{
    return failed(
        "no such link was joined by you on this machine; cwg status shows those that were");
}

/* Leaves all links that were joined between two ends: of one whose containers were started again
 * only the memory is left, and that goes, too. */
static int leave_by_ends(const struct end ends[2])
{
    struct failure failure = {.text = ""};
    uint32_t *nets;
    const int count = joined_list(&nets, &failure);
    int status = EXIT_DONE;
    bool any = false;

    for (int i = 0; i < count && !site_interrupted; i++) {
        struct joined joined;
        const int found = joined_read(nets[i], &joined, &failure);
        int left = EXIT_DONE;

        if (found < 0)
            left = failed(failure.text);
        else if (found == 0 && has_ends(&joined, ends))
            left = leave(&joined);
        any |= found < 0 || (found == 0 && has_ends(&joined, ends));
        status = left > status ? left : status;
    }
    free(nets);
    if (count < 0)
        return failed(failure.text);
    return any ? status : fail_unknown();
}

static int leave_by_net(const char *text)
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
    return found < 0 ? failed(failure.text) : leave(&joined);
}

int run_leave(int argc, char *argv[])
{
    struct failure failure = {.text = ""};
    struct end ends[2];

    if (argc == 2)
        return leave_by_net(argv[1]);
    if (argc != 3)
        return wrong("leave takes a net, or two ends");
    if (end_parse(argv[1], "the first END", &ends[0], &failure) ||
        end_parse(argv[2], "the second END", &ends[1], &failure))
        return wrong(failure.text);
    return leave_by_ends(ends);
}

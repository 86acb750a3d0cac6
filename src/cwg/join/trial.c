#include "cwg/join/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/checkup/measure.h"
#include "cwg/join/side.h"

enum {
    SCRATCH_MS = 20000,
    LOOK_MS = 30000,
};

/* What both ends of the link show. */
struct view {
    int64_t received[2]; /* bytes from the peer, handshakes too; -1 if it isn't told */
    int64_t mtu[2];      /* 0 if it isn't told */
};

/* Starts a scratch process at both machines. They are the link's containers, by their pids. */
static int start_scratches(struct work *work, struct join_options *options, struct failure *failure)
{
    struct call calls[2];
    int64_t pid;

    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = work->side[i].site, .request = request_plain("scratch")};
    if (calls_run(calls, 2, SCRATCH_MS)) {
        calls_fail(calls, 2, failure);
        calls_free(calls, 2);
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        struct end *end = &options->end[i];

        if (json_whole(calls[i].answer, "pid", 1, INT32_MAX, &pid)) {
            calls_free(calls, 2);
            return fail(failure, "protocol", "%s: cwg there tells no pid of a scratch process",
                        site_name(work->side[i].site));
        }
        (void)snprintf(end->host, sizeof(end->host), "%s", work->side[i].site->host);
        (void)snprintf(end->engine, sizeof(end->engine), "pid");
        (void)snprintf(end->name, sizeof(end->name), "%d", (int)pid);
        work->joined.end[i].end = *end;
    }
    calls_free(calls, 2);
    return 0;
}

/* Takes what an end shows of the link. */
static void take_view(const struct work *work, int host, const json_t *answer, struct view *view)
{
    const json_t *link;
    int64_t net;
    size_t i;

    view->received[host] = -1;
    view->mtu[host] = 0;
    json_array_foreach(json_object_get(answer, "links"), i, link)
    {
        if (json_whole(link, "net", work->joined.net, work->joined.net, &net))
            continue;
        (void)json_whole(link, "mtu", MEASURE_LINK_MIN, MEASURE_LINK_MAX, &view->mtu[host]);
        (void)json_whole(json_object_get(link, "peer"), "wire_received_bytes", 0, INT64_MAX,
                         &view->received[host]);
    }
}

static int look(const struct work *work, struct view *ret_view)
{
    struct call calls[2];
    int error;

    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = work->side[i].site,
                                 .request = request_look(&work->options->end[i])};
    error = calls_run(calls, 2, LOOK_MS);
    for (int i = 0; i < 2; i++)
        take_view(work, i, calls[i].answer, ret_view);
    calls_free(calls, 2);
    return error;
}

/* Where a side listens, for people. */
static const char *place_of(const struct side *side)
{
    return strcmp(side->endpoint, "-") == 0 ? "behind a NAT" : side->endpoint;
}

/* Finds out which direction is closed, by the bytes that each end has received. Both ends have
 * sent, but not to one behind a NAT that nothing has come from: nobody can begin with it. */
static void tell_direction(const struct work *work, struct failure *failure)
{
    const int one = work_first(work), other = 1 - one;
    const struct side *sides[2] = {&work->side[one], &work->side[other]};
    const char *names[2] = {site_name(sides[0]->site), site_name(sides[1]->site)};
    struct view view;

    if (look(work, &view) || view.received[one] < 0 || view.received[other] < 0)
        return;
    if (view.received[other] == 0 && strcmp(sides[0]->endpoint, "-") == 0)
        fail(failure, "silent",
             "no UDP from %s (behind a NAT) reaches %s (%s), which can't begin with it: open UDP "
             "for packets that come in at %s, or try another --endpoint in a join",
             names[0], names[1], place_of(sides[1]), names[1]);
    else if (view.received[one] == 0 && view.received[other] == 0)
        fail(failure, "silent",
             "no UDP passes between %s (%s) and %s (%s), in neither direction: open UDP in the "
             "firewalls of both and between them",
             names[0], place_of(sides[0]), names[1], place_of(sides[1]));
    else if (view.received[one] == 0)
        fail(failure, "silent",
             "UDP from %s reaches %s (%s), but none from %s reaches %s (%s): open UDP for packets "
             "that come in at %s",
             names[0], names[1], place_of(sides[1]), names[1], names[0], place_of(sides[0]),
             names[0]);
    else if (view.received[other] == 0)
        fail(failure, "silent",
             "UDP from %s reaches %s (%s), but none from %s reaches %s (%s): open UDP for packets "
             "that come in at %s",
             names[1], names[0], place_of(sides[0]), names[0], names[1], place_of(sides[1]),
             names[1]);
    else
        fail(failure, "silent",
             "UDP passes both ways between %s (%s) and %s (%s), but a link's packets get no answer "
             "in time: packets are lost on the way",
             names[0], place_of(sides[0]), names[1], place_of(sides[1]));
}

static int try_steps(struct work *work, struct trial *trial, struct failure *failure)
{
    bool joined;
    int error = work_look(work, &joined, failure);

    if (!error)
        error = work_judge_nat(work, failure);
    if (!error)
        error = work_create(work, failure);
    if (error)
        return error;
    trial->tried = true;
    error = work_connect(work, failure);
    if (error && failure_is(failure, "silent"))
        tell_direction(work, failure);
    return error;
}

static void take_result(const struct work *work, struct trial *trial)
{
    struct view view;

    for (int i = 0; i < 2; i++)
        (void)snprintf(trial->endpoint[i], ENDPOINT_TEXT_SIZE, "%s", work->side[i].endpoint);
    trial->milliseconds = (int)work->milliseconds;
    trial->second_began = work->second_began;
    (void)look(work, &view);
    for (int i = 0; i < 2; i++)
        trial->mtu[i] = (int)view.mtu[i];
}

int trial_run(struct site *one, struct site *other, struct trial *ret_trial,
              struct failure *failure)
{
    struct join_options options = {.json = true};
    struct work *work = calloc(1, sizeof(*work));
    int error;

    *ret_trial = (struct trial){.tried = false};
    if (!work)
        return fail_errno(failure, ENOMEM, "can't try UDP");
    work->options = &options;
    work->begun = clock_now();
    work->side[0].site = one;
    work->side[1].site = other;
    for (int i = 0; i < 2; i++) {
        work->side[i].end = &work->joined.end[i];
        (void)snprintf(work->side[i].endpoint, ENDPOINT_TEXT_SIZE, "-");
    }
    error = start_scratches(work, &options, failure);
    if (!error)
        error = try_steps(work, ret_trial, failure);
    if (!error)
        take_result(work, ret_trial);
    for (int i = 0; i < 2; i++)
        json_decref(work->side[i].links);
    free(work);
    return error;
}

/* cwg_destroy_all: removes all links of a container. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/backend/backends.h"
#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "helper/command/task.h"
#include "helper/view/links.h"

enum {
    /* Root in the container can make devices as fast as we remove them, and have us wait two
     * seconds each for processes that are no engines. */
    TIME_MAX = 120 * 1000, /* milliseconds */
    FAILURES_MAX = 10,
};

/* What became of the links. */
struct tally {
    unsigned int removed;
    unsigned int lingering; /* removed, but its engine hasn't ended */
    unsigned int left;      /* not removed in this round */
    struct failure first;
    int error; /* of `first`; or 0 */
};

/* Removes one link. A device that has gone, or is another's, is left alone. */
static void remove_one(struct target *target, struct link_end end, struct tally *tally)
{
    struct failure failure = {.text = ""}, ignored;
    struct device device;
    int error = device_find(target, end, &device, &failure);

    if (error == DEVICE_ABSENT || error == DEVICE_FOREIGN)
        return;
    if (error == DEVICE_OURS)
        error = backend_of(&device)->remove(target, &device, &failure);
    if (!error) {
        tally->removed++;
        return;
    }
    if (!tally->error) {
        tally->error = error;
        tally->first = failure;
    }
    if (device_find(target, end, &device, &ignored) == DEVICE_ABSENT)
        tally->lingering++;
    else
        tally->left++;
}

static unsigned int failures(const struct tally *tally)
{
    return tally->lingering + tally->left;
}

static int fail_some(const struct tally *tally, struct failure *failure)
{
    unsigned int bad = failures(tally);

    return fail_as(failure, tally->first.code, tally->error,
                   "%u of %u links were not removed, or their engines have not ended; the first: "
                   "%s",
                   bad, bad + tally->removed, tally->first.text);
}

static int fail_endless(const struct tally *tally, struct failure *failure)
{
    return fail_as(
        failure, tally->first.code, -EBUSY,
        "gave up after %s: %u links were removed, and others remain; if engines are stopped, or "
        "somebody in the container makes links all the time, end these first, and try again",
        failures(tally) < FAILURES_MAX ? "two minutes" : "ten failures",
        tally->removed + tally->lingering);
}

static bool is_over(const struct tally *tally, int64_t end)
{
    return failures(tally) >= FAILURES_MAX || clock_now() >= end;
}

/* Removes the found links. Returns true if at least one was removed. */
static bool remove_found(struct target *target, const struct links *found, int64_t end,
                         struct tally *tally)
{
    const unsigned int before = tally->removed + tally->lingering;

    tally->left = 0;
    for (size_t i = 0; i < found->count && !is_over(tally, end); i++)
        remove_one(target, found->link[i].device.end, tally);
    return tally->removed + tally->lingering > before;
}

/* Removes links round by round, until none is found, or the rest can't be removed. */
static int run(struct session *session, const struct request *request, struct target *target,
               struct failure *failure)
{
    static struct links found;
    struct tally tally = {.removed = 0};
    const int64_t end = clock_now() + TIME_MAX;
    bool further = true;

    (void)session;
    while (further) {
        int error = links_collect(target, request->nets, &found, failure);

        if (error)
            return error;
        if (found.count == 0) {
            tally.left = 0; /* the rest has gone by itself */
            break;
        }
        if (is_over(&tally, end))
            return fail_endless(&tally, failure);
        further = remove_found(target, &found, end, &tally) || is_over(&tally, end);
    }
    return failures(&tally) > 0 ? fail_some(&tally, failure) : 0;
}

const struct task task_destroy_all = {
    .name = "cwg_destroy_all",
    .summary = "remove all links of a container",
    .details = "Removes all links from the network namespace of process <pid>, finished or "
               "not, and frees their UDP ports. A link is a device named " CWG_PREFIX
               "-<net>-<host>. Succeeds if there are none; with --if-exists also if there is "
               "no such process any more. If a link can't be removed, the others are removed "
               "all the same. Prints nothing.\n",
    .arguments = {ARGUMENT_PID},
    .options = {OPTION_IF_EXISTS, OPTION_JSON, 0},
    .changes = true,
    .in_batch = true,
    .seconds = TIME_MAX / 1000,
    .run = run,
};

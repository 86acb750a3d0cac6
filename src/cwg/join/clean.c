#include <stdlib.h>

#include "cwg/base/json.h"
#include "cwg/join/side.h"

enum {
    CLEAN_MS = 20000,
};

/* Lets a side's agent keep its end no more, before the end is destroyed: the agent would make it
 * again. An end that was there before this join stays. */
static int release_side(const struct work *work, int i, struct site *site)
{
    const struct side *side = &work->side[i];
    struct call forget = {
        .site = site,
        .request = request_forget(work->joined.net, work->swapped ? 1 - i : i, !side->made)};
    const int error = calls_run(&forget, 1, CLEAN_MS);

    calls_free(&forget, 1);
    return error;
}

/* Removes a side's end by a new session, over a connection of its own: the old one was lost before
 * it said that it is done. The old one, if it lives, removes the same end when it notices its own
 * end. */
static int destroy_side(const struct work *work, int host, struct site *site)
{
    struct call look = {.site = site, .request = request_look(&work->side[host].end->end)};
    struct call destroy = {.site = site};
    int64_t container;
    int error = calls_run(&look, 1, CLEAN_MS);

    /* A link goes with its container. */
    if (error && (failure_is(&look.failure, "no-such-container") ||
                  failure_is(&look.failure, "not-running")))
        return 0;
    if (!error)
        error = json_whole(look.answer, "container", 0, INT32_MAX, &container);
    if (!error) {
        destroy.request = request_destroy((int)container, work->joined.net, host);
        error = calls_run(&destroy, 1, CLEAN_MS);
    }
    calls_free(&look, 1);
    calls_free(&destroy, 1);
    return error;
}

void work_clean(struct work *work)
{
    site_interrupted = 0;
    for (int i = 0; i < 2; i++) {
        struct side *side = &work->side[i];
        struct site *site = side->made || side->newly_kept ? malloc(sizeof(*site)) : NULL;
        struct failure failure = {.text = ""};

        if (site && site_open_apart(site, side->site->host, &failure) == 0) {
            if (!side->newly_kept || release_side(work, i, site) == 0) {
                side->newly_kept = false;
                side->made = side->made && destroy_side(work, i, site) != 0;
            }
            (void)site_close(site);
        }
        free(site);
    }
}

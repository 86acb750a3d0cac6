#include <stdlib.h>

#include "cwg/base/json.h"
#include "cwg/join/side.h"

enum {
    CLEAN_MS = 20000,
};

/* Removes a side's end by a new session, over a connection of its own: the old one was lost before
 * it said that it is done. The old one, if it lives, removes the same end when it notices its own
 * end. */
static int clean_side(struct work *work, int host, struct site *site)
{
    struct side *side = &work->side[host];
    struct call look = {.site = site, .request = request_look(&side->end->end)};
    struct call destroy = {.site = site};
    int64_t container;
    int error;

    if (work->options->keep) {
        struct call forget = {.site = site, .request = request_forget(work->joined.net, host)};

        error = calls_run(&forget, 1, CLEAN_MS);
        calls_free(&forget, 1);
        if (error) {
            json_decref(look.request);
            return error;
        }
    }
    error = calls_run(&look, 1, CLEAN_MS);

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
        struct site *site = work->side[i].made ? malloc(sizeof(*site)) : NULL;
        struct failure failure = {.text = ""};

        if (site && site_open_apart(site, work->side[i].site->host, &failure) == 0) {
            work->side[i].made = clean_side(work, i, site) != 0;
            (void)site_close(site);
        }
        free(site);
    }
}

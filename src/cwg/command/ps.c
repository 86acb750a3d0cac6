/* `cwg ps`: the containers of this machine that could be joined, with their links. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/command/command.h"
#include "cwg/container/attached.h"
#include "cwg/container/engines.h"
#include "cwg/site/calls.h"
#include "cwg/site/signals.h"
#include "link/link.h"

enum {
    LOOK_MS = 60000,
    LINKS_SIZE = 256,
};

/* Writes "wg-7-0 connected, wg-8-1 idle". Root in the container chooses a device's name. */
static void links_to_text(const json_t *links, char ret_text[static LINKS_SIZE])
{
    const json_t *link;
    size_t i;

    ret_text[0] = '\0';
    json_array_foreach(links, i, link)
    {
        const char *name = json_text(link, "name", LINK_NAME_SIZE - 1);
        const char *state = json_text(link, "state", 31);
        const size_t length = strlen(ret_text);

        if (name && state)
            (void)snprintf(ret_text + length, LINKS_SIZE - length, "%s%s %s", i ? ", " : "",
                           end_is_name(name) ? name : "?", state);
    }
    if (!ret_text[0])
        (void)snprintf(ret_text, LINKS_SIZE, "-");
}

static void print_container(const struct call *call)
{
    const char *engine = json_text(call->answer, "engine", END_ENGINE_SIZE - 1);
    const char *name = json_text(call->answer, "name", END_NAME_SIZE - 1);
    char links[LINKS_SIZE];
    int64_t pid = 0;

    (void)json_whole(call->answer, "pid", 1, INT32_MAX, &pid);
    links_to_text(json_object_get(call->answer, "links"), links);
    (void)printf("%-10s %-30s %8d  %s\n", engine ? engine : "?", name ? name : "?", (int)pid,
                 links);
}

/* Says on standard error what is wrong, but not the same as last. */
static void print_trouble(const char *text, struct failure *last)
{
    if (strcmp(text, last->text) != 0)
        (void)fprintf(stderr, "cwg: %s\n", text);
    (void)snprintf(last->text, sizeof(last->text), "%s", text);
}

/* Does an answer show nothing that is worth a word? A container may have gone; and of root's that
 * are attached the caller may see the names, though the helper refuses to look at them. */
static bool is_quiet(const struct call *call, bool attached)
{
    return failure_is(&call->failure, "not-running") ||
           failure_is(&call->failure, "no-such-container") ||
           (attached && failure_is(&call->failure, "not-permitted"));
}

/* Asks this machine's own session for containers, and prints them. Those from `listed` on are known
 * by plugins alone. Returns 0, or -1. */
static int print_all(struct site *site, const struct end *ends, size_t listed, size_t count)
{
    struct failure last = {.text = ""};
    int error = 0;

    for (size_t i = 0; i < count; i += CALLS_MAX) {
        struct call calls[CALLS_MAX];
        size_t some = 0;

        for (; some < CALLS_MAX && i + some < count; some++)
            calls[some] = (struct call){.site = site, .request = request_look(&ends[i + some])};
        (void)calls_run(calls, some, LOOK_MS);
        for (size_t j = 0; j < some; j++) {
            if (!calls[j].failed) {
                print_container(&calls[j]);
            } else if (!is_quiet(&calls[j], i + j >= listed)) {
                print_trouble(calls[j].failure.text, &last);
                error = -1;
            }
        }
        calls_free(calls, some);
    }
    return error;
}

/* The containers that engines tell of, and behind `listed` those that plugins alone tell of. */
struct listing {
    struct end *ends; /* for free() */
    int listed, count;
    struct failure troubles[ENGINES_MAX]; /* of engines */
    struct failure unread;                /* why what plugins tell couldn't be read; or no text */
};

/* Returns 0, or -1. */
static int list_all(struct listing *ret_listing, struct failure *failure)
{
    struct listing *listing = ret_listing;

    listing->unread.text[0] = '\0';
    listing->listed = engines_list(&listing->ends, listing->troubles, failure);
    listing->count = listing->listed < 0 ? -1
                                         : attached_list(&listing->ends, listing->listed,
                                                         &listing->unread, failure);
    return listing->count < 0 ? -1 : 0;
}

/* Prints the names alone: no container and no helper is asked, so that completions can wait. */
static int print_names(void)
{
    struct failure failure = {.text = ""};
    struct listing listing;
    const int error = list_all(&listing, &failure);

    for (int i = 0; i < listing.count; i++)
        (void)printf("%s/%s\n", listing.ends[i].engine, listing.ends[i].name);
    free(listing.ends);
    if (error || listing.unread.text[0])
        return failed(error ? failure.text : listing.unread.text);
    return EXIT_DONE;
}

/* Says on standard error which containers aren't in the list. Returns 0; or -1 if nobody knows
 * whether there are any. */
static int print_troubles(const struct listing *listing)
{
    for (size_t i = 0; i < engine_count; i++) {
        if (listing->troubles[i].text[0])
            (void)fprintf(stderr, "cwg: %s\n", listing->troubles[i].text);
    }
    if (!listing->unread.text[0])
        return 0;
    (void)failed(listing->unread.text);
    return -1;
}

/* Prints the containers of a list with their links. Returns 0, or -1. */
static int print_list(const struct listing *listing)
{
    struct failure failure = {.text = ""};
    struct site *site = malloc(sizeof(*site));
    int error = site ? site_open(site, "", &failure)
                     : fail_errno(&failure, ENOMEM, "can't start a session");

    if (!error) {
        (void)printf("%-10s %-30s %8s  %s\n", "ENGINE", "NAME", "PID", "LINKS");
        error = print_all(site, listing->ends, (size_t)listing->listed, (size_t)listing->count);
        (void)site_close(site);
    } else {
        (void)failed(failure.text);
    }
    free(site);
    return error;
}

int run_ps(int argc, char *argv[])
{
    struct failure failure = {.text = ""};
    struct listing listing;
    int error, unread;

    if (argc == 2 && strcmp(argv[1], "--names") == 0)
        return print_names();
    if (argc > 1)
        return wrong(argv[1][0] == '-' ? "ps takes no option but --names"
                                       : "ps takes no arguments");
    signals_catch();
    error = list_all(&listing, &failure);
    if (error) {
        free(listing.ends);
        return failed(failure.text);
    }
    unread = print_troubles(&listing);
    error = print_list(&listing);
    free(listing.ends);
    return error || unread ? EXIT_FAILED : EXIT_DONE;
}

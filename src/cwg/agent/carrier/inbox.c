#include "cwg/agent/carrier/inbox.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/lines.h"
#include "cwg/machine/addresses.h"
#include "cwg/store/caller.h"
#include "cwg/store/post.h"

/* Watches what is told to the site. Returns inotify's descriptor, or a negative errno. */
static int watch_out(const struct store *store, const char *path, const char *site)
{
    const int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char folder[PATH_MAX];

    if (changes < 0)
        return -errno;
    (void)mkdirat(store->directory, "out", 0700);
    (void)snprintf(folder, sizeof(folder), "out/%s", site);
    (void)mkdirat(store->directory, folder, 0700);
    (void)snprintf(folder, sizeof(folder), "%.3900s/out/%s", path, site);
    if (inotify_add_watch(changes, folder, IN_MOVED_TO | IN_DELETE) >= 0)
        return changes;
    close(changes);
    return -errno;
}

/* Takes the lines that have come. Returns 0; 1 at the end; or -1. */
static int take_lines(struct post *post, struct lines *input, struct failure *failure)
{
    enum lines_found found = lines_fill(input);
    char *line;

    while (found == LINES_MORE && (found = lines_take(input, &line)) == LINES_LINE) {
        if (post_take(post, line, failure) < 0)
            return -1;
        found = LINES_MORE;
    }
    if (found == LINES_TOO_LONG)
        return fail(failure, "protocol", "%s: it sends too long a line", post->site);
    return found == LINES_END ? 1 : 0;
}

/* Sends the records that have changed. */
static int send_changes(struct post *post, int changes, struct failure *failure)
{
    char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t length;

    while ((length = read(changes, buffer, sizeof(buffer))) > 0) {
        for (const char *next = buffer; next < buffer + length;) {
            const struct inotify_event *event = (const void *)next;

            /* Without a name: events were lost, or the directory. */
            if (post_send(post, event->len ? event->name : NULL, failure))
                return -1;
            next += sizeof(*event) + event->len;
        }
    }
    return 0;
}

static int carry(struct post *post, struct caller *caller, int changes, struct failure *failure)
{
    struct lines input = {.fd = 0};
    int result = 0;

    while (result == 0) {
        const int64_t due = post_run(post, failure);
        struct pollfd waited[] = {{.fd = 0, .events = POLLIN},
                                  {.fd = changes, .events = POLLIN},
                                  {.fd = post_waits(post) ? post->out : -1, .events = POLLOUT}};

        if (due < 0)
            return -1;
        if (poll(waited, 3, clock_until(due)) < 0 && errno != EINTR)
            return fail_errno(failure, errno, "can't wait");
        if (waited[1].revents)
            result = send_changes(post, changes, failure);
        if (waited[0].revents && result == 0)
            result = take_lines(post, &input, failure);
        if (post->greeted)
            caller_hear(caller, post->heard);
    }
    return result < 0 ? -1 : 0;
}

/* Speaks with the site, and tells `cwg status` that it calls. */
static int speak(const struct store *store, const char *site, int changes, struct failure *failure)
{
    char from[ADDRESS_SIZE];
    struct caller caller;
    struct post post;
    int error;

    if (!addresses_of_ssh(0, from))
        from[0] = '\0';
    if (caller_open(&caller, store, site, from, failure))
        return -1;
    error =
        post_begin(&post, store, site, 1, failure) ? -1 : carry(&post, &caller, changes, failure);
    post_end(&post);
    caller_close(&caller);
    return error;
}

/* A key whose command in authorized_keys is this one carries records, whatever is asked by it. */
static int check_asked(const char *site, struct failure *failure)
{
    const char *asked = getenv("SSH_ORIGINAL_COMMAND");

    return asked && strncmp(asked, "cwg serve", 9) == 0
               ? fail(
                     failure, "usage",
                     "this key of ssh's may do nothing but `cwg inbox %s`: cwg join and cwg doctor "
                     "need another one",
                     site)
               : 0;
}

int inbox_run(const char *path, const char *site, struct failure *failure)
{
    struct store store;
    int changes, error;

    (void)signal(SIGPIPE, SIG_IGN);
    if (check_asked(site, failure) || store_open(&store, path, failure))
        return -1;
    changes = watch_out(&store, path, site);
    if (changes < 0) {
        store_close(&store);
        return fail_errno(failure, -changes, "can't watch the store");
    }
    error = speak(&store, site, changes, failure);
    close(changes);
    store_close(&store);
    return error;
}

#include "cwg/agent/loop/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cwg/base/clock.h"

enum {
    LOOKUP_MS = 70000, /* an engine has two programs that may take 30 s each: they end first */
    RETRY_MS = 100,
    APART_MS = 300000,
};

/* What a child tells of a container, with its descriptor if there is one. */
struct told {
    size_t place; /* in the child's questions */
    int error;
    struct container container;
    struct failure failure;
};

void lookups_open(struct lookups *lookups, struct loop *loop)
{
    *lookups = (struct lookups){.loop = loop, .patience = LOOKUP_MS};
    lookups->last = &lookups->first;
}

void lookups_add(struct lookups *lookups, struct lookup *lookup)
{
    lookup->next = NULL;
    *lookups->last = lookup;
    lookups->last = &lookup->next;
}

/* Sends what was found. */
static void tell(int socket, struct told *told)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {.iov_base = told, .iov_len = sizeof(*told)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    const int fd = told->container.pidfd >= 0 ? told->container.pidfd : told->container.netns;

    if (!told->error) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    }
    (void)sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* The child's work. */
static void find(void *context, int socket)
{
    const struct lookup_child *child = context;
    struct lookup *const *asked = child->asked;
    const size_t count = child->count;
    struct container_answer *answers = calloc(count, sizeof(*answers));

    for (size_t i = 0; answers && i < count; i++)
        answers[i] = (struct container_answer){.name = asked[i]->name,
                                               .by_process = child->lookups->by_process};
    if (answers)
        container_find_all(asked[0]->engine, answers, count);
    for (size_t i = 0; answers && i < count; i++) {
        struct told told = {.place = i,
                            .error = answers[i].error,
                            .container = answers[i].container,
                            .failure = answers[i].failure};

        tell(socket, &told);
        container_close(&answers[i].container);
    }
    free(answers);
}

/* Receives what a child tells of one, with its descriptor. Returns 1, or 0 at its end. */
static int receive(int socket, struct told *ret_told)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {.iov_base = ret_told, .iov_len = sizeof(*ret_told)};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    const struct cmsghdr *header;
    int fd;

    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*ret_told))
        return 0;
    if (ret_told->error)
        return 1;
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS) {
        ret_told->error = fail(&ret_told->failure, "system", "a look-up found no process");
        return 1;
    }
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    *(ret_told->container.pid ? &ret_told->container.pidfd : &ret_told->container.netns) = fd;
    return 1;
}

/* Ends a child. The caller frees its questions. */
static struct lookup **end_child(struct lookup_child *child)
{
    struct lookup **asked = child->asked;

    child_end(&child->child, child->lookups->loop);
    /* One container that an engine hangs at holds up all that are asked with it. */
    if (child->count > 1 && clock_now() - child->begun > child->lookups->patience / 4)
        child->lookups->apart = clock_now() + APART_MS;
    child->asked = NULL;
    return asked;
}

static void fail_lookups(struct lookup **asked, size_t count, const struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        if (asked[i])
            asked[i]->done(asked[i], NULL, failure);
    }
    free(asked);
}

static void hear(struct watch *watch, uint32_t events)
{
    struct lookup_child *child = watch->owner;
    struct lookup *lookup = NULL;
    struct told told = {.error = -1};

    (void)events;
    if (receive(watch->fd, &told) && told.place < child->count)
        lookup = child->asked[told.place];
    if (!lookup) {
        struct failure failure = {.text = ""};
        const size_t count = child->count;

        fail(&failure, "system", "a look-up ended without a word");
        fail_lookups(end_child(child), count, &failure);
        return;
    }
    child->asked[told.place] = NULL;
    if (--child->left == 0)
        free(end_child(child));
    lookup->done(lookup, told.error ? NULL : &told.container, told.error ? &told.failure : NULL);
}

/* Takes the first question, and with it others that go to the same engine. Returns their number; 0
 * if there is no memory. The caller frees them. */
static size_t take_some(struct lookups *lookups, struct lookup ***ret_asked)
{
    const char *engine = lookups->first->engine;
    const bool alone = clock_now() < lookups->apart || container_asks_one(engine);
    const size_t most = alone ? 1 : CONTAINERS_AT_ONCE;
    struct lookup **asked = calloc(most, sizeof(void *));
    struct lookup **next = &lookups->first;
    size_t count = 0;

    while (asked && *next && count < most) {
        struct lookup *lookup = *next;

        if (strcmp(lookup->engine, engine) == 0) {
            asked[count++] = lookup;
            *next = lookup->next;
        } else {
            next = &lookup->next;
        }
    }
    while (*next)
        next = &(*next)->next;
    lookups->last = next;
    *ret_asked = asked;
    return count;
}

/* Gives a free child something to do. Returns when it is to be tried again. */
static int64_t employ(struct lookups *lookups, struct lookup_child *child)
{
    struct failure failure = {.text = ""};
    struct lookup **asked;
    size_t count;
    int error;

    child->lookups = lookups;
    count = take_some(lookups, &asked);
    if (count == 0)
        return clock_now() + RETRY_MS;
    child->asked = asked;
    child->count = child->left = count;
    child->begun = clock_now();
    error = child_start(&child->child, lookups->loop, find, child, hear, child);
    if (!error)
        return child->begun + lookups->patience;
    child->asked = NULL; /* there is no child */
    fail_errno(&failure, -error, "can't look a container up");
    fail_lookups(asked, count, &failure);
    return clock_now() + RETRY_MS; /* for the ones behind it */
}

int64_t lookups_run(struct lookups *lookups)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < LOOKUPS_AT_ONCE; i++) {
        struct lookup_child *child = &lookups->child[i];
        int64_t due = INT64_MAX;

        if (child->asked && child->begun + lookups->patience <= clock_now()) {
            struct failure failure = {.text = ""};
            const size_t count = child->count;

            fail(&failure, "timeout", "an engine doesn't answer");
            fail_lookups(end_child(child), count, &failure);
        }
        if (child->asked)
            due = child->begun + lookups->patience;
        else if (lookups->first)
            due = employ(lookups, child);
        next = due < next ? due : next;
    }
    return next;
}

void lookups_close(struct lookups *lookups)
{
    for (size_t i = 0; i < LOOKUPS_AT_ONCE; i++) {
        if (lookups->child[i].asked)
            free(end_child(&lookups->child[i]));
    }
    lookups->first = NULL;
    lookups->last = &lookups->first;
}

#include "cwg/agent/lookup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"

enum {
    LOOKUP_MS = 40000, /* an engine has two programs that may take 15 s each: they end first */
    RETRY_MS = 100,
};

/* What a child tells, with the container's descriptor if there is one. */
struct told {
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

/* The child needs no other descriptor of the agent's, and above all not the store's: its lock
 * would be the child's, too, and keep the next agent from starting. Returns the socket. */
static int keep_only(int socket)
{
    if (socket > 3 && dup2(socket, 3) == 3)
        socket = 3;
    if (close_range((unsigned int)socket + 1, ~0U, 0) < 0) { /* before Linux 5.9 */
        for (int fd = socket + 1; fd < sysconf(_SC_OPEN_MAX); fd++)
            close(fd);
    }
    return socket;
}

static _Noreturn void find(const struct lookup *lookup, int socket)
{
    struct told told = {.container = {.pidfd = -1, .netns = -1}};

    socket = keep_only(socket);
    told.error = container_find(lookup->engine, lookup->name, &told.container, &told.failure);
    tell(socket, &told);
    _exit(0);
}

/* Receives what a child found, with its descriptor. Returns 0, or -1. */
static int receive(int socket, struct told *ret_told, struct failure *failure)
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
        return fail(failure, "system", "a look-up ended without a word");
    if (ret_told->error) {
        *failure = ret_told->failure;
        return -1;
    }
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS)
        return fail(failure, "system", "a look-up found no process");
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    *(ret_told->container.pid ? &ret_told->container.pidfd : &ret_told->container.netns) = fd;
    return 0;
}

static struct lookup *end_child(struct lookup_child *child)
{
    struct lookup *lookup = child->lookup;
    const int socket = child->watch.fd;

    loop_remove(child->lookups->loop, &child->watch);
    close(socket);
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    child->lookup = NULL;
    return lookup;
}

static void hear(struct watch *watch, uint32_t events)
{
    struct lookup_child *child = watch->owner;
    struct failure failure = {.text = ""};
    struct told told = {.error = -1};
    const int error = receive(watch->fd, &told, &failure);
    struct lookup *lookup = end_child(child);

    (void)events;
    lookup->done(lookup, error ? NULL : &told.container, error ? &failure : NULL);
}

/* Starts a child. Returns 0, or a negative errno. */
static int start(struct lookup_child *child, struct lookup *lookup)
{
    int pair[2];
    int error = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    child->pid = fork();
    if (child->pid == 0)
        find(lookup, pair[1]);
    if (child->pid < 0)
        error = -errno;
    close(pair[1]);
    child->watch = (struct watch){.fd = pair[0], .ready = hear, .owner = child};
    if (!error) {
        child->lookup = lookup;
        error = loop_add(child->lookups->loop, &child->watch, EPOLLIN);
        if (error)
            (void)end_child(child);
    } else {
        close(pair[0]);
    }
    return error;
}

static struct lookup *take_first(struct lookups *lookups)
{
    struct lookup *lookup = lookups->first;

    lookups->first = lookup->next;
    if (!lookups->first)
        lookups->last = &lookups->first;
    return lookup;
}

static void fail_lookup(struct lookup *lookup, const char *why, int error)
{
    struct failure failure = {.text = ""};

    if (error)
        fail_errno(&failure, -error, why);
    else
        fail(&failure, "timeout", "%s", why);
    lookup->done(lookup, NULL, &failure);
}

int64_t lookups_run(struct lookups *lookups)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < LOOKUPS_AT_ONCE; i++) {
        struct lookup_child *child = &lookups->child[i];

        if (child->lookup && child->deadline <= clock_now())
            fail_lookup(end_child(child), "an engine doesn't answer", 0);
        if (!child->lookup && lookups->first) {
            struct lookup *lookup = take_first(lookups);
            int error;

            child->lookups = lookups;
            child->deadline = clock_now() + lookups->patience;
            error = start(child, lookup);
            if (error) {
                fail_lookup(lookup, "can't look a container up", error);
                next = clock_now() + RETRY_MS; /* for the ones behind it */
            }
        }
        if (child->lookup && child->deadline < next)
            next = child->deadline;
    }
    return next;
}

void lookups_close(struct lookups *lookups)
{
    for (size_t i = 0; i < LOOKUPS_AT_ONCE; i++) {
        if (lookups->child[i].lookup)
            (void)end_child(&lookups->child[i]);
    }
    lookups->first = NULL;
    lookups->last = &lookups->first;
}

#include "cwg/agent/loop/alone.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cwg/agent/loop/tasks.h"
#include "cwg/base/clock.h"
#include "cwg/machine/helper.h"

#define PROGRAM "net-admin-helper"

enum {
    PATIENCE_MS = 90000, /* the helper ends itself after 60 seconds */
    WORDS_MAX = 20,
    GONE_MS = 1000, /* for a process whose end was told */
};

void alone_open(struct alone *alone, struct loop *loop, const char *socket)
{
    *alone = (struct alone){.loop = loop, .socket = socket, .patience = PATIENCE_MS};
    alone->last = &alone->first;
}

void alone_add(struct alone *alone, struct task *task)
{
    task->next = NULL;
    *alone->last = task;
    alone->last = &task->next;
}

static void close_passed(struct task *task)
{
    for (size_t i = 0; i < PROCESS_PASSED; i++) {
        if (task->passed[i] >= 0)
            close(task->passed[i]);
        task->passed[i] = -1;
    }
}

static struct task *take_first(struct alone *alone)
{
    struct task *task = alone->first;

    alone->first = task->next;
    if (!alone->first)
        alone->last = &alone->first;
    return task;
}

/* Reads what is there: a pipe has room for all that a task says. */
static void read_rest(int fd, char *buffer, size_t size)
{
    size_t length = 0;
    ssize_t got;

    while ((got = read(fd, buffer + length, size - 1 - length)) > 0 || (got < 0 && errno == EINTR))
        length += got > 0 ? (size_t)got : 0;
    buffer[length] = '\0';
}

/* Its process has ended, or has to. */
static void end_child(struct alone_child *child, bool timeout)
{
    struct process_result *result = malloc(sizeof(*result));
    struct failure failure = {.text = ""};
    struct task *task = child->task;
    const int pidfd = child->watch.fd;
    json_t *object = NULL;
    int error = 0;

    loop_remove(child->alone->loop, &child->watch);
    close(pidfd);
    child->task = NULL;
    if (timeout)
        (void)kill(-child->process.pid, SIGKILL);
    if (result) {
        read_rest(child->process.out, result->out, sizeof(result->out));
        read_rest(child->process.err, result->err, sizeof(result->err));
    }
    process_close(&child->process);
    error = process_end(&child->process, timeout ? 0 : clock_now() + GONE_MS);
    if (!result)
        error = fail_errno(&failure, ENOMEM, "can't run " PROGRAM);
    else if (timeout || error) {
        result->status = timeout ? -1 : error;
        error = helper_fail_alone(result, &failure);
    } else {
        object = json_loads(result->out, JSON_REJECT_DUPLICATES, NULL);
    }
    free(result);
    task->done(task, object, error ? &failure : NULL);
    json_decref(object);
}

static void see_end(struct watch *watch, uint32_t events)
{
    (void)events;
    end_child(watch->owner, false);
}

/* Starts a task's program. Returns 0, or a negative errno. */
static int start(struct alone_child *child, struct task *task)
{
    char line[TASK_LINE_SIZE];
    const char *words[WORDS_MAX + 2] = {PROGRAM};
    char *rest = line;
    size_t count = 1;
    int error;

    memcpy(line, task->line, sizeof(line));
    line[strcspn(line, "\n")] = '\0';
    while (rest && count <= WORDS_MAX)
        words[count++] = strsep(&rest, " ");
    error = process_start(words, false, task->passed, &child->process);
    if (error)
        return error;
    child->watch = (struct watch){.fd = (int)syscall(SYS_pidfd_open, child->process.pid, 0),
                                  .ready = see_end,
                                  .owner = child};
    error = child->watch.fd < 0 ? -errno : loop_add(child->alone->loop, &child->watch, EPOLLIN);
    close(child->process.in);
    child->process.in = -1;
    child->task = task;
    child->deadline = clock_now() + child->alone->patience;
    if (error)
        end_child(child, true);
    return 0;
}

static int fail_socket(struct failure *failure)
{
    return fail(failure, "socket",
                "a namespace's name and a preshared key need an agent that starts " PROGRAM
                " itself: one without --helper, and without `helper` in cwg.conf");
}

static void start_first(struct alone_child *child)
{
    const bool barred = child->alone->socket[0] != '\0';
    struct task *task = take_first(child->alone);
    struct failure failure = {.text = ""};
    const int error = barred ? fail_socket(&failure) : start(child, task);

    close_passed(task); /* the program has them */
    if (!error)
        return;
    if (!barred)
        helper_fail_start(error, &failure);
    task->done(task, NULL, &failure);
}

int64_t alone_run(struct alone *alone)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < ALONE_AT_ONCE; i++) {
        struct alone_child *child = &alone->child[i];

        child->alone = alone;
        if (child->task && child->deadline <= clock_now())
            end_child(child, true);
        if (!child->task && alone->first)
            start_first(child);
        if (child->task && child->deadline < next)
            next = child->deadline;
    }
    return alone->first && next == INT64_MAX ? clock_now() : next;
}

void alone_close(struct alone *alone)
{
    while (alone->first)
        close_passed(take_first(alone));
    for (size_t i = 0; i < ALONE_AT_ONCE; i++) {
        struct alone_child *child = &alone->child[i];
        const int pidfd = child->watch.fd;

        if (!child->task)
            continue;
        loop_remove(alone->loop, &child->watch);
        close(pidfd);
        process_close(&child->process);
        child->task = NULL;
    }
}

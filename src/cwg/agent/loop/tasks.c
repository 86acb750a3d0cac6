#include "cwg/agent/loop/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/machine/helper.h"

enum {
    SENT_MAX = 64, /* lines at once: pipe and socket have room for them, so that no write waits */
    RETRY_MS = 1000,
    END_MS = 100, /* for a batch that has closed its output */
    PATIENCE_MS = 60000,
    ERRORS_MAX = PROCESS_PIPE_MAX / (TASKS_SAID_SIZE / 2), /* reads that empty a pipe */
};

void tasks_open(struct tasks *tasks, struct loop *loop, const char *socket)
{
    *tasks = (struct tasks){.loop = loop,
                            .socket = socket,
                            .batch.pid = -1,
                            .watch.fd = -1,
                            .errors.fd = -1,
                            .patience = PATIENCE_MS};
    tasks->last = &tasks->first;
    alone_open(&tasks->alone, loop, socket);
}

int task_write(struct task *task, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(task->line, sizeof(task->line) - 1, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof(task->line) - 1)
        return -1;
    task->line[length] = '\n';
    task->line[length + 1] = '\0';
    return 0;
}

void tasks_add(struct tasks *tasks, struct task *task)
{
    if (task->alone) {
        alone_add(&tasks->alone, task);
        return;
    }
    task->next = NULL;
    *tasks->last = task;
    tasks->last = &task->next;
    tasks->count++;
    if (!tasks->unsent)
        tasks->unsent = task;
}

/* Takes the oldest task out of the row. */
static struct task *take_first(struct tasks *tasks)
{
    struct task *task = tasks->first;

    tasks->count--;
    tasks->first = task->next;
    if (!tasks->first)
        tasks->last = &tasks->first;
    if (tasks->unsent == task)
        tasks->unsent = task->next;
    else
        tasks->sent--;
    return task;
}

/* Takes the oldest task out of the row, and hands it to its owner with what has become of it. */
static struct task *finish_first(struct tasks *tasks, const json_t *result,
                                 const struct failure *failure)
{
    struct task *task = take_first(tasks);

    if (failure)
        tasks->failed++;
    else
        tasks->succeeded++;
    task->done(task, result, failure);
    return task;
}

/* Reads what the batch says on standard error, so that it can go on saying something. The start
 * gives way to the end. Returns 1, 0 if there is nothing now, or -1 at the end. */
static int read_errors(struct tasks *tasks)
{
    char text[TASKS_SAID_SIZE / 2];
    const ssize_t got = read(tasks->batch.err, text, sizeof(text));
    size_t length = strlen(tasks->said);

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    if (length + (size_t)got >= sizeof(tasks->said)) {
        const size_t given = length + (size_t)got + 1 - sizeof(tasks->said);

        length -= given;
        memmove(tasks->said, tasks->said + given, length);
    }
    memcpy(tasks->said + length, text, (size_t)got);
    tasks->said[length + (size_t)got] = '\0';
    return 1;
}

static void hear_errors(struct watch *watch, uint32_t events)
{
    struct tasks *tasks = watch->owner;

    (void)events;
    if (read_errors(tasks) < 0)
        loop_remove(tasks->loop, watch);
}

/* Ends a batch. Behind a socket it ends by itself. */
static void end_batch(struct tasks *tasks)
{
    loop_remove(tasks->loop, &tasks->watch);
    loop_remove(tasks->loop, &tasks->errors);
    close(tasks->batch.in);
    tasks->batch.in = -1;
    if (tasks->batch.pid > 0)
        (void)process_end(&tasks->batch, clock_now() + END_MS);
    for (int i = 0; i < ERRORS_MAX && tasks->batch.err >= 0 && read_errors(tasks) > 0; i++)
        ;
    process_close(&tasks->batch);
    tasks->batch.pid = -1;
}

/* The batch has ended. Tasks that it got fail; the others wait for the next one. */
static void lose_batch(struct tasks *tasks, const char *why)
{
    struct failure failure = {.text = ""};
    struct task *lost = tasks->first;
    int count = tasks->sent;

    /* It has ended before it took anything, and the next one may do so, too: somebody has to know.
     */
    if (count == 0 && !tasks->answered)
        count = 1;
    if (tasks->batch.pid == 0)
        (void)snprintf(tasks->said, sizeof(tasks->said),
                       "the reason is in its unit's journal: journalctl -u 'cwg-helper@*'");
    end_batch(tasks);
    tasks->retry = clock_now() + RETRY_MS;
    fail(&failure, "helper", "net-admin-helper %s%s%.300s", why, tasks->said[0] ? ": " : "",
         process_last_line(tasks->said));
    while (lost && count-- > 0)
        (void)finish_first(tasks, NULL, &failure);
}

/* The policy has changed since the batch began, and it refuses everything from now on: a new one
 * goes by the new policy. What the old one has got is sent anew. */
static void renew_batch(struct tasks *tasks)
{
    const int sent = tasks->sent;

    tasks->sent = 0; /* lose_batch() fails none of them */
    tasks->answered = true;
    lose_batch(tasks, "goes by an old policy");
    if (sent > 0)
        tasks->unsent = tasks->first;
}

static bool is_outdated(const struct failure *failure)
{
    return failure_is(failure, "policy") && strstr(failure->text, "has changed since");
}

static void take_answer(struct tasks *tasks, char *line)
{
    struct failure failure = {.text = ""};
    json_t *result;
    const int error = helper_read_answer(line, &result, &failure);

    if (tasks->sent == 0) {
        json_decref(result);
        lose_batch(tasks, "answered without being asked");
        return;
    }
    if (error && is_outdated(&failure)) {
        renew_batch(tasks);
        return;
    }
    tasks->heard = clock_now();
    tasks->answered = true;
    (void)finish_first(tasks, result, error ? &failure : NULL);
    json_decref(result);
}

static void hear(struct watch *watch, uint32_t events)
{
    struct tasks *tasks = watch->owner;
    enum lines_found found = lines_fill(&tasks->answers);
    char *line;

    (void)events;
    while (found == LINES_MORE && tasks->batch.pid >= 0 &&
           (found = lines_take(&tasks->answers, &line)) == LINES_LINE) {
        take_answer(tasks, line);
        found = LINES_MORE;
    }
    if (tasks->batch.pid >= 0 && found == LINES_END)
        lose_batch(tasks, "has ended");
    else if (tasks->batch.pid >= 0 && found == LINES_TOO_LONG)
        lose_batch(tasks, "answered with too long a line");
}

/* Tasks that nobody can do fail, each with the reason. */
static void fail_all(struct tasks *tasks, const struct failure *failure)
{
    struct task *end = NULL;

    /* A task that is put in again meanwhile waits for the next try. */
    for (struct task *task = tasks->first; task; task = task->next)
        end = task;
    while (end && tasks->first && finish_first(tasks, NULL, failure) != end)
        ;
}

/* Connects to the socket. Returns 0, or a negative errno. */
static int connect_batch(const char *path, struct process *ret_batch)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct process batch = {.pid = 0, .err = -1};
    int error;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    batch.out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    batch.in = fcntl(batch.out, F_DUPFD_CLOEXEC, 0);
    if (batch.in >= 0 &&
        connect(batch.out, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        *ret_batch = batch;
        return 0;
    }
    error = -errno;
    process_close(&batch);
    return error;
}

/* Says why there is no batch behind the socket, and what to do. */
static void fail_connect(const char *path, int error, struct failure *failure)
{
    const char *remedy = "";

    if (error == -ENOENT || error == -ECONNREFUSED)
        remedy = "; start cwg-helper.socket: systemctl enable --now cwg-helper.socket";
    else if (error == -EACCES)
        remedy = "; SocketUser= of cwg-helper.socket has to be the agent's user";
    fail(failure, "no-helper", "can't reach net-admin-helper at %s: %s%s", path, strerror(-error),
         remedy);
}

/* Makes a batch. Returns 0, or -1. */
static int make_batch(struct tasks *tasks, struct failure *failure)
{
    static const char *const command[] = {"net-admin-helper", "batch", "--answered", NULL};
    int error;

    if (tasks->socket[0]) {
        error = connect_batch(tasks->socket, &tasks->batch);
        if (error)
            fail_connect(tasks->socket, error, failure);
    } else {
        error = process_start(command, false, NULL, &tasks->batch);
        if (error)
            helper_fail_start(error, failure);
    }
    if (error)
        tasks->batch.pid = -1;
    return error ? -1 : 0;
}

static int start(struct tasks *tasks)
{
    struct failure failure = {.text = ""};
    int error;

    tasks->retry = clock_now() + RETRY_MS;
    if (make_batch(tasks, &failure)) {
        fail_all(tasks, &failure);
        return -1;
    }
    tasks->answers = (struct lines){.fd = tasks->batch.out};
    tasks->watch = (struct watch){.fd = tasks->batch.out, .ready = hear, .owner = tasks};
    tasks->errors = (struct watch){.fd = tasks->batch.err, .ready = hear_errors, .owner = tasks};
    tasks->said[0] = '\0';
    tasks->answered = false;
    error = loop_add(tasks->loop, &tasks->watch, EPOLLIN);
    if (!error && tasks->errors.fd >= 0)
        error = loop_add(tasks->loop, &tasks->errors, EPOLLIN);
    if (!error)
        return 0;
    end_batch(tasks);
    fail_errno(&failure, -error, "can't wait for net-admin-helper");
    fail_all(tasks, &failure);
    return -1;
}

static void send_some(struct tasks *tasks)
{
    while (tasks->unsent && tasks->sent < SENT_MAX) {
        struct task *task = tasks->unsent;
        const size_t length = strlen(task->line);

        /* SENT_MAX lines fit. Else the batch has ended, and hear() will see it. */
        if (write(tasks->batch.in, task->line, length) != (ssize_t)length)
            return;
        if (tasks->sent++ == 0)
            tasks->heard = clock_now();
        tasks->unsent = task->next;
    }
}

static int64_t run_batch(struct tasks *tasks)
{
    if (!tasks->first)
        return INT64_MAX;
    if (tasks->batch.pid < 0 && clock_now() < tasks->retry)
        return tasks->retry;
    if (tasks->batch.pid < 0 && start(tasks))
        return tasks->first ? tasks->retry : INT64_MAX;
    send_some(tasks);
    if (tasks->sent > 0 && clock_now() >= tasks->heard + tasks->patience) {
        lose_batch(tasks, "doesn't answer");
        return tasks->first ? tasks->retry : INT64_MAX;
    }
    return tasks->sent > 0 ? tasks->heard + tasks->patience : INT64_MAX;
}

int64_t tasks_run(struct tasks *tasks)
{
    const int64_t alone = alone_run(&tasks->alone);
    const int64_t batch = run_batch(tasks);

    return alone < batch ? alone : batch;
}

void tasks_close(struct tasks *tasks)
{
    alone_close(&tasks->alone);
    if (tasks->batch.pid >= 0) {
        loop_remove(tasks->loop, &tasks->watch);
        loop_remove(tasks->loop, &tasks->errors);
        process_close(&tasks->batch);
        tasks->batch.pid = -1;
    }
    tasks->first = tasks->unsent = NULL;
    tasks->last = &tasks->first;
    tasks->sent = tasks->count = 0;
}

#include "cwg/machine/helper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/base/program.h"
#include "cwg/machine/group.h"

#define PROGRAM "net-admin-helper"

enum {
    TASK_MS = 90000, /* for a task that doesn't wait; the helper ends itself after 60 seconds */
    UNDO_MS = 30000,
    LINE_MAX_SIZE = 512, /* of a batch */
    SAID_SIZE = 1024,
};

/* Says who may run the program, and why this session may not. */
static int fail_permission(struct failure *failure)
{
    char path[PROGRAM_PATH_SIZE], text[GROUP_TEXT_SIZE];
    struct stat status;
    bool member;

    if (program_find(PROGRAM, path) == -ENOENT || stat(path, &status) < 0)
        return fail(failure, "not-permitted", "you may not run " PROGRAM ": cwg doctor says more");
    member = group_tell(status.st_gid, false, text);
    return fail(failure, "not-permitted", "you may not run " PROGRAM ": %s%s", text,
                member ? ", but its mode or a folder's is in the way: cwg doctor says more" : "");
}

int helper_fail_start(int error, struct failure *failure)
{
    if (error == -ENOENT)
        return fail(failure, "no-helper",
                    PROGRAM " isn't installed, or isn't in PATH; install it as its README says");
    if (error == -EACCES)
        return fail_permission(failure);
    return fail_errno(failure, -error, "can't start " PROGRAM);
}

int helper_start(struct helper *helper, int client, struct failure *failure)
{
    static const char *const command[] = {PROGRAM, "batch", "--undo", "--answered", NULL};
    int error;

    helper->batch.pid = -1;
    helper->client = client;
    helper->made_count = 0;
    helper->unkept = helper->left = false;
    error = process_start(command, false, NULL, &helper->batch);
    if (error)
        return helper_fail_start(error, failure);
    helper->answers = (struct lines){.fd = helper->batch.out};
    return 0;
}

/* Ends the batch, which undoes what wasn't committed, and reads what it says on standard error: a
 * line with how many links it removed, "but for" some if it couldn't remove all. A batch that was
 * killed has undone nothing. Returns the exit status. */
static int end_batch(struct helper *helper, char said[static SAID_SIZE])
{
    ssize_t length;
    int status;

    close(helper->batch.in);
    helper->batch.in = -1;
    status = process_end(&helper->batch, clock_now() + UNDO_MS);
    length = read(helper->batch.err, said, SAID_SIZE - 1);
    process_close(&helper->batch);
    said[length > 0 ? length : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    if (helper->unkept && (status > 1 || strstr(said, ", but for ")))
        helper->left = true;
    return status;
}

/* Says why the batch ended. */
static int fail_ended(struct helper *helper, struct failure *failure)
{
    char said[SAID_SIZE];
    int status = end_batch(helper, said);

    if (said[0] == '\0')
        fail(failure, "helper", PROGRAM " ended with status %d, and said nothing", status);
    else
        fail(failure, "helper", "%s", said);
    helper->ended = *failure;
    return -1;
}

/* After this answer the next one would be taken for another task's. So it is the last. */
static int give_up(struct helper *helper, const char *why, struct failure *failure)
{
    char said[SAID_SIZE];

    (void)end_batch(helper, said);
    fail(failure, "helper", PROGRAM " %s, and has been ended", why);
    helper->ended = *failure;
    return -1;
}

int helper_read_answer(char *line, json_t **ret_result, struct failure *failure)
{
    char *rest = line;
    const char *word = strsep(&rest, " ");
    const char *code;

    *ret_result = NULL;
    if (strcmp(word, "ok") == 0) {
        if (rest)
            *ret_result = json_loads(rest, JSON_REJECT_DUPLICATES, NULL);
        return rest && !*ret_result
                   ? fail(failure, "helper", PROGRAM " answered with something that isn't JSON")
                   : 0;
    }
    code = strsep(&rest, " ");
    if (strcmp(word, "error") != 0 || !rest)
        return fail(failure, "helper", PROGRAM " answered something unknown");
    return fail(failure, code, "%s", rest);
}

/* Waits for the batch's answer; `seconds` is how long the task itself waits. If the client hangs up
 * while a task waits, nobody wants the answer: then the batch's output is closed, which ends a
 * cwg_wait, and LINES_END is returned. */
static enum lines_found await_answer(struct helper *helper, int seconds, char **ret_answer)
{
    const int64_t deadline = clock_now() + TASK_MS + INT64_C(1000) * seconds;
    struct pollfd waited[] = {{.fd = helper->answers.fd, .events = POLLIN},
                              {.fd = seconds ? helper->client : -1, .events = POLLRDHUP}};
    enum lines_found found = lines_take(&helper->answers, ret_answer);

    while (found == LINES_MORE) {
        const int ready = poll(waited, 2, clock_until(deadline));

        if (ready == 0 || (ready < 0 && errno != EINTR))
            return LINES_MORE;
        if (ready > 0 && waited[1].revents) {
            close(helper->batch.out);
            helper->batch.out = -1;
            return LINES_END;
        }
        if (ready > 0 && waited[0].revents)
            found = lines_fill(&helper->answers);
        if (found == LINES_MORE)
            found = lines_take(&helper->answers, ret_answer);
    }
    return found;
}

/* Does a task, or a commit, by its line for the batch. */
static int do_in_batch(struct helper *helper, const char *line, int seconds, json_t **ret_result,
                       struct failure *failure)
{
    char *answer;

    if (helper->batch.pid < 0)
        return fail(failure, "helper", PROGRAM " has ended%s%s", helper->ended.text[0] ? ": " : "",
                    helper->ended.text);
    if (lines_write(helper->batch.in, line, strlen(line), clock_now() + TASK_MS))
        return fail_ended(helper, failure);
    switch (await_answer(helper, seconds, &answer)) {
    case LINES_LINE:
        return helper_read_answer(answer, ret_result, failure);
    case LINES_END:
        return fail_ended(helper, failure);
    case LINES_TOO_LONG:
        return give_up(helper, "answered with too long a line", failure);
    case LINES_MORE:
    default:
        return give_up(helper, "doesn't answer", failure);
    }
}

int helper_fail_alone(struct process_result *result, struct failure *failure)
{
    json_t *told = json_read_line(result->out);
    const char *code = json_text(told, "code", FAILURE_CODE_SIZE - 1);
    const char *message = json_text(told, "message", FAILURE_TEXT_SIZE - 1);

    if (code && message)
        fail(failure, code, "%s", message);
    else if (result->status < 0)
        fail(failure, "helper", PROGRAM " doesn't end");
    else
        fail(failure, "helper", "%.600s", process_last_line(result->err));
    json_decref(told);
    return -1;
}

/* Does a task by a command of its own: a batch takes no descriptor. */
static int do_alone(const struct helper_task *task, json_t **ret_result, struct failure *failure)
{
    const char *words[HELPER_WORDS + 6] = {PROGRAM, task->name};
    char target[16], secret[40];
    const int passed[PROCESS_PASSED] = {task->container->netns, task->secret};
    struct process_result *result = malloc(sizeof(*result));
    size_t count = 2;
    int error;

    if (!result)
        return fail_errno(failure, ENOMEM, "can't run " PROGRAM);
    if (task->container->pid)
        (void)snprintf(target, sizeof(target), "%d", task->container->pid);
    else
        (void)snprintf(target, sizeof(target), "fd:%d", task->container->netns);
    words[count++] = target;
    for (size_t i = 0; task->words[i]; i++)
        words[count++] = task->words[i];
    (void)snprintf(secret, sizeof(secret), "--preshared-key-file=fd:%d", task->secret);
    if (task->secret >= 0)
        words[count++] = secret;
    error = process_run(words, passed, TASK_MS + task->seconds * 1000, result);
    if (error)
        helper_fail_start(error, failure);
    else if (result->status != 0)
        error = helper_fail_alone(result, failure);
    *ret_result = error ? NULL : json_loads(result->out, JSON_REJECT_DUPLICATES, NULL);
    free(result);
    return error ? -1 : 0;
}

/* Writes a batch's line. Returns 0, or -1 if it is too long for one. */
static int make_line(const struct helper_task *task, char line[static LINE_MAX_SIZE])
{
    int length = snprintf(line, LINE_MAX_SIZE, "%s %d", task->name, task->container->pid);

    for (size_t i = 0; task->words[i] && length < LINE_MAX_SIZE; i++)
        length += snprintf(line + length, (size_t)(LINE_MAX_SIZE - length), " %s", task->words[i]);
    if (length >= LINE_MAX_SIZE - 1)
        return -1;
    line[length] = '\n';
    line[length + 1] = '\0';
    return 0;
}

static bool is(const struct helper_task *task, const char *name)
{
    return strcmp(task->name, name) == 0;
}

/* Notes a link in a namespace's file that has been made, or forgets one that has been removed. */
static void note(struct helper *helper, const struct helper_task *task)
{
    struct helper_made made = {.netns = task->container->netns};

    (void)snprintf(made.net, sizeof(made.net), "%s", task->words[0]);
    (void)snprintf(made.host, sizeof(made.host), "%s", task->words[1]);
    if (is(task, "cwg_create"))
        helper->made[helper->made_count++] = made;
    for (size_t i = 0; is(task, "cwg_destroy") && i < helper->made_count; i++) {
        if (helper->made[i].netns == made.netns && strcmp(helper->made[i].net, made.net) == 0 &&
            strcmp(helper->made[i].host, made.host) == 0)
            helper->made[i--] = helper->made[--helper->made_count];
    }
}

int helper_do(struct helper *helper, const struct helper_task *task, json_t **ret_result,
              struct failure *failure)
{
    const bool in_file = !task->container->pid;
    char line[LINE_MAX_SIZE];

    if (!container_lives(task->container))
        return fail(failure, "not-running", "%s/%s has ended", task->container->engine,
                    task->container->name);
    if (in_file && is(task, "cwg_create") && helper->made_count == HELPER_MADE_MAX)
        return fail(failure, "limit", "too many links");
    if (in_file || task->secret >= 0) {
        const int error = do_alone(task, ret_result, failure);

        if (!error && in_file)
            note(helper, task);
        /* It gave no answer, so the link may be there. One of these numbers that was there before
         * isn't to be removed, and only the client knows. */
        if (error && is(task, "cwg_create") && failure_is(failure, "helper"))
            helper->left = true;
        return error;
    }
    if (make_line(task, line))
        return fail(failure, "usage", "too long a task");
    helper->unkept |= is(task, "cwg_create");
    return do_in_batch(helper, line, task->seconds, ret_result, failure);
}

int helper_commit(struct helper *helper, struct failure *failure)
{
    json_t *result = NULL;
    int error = do_in_batch(helper, "commit\n", 0, &result, failure);

    json_decref(result);
    if (!error) {
        helper->made_count = 0;
        helper->unkept = false;
    }
    return error;
}

int helper_end(struct helper *helper, struct failure *failure)
{
    int error = 0;
    struct failure told = {.text = ""};

    while (helper->made_count > 0) {
        const struct helper_made *made = &helper->made[--helper->made_count];
        const struct container container = {.engine = "netns", .pidfd = -1, .netns = made->netns};
        const struct helper_task task = {.name = "cwg_destroy",
                                         .container = &container,
                                         .words = {made->net, made->host, "--if-exists", "--json"},
                                         .secret = -1};
        json_t *result = NULL;

        if (do_alone(&task, &result, &told)) {
            fail(failure, told.code, "a link is left: %s", told.text);
            error = -1;
        }
        json_decref(result);
    }
    if (helper->batch.pid >= 0) {
        char said[SAID_SIZE];

        (void)end_batch(helper, said);
    }
    return helper->left ? fail(failure, "helper", "links may be left: " PROGRAM " has ended")
                        : error;
}

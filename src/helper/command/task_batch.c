/* batch: does many tasks in one run, a line each. Nothing of a container is open between two lines,
 * or while an answer is written: the caller may take any time for both. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "helper/base/text.h"
#include "helper/command/arguments.h"
#include "helper/command/lines.h"
#include "helper/command/session.h"
#include "helper/command/task.h"
#include "helper/confine/deadline.h"
#include "helper/netlink/secret.h"
#include "helper/netns/taker.h"

enum {
    MADE_MAX = 1024, /* links that --undo can remove */
};

/* A link that this batch has made. */
struct made {
    int pid;
    struct netns netns; /* not open */
    struct link_end end;
    int index;
};

struct batch {
    struct session *session;
    bool undo; /* --undo */
    struct lines lines;
    struct words words;
    unsigned int done; /* lines answered */
    unsigned int failed;
    unsigned int first_failed; /* its number in the input */
    bool lost;                 /* the last answer couldn't be written */
    struct text result;        /* of a task */
    struct text answer;
    struct made made[MADE_MAX]; /* since the last commit */
    size_t made_count;
};

static void clear(struct text *text)
{
    text->length = 0;
    text->bytes[0] = '\0';
}

static int check_kind(const struct batch *batch, const struct command_line *line,
                      struct failure *failure)
{
    if (line->command != COMMAND_RUN || !line->task->in_batch)
        return fail(failure, "this line can't stand in a batch: run it as a command of its own");
    if (line->request.target.kind != TARGET_PID)
        return fail(failure,
                    "pid: can't be a descriptor in a batch; give the pid of a process in the "
                    "container");
    if (line->request.preshared_key.kind != PRESHARED_NONE)
        return fail(failure,
                    "--preshared-key-file: can't stand in a batch, because a batch opens no files; "
                    "connect this link by a command of its own");
    if (batch->undo && line->task->makes && batch->made_count == MADE_MAX)
        return fail_as(failure, FAILURE_LIMIT, -E2BIG,
                       "with --undo a batch makes %d links at most before a line commit; add one",
                       MADE_MAX);
    return 0;
}

static int check_line(const struct batch *batch, const struct command_line *line,
                      struct failure *failure)
{
    int error = check_kind(batch, line, failure);

    if (HAS_POLICY && !error)
        error = policy_check_unchanged(&batch->session->policy, failure);
    if (HAS_POLICY && !error)
        error =
            policy_check(&batch->session->policy, line->task->arguments, &line->request, failure);
    return error;
}

/* Writes "ok" and the result, without its newline. A result that was written as it came lacks only
 * the line's end. */
static void write_answer(struct batch *batch, struct failure *failure)
{
    size_t length = batch->result.length;

    if (length > 0 && batch->result.bytes[length - 1] == '\n')
        batch->result.bytes[length - 1] = '\0';
    clear(&batch->answer);
    if (!batch->session->output.begun)
        text_print(&batch->answer, "ok%s%s", length > 0 ? " " : "", batch->result.bytes);
    text_add(&batch->answer, "\n");
    batch->lost = output_answer(batch->answer.bytes, failure) != 0;
}

/* Forgets a line's keys, warning and engine. */
static void forget(struct session *session)
{
    if (HAS_CREATE)
        backends_forget(&session->making);
    secret_wipe();
    session->output.warning = NULL;
}

/* Runs a task. Checks the policy again, now that the deadline runs: the caller may have stopped
 * this process after the line was checked. */
static int run_task(struct batch *batch, const struct command_line *line, struct target *target,
                    struct failure *failure)
{
    struct session *session = batch->session;
    const struct task *task = line->task;
    int error = HAS_POLICY ? policy_check_unchanged(&batch->session->policy, failure) : 0;

    if (!error && task->prepare)
        error = task->prepare(session, &line->request, failure);
    if (error)
        return error;
    if (task->changes)
        session->output.diverted = &batch->result;
    error = task->run_at_home ? task->run_at_home(session, &line->request, failure)
                              : task->run(session, &line->request, target, failure);
    session->output.diverted = NULL;
    return error;
}

/* Removes a link whose result can't be delivered. */
static void take_back(struct target *target, const struct device *made, struct failure *failure)
{
    struct failure rollback;
    int error = target_return(target, &rollback);

    if (!error)
        error = backend_of(made)->remove(target, made, &rollback);
    if (error)
        failure_add(failure, "; and the link couldn't be removed again: %s", rollback.text);
}

/* Does a task, and answers it after a success, with nothing of the container open. Returns 0, or
 * the task's negative errno. */
static int do_task(struct batch *batch, const struct command_line *line, struct target *target,
                   struct failure *failure)
{
    struct session *session = batch->session;
    const struct device *made = &session->made;
    const struct target_name *name = &line->request.target;
    const struct task *task = line->task;
    int error = 0;

    deadline_allow(DEADLINE_SECONDS + task->seconds);
    if (!task->run_at_home)
        error = target_open(&session->home, &session->policy, name, task->changes, target, failure);
    if (!error)
        error = run_task(batch, line, target, failure);
    error = task_result(&line->request, error);
    target_leave(target);
    forget(session); /* closes the rest of an engine's start, such as its UDP sockets */
    if (error)
        batch->lost = failure->code == FAILURE_OUTPUT;
    else
        write_answer(batch, failure);
    if (!error && made->index && batch->lost)
        take_back(target, made, failure);
    else if (!error && made->index && batch->undo)
        batch->made[batch->made_count++] = (struct made){
            .pid = name->number, .netns = target->netns, .end = made->end, .index = made->index};
    target_close(target);
    return error;
}

static int do_request(struct batch *batch, const struct command_line *line, struct failure *failure)
{
    struct session *session = batch->session;
    struct target target = TARGET_NONE;
    int error = check_line(batch, line, failure);

    session->made.index = 0;
    clear(&batch->result);
    if (!error)
        error = do_task(batch, line, &target, failure);
    if (HAS_AUDIT && line->command == COMMAND_RUN && line->task->changes)
        audit_send(&session->audit,
                   &(struct audit_line){line->task->name, line->task->arguments, &line->request,
                                        target.netns.inode,
                                        session->made.index ? &session->public_key : NULL},
                   batch->lost && line->task->makes ? -EIO : error, failure);
    forget(batch->session);
    return error;
}

/* Takes a line "commit". */
static int commit(struct batch *batch, struct failure *failure)
{
    if (!batch->undo)
        return fail(failure, "commit: this batch runs without --undo; leave it out");
    if (batch->words.count > 1)
        return fail(failure, "commit: takes no arguments; leave them out");
    batch->made_count = 0;
    clear(&batch->result);
    write_answer(batch, failure);
    return 0;
}

static int fail_no_task(struct failure *failure)
{
    fail(failure, "no such task in a batch; give one of:");
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i]->in_batch)
            failure_add(failure, " %s", tasks[i]->name);
    }
    failure_add(failure, " commit");
    return -EINVAL;
}

static int do_line(struct batch *batch, struct failure *failure)
{
    static char program[] = "net-admin-helper";
    char *words[LINES_WORDS_MAX + 2] = {program};
    struct command_line line;
    int error;

    memcpy(words + 1, batch->words.word, sizeof(batch->words.word));
    if (strcmp(words[1], "commit") == 0)
        return commit(batch, failure);
    if (words[1][0] != '-' && !task_by_name(words[1]))
        return fail_no_task(failure);
    error = arguments_parse(batch->words.count + 1, words, &line, failure);
    return error ? error : do_request(batch, &line, failure);
}

static int fail_line(int result, struct failure *failure)
{
    switch (result) {
    case LINES_TOO_LONG:
        return fail(failure, "the line has more than %d characters; give one task a line",
                    LINES_LENGTH_MAX);
    case LINES_CUT_OFF:
        return fail(failure,
                    "the input ended in the middle of this line, and nothing of it was done; end "
                    "each line with a newline");
    default:
        return fail(failure,
                    "the line has more than %d words, or a character that is neither printable "
                    "ASCII nor a tab (a carriage return before the newline?); leave that out",
                    LINES_WORDS_MAX);
    }
}

/* Writes an error, after the part of the result that was already written. */
static void write_error(struct batch *batch, struct failure *failure)
{
    clear(&batch->answer);
    text_print(&batch->answer, "%serror %s ", batch->session->output.begun ? " " : "",
               failure_word(failure->code));
    text_add_joined(&batch->answer, failure->text, "; ");
    text_add(&batch->answer, "\n");
    batch->lost = output_answer(batch->answer.bytes, failure) != 0;
}

/* Answers a line. Returns 0, or a negative errno if the batch has to end. */
static int answer_line(struct batch *batch, int result, struct failure *failure)
{
    struct output *output = &batch->session->output;
    struct failure own = {.text = ""};
    int error;

    batch->lost = false;
    output->in_line = true;
    output->begun = false;
    error = result == LINES_WORDS ? do_line(batch, &own) : fail_line(result, &own);
    batch->done++;
    if (error && batch->failed++ == 0)
        batch->first_failed = batch->lines.number;
    if (error && !batch->lost)
        write_error(batch, &own);
    output->in_line = false;
    if (!batch->lost)
        return 0;
    *failure = own;
    failure->usage = NULL;
    failure_add(failure, "; the batch ended with its answer number %u", batch->done);
    return -EIO;
}

/* Removes a link's device, if the end still has that device. */
static int remove_same(struct target *target, const struct made *made, struct failure *failure)
{
    struct device device = {.index = 0};
    int presence = device_find(target, made->end, &device, failure);

    if (presence < 0)
        return presence;
    if (presence != DEVICE_OURS || device.index != made->index)
        return 0;
    return backend_of(&device)->remove(target, &device, failure);
}

/* Removes a link of this batch, if it is still there. Returns 0, or a negative errno. */
static int remove_made(const struct batch *batch, const struct made *made, struct failure *failure)
{
    static const enum argument arguments[] = {ARGUMENT_NET, ARGUMENT_HOST, 0};
    const struct request request = {.target = {.kind = TARGET_PID, .number = made->pid},
                                    .end = made->end,
                                    .has_end = true,
                                    .peer.keepalive = PEER_KEEPALIVE_KEPT};
    struct target target = TARGET_NONE;
    int error = target_open(&batch->session->home, &batch->session->policy, &request.target, true,
                            &target, failure);

    /* The container has ended, and so has the link; or the pid is another process's by now. */
    if (error == -ESRCH || (!error && !netns_same(&target.netns, &made->netns))) {
        target_close(&target);
        return 0;
    }
    if (!error)
        error = remove_same(&target, made, failure);
    target_close(&target);
    if (HAS_AUDIT)
        audit_send(
            &batch->session->audit,
            &(struct audit_line){"batch --undo", arguments, &request, target.netns.inode, NULL},
            error, failure);
    return error;
}

/* Removes this batch's links since the last commit, the last link first. Returns 0 if there were
 * none, or -ECANCELED. */
static int undo(struct batch *batch, struct failure *failure)
{
    const size_t count = batch->made_count;
    struct failure first = {.text = ""}, own = {.text = ""};
    unsigned int left = 0;

    deadline_allow(DEADLINE_SECONDS);
    for (size_t i = count; i > 0; i--) {
        if (remove_made(batch, &batch->made[i - 1], &own) && left++ == 0)
            first = own;
    }
    batch->made_count = 0;
    if (count == 0)
        return 0;
    fail_as(
        failure, FAILURE_BATCH, -ECANCELED,
        "the input ended without a line commit: %zu links that this batch had made were removed",
        count);
    if (left > 0)
        failure_add(failure, ", but for %u: %s", left, first.text);
    return -ECANCELED;
}

/* Answers all lines. Returns 0 at the end of the input, or a negative errno if the batch has to
 * end. */
static int do_lines(struct batch *batch, struct failure *failure)
{
    int result;

    while ((result = lines_next(&batch->lines, &batch->words)) != LINES_END) {
        int error = 0;

        if (result < 0)
            return fail_unexpected(failure, result, "can't read the tasks");
        if (result != LINES_NOTHING)
            error = answer_line(batch, result, failure);
        if (error)
            return error;
    }
    return 0;
}

static int run(struct session *session, const struct request *request, struct failure *failure)
{
    static struct batch batch; /* too large for a stack */
    struct failure undone = {.text = ""};
    int error;

    batch.session = session; /* read_file() has made the file standard input */
    batch.undo = request->given[OPTION_UNDO];
    batch.lines = (struct lines){.fd = STDIN_FILENO};
    error = do_lines(&batch, failure);
    if (undo(&batch, &undone) && !error) {
        *failure = undone;
        return -ECANCELED;
    }
    if (error || batch.failed == 0 || request->given[OPTION_ANSWERED])
        return error;
    return fail_as(failure, FAILURE_BATCH, -EIO,
                   "%u of %u tasks failed, the first in line %u of the input: see the lines of the "
                   "output that begin with error",
                   batch.failed, batch.done, batch.first_failed);
}

/* Makes the file standard input. */
static int read_file(const struct request *request, struct failure *failure)
{
    const char *file = request->file;
    int fd;

    if (!file)
        return 0;
    fd = open(file, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0) {
        int error = -errno;

        fail_unexpected(failure, error, "file: can't open it");
        failure_add(failure, "; give a file that you can read, or - for standard input");
        return error;
    }
    close(fd);
    return 0;
}

static int prepare(struct session *session, const struct request *request, struct failure *failure)
{
    int error = HAS_CREATE ? backends_prepare_batch(&session->making, &session->home, failure) : 0;

    (void)request;
    return error ? error : taker_start(&session->taker, failure);
}

const struct task task_batch = {
    .name = "batch",
    .summary = "do many tasks, a line each",
    .details = "Reads tasks from <file>, or from standard input: one a line, as on the command"
               " line, without the program's name. Answers each with a line when it is done, "
               "in the same order: \"ok\", \"ok <result>\", or \"error <code> <text>\". After "
               "a task that fails, the next ones are done. If the input ends in the middle of "
               "a line, this line is not done. Empty lines, and those that begin with #, are "
               "not answered. Takes all cwg_ tasks; cwg_connect without --preshared-key-file. "
               "The exit code is 0 if all were done.\n",
    .arguments = {ARGUMENT_FILE},
    .optional = 1,
    .options = {OPTION_UNDO, OPTION_ANSWERED, 0},
    .read = read_file,
    .prepare = prepare,
    .run_at_home = run,
};

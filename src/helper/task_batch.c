/* batch: many tasks in one run, a line each. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "helper/arguments.h"
#include "helper/audit.h"
#include "helper/backend.h"
#include "helper/failure.h"
#include "helper/lines.h"
#include "helper/output.h"
#include "helper/policy.h"
#include "helper/secret.h"
#include "helper/settings.h"
#include "helper/task.h"
#include "helper/text.h"

#ifdef ENABLE_CWG_BATCH

enum {
    TARGETS_KEPT = 8, /* five descriptors each */
};

/* A target of the lines before. Its process lived when it was last used; as long as it does, no
 * other has its number. */
struct kept {
    int pid;           /* 0: free */
    unsigned int used; /* the line that it was last used for */
    struct target target;
};

struct batch {
    const struct home *home;
    struct lines lines;
    struct words words;
    struct kept kept[TARGETS_KEPT];
    unsigned int done; /* lines that were answered */
    unsigned int failed;
    unsigned int first_failed; /* its number among all of the input */
    struct text result;        /* of a task */
    struct text answer;
};

static void drop(struct kept *kept)
{
    if (kept->pid)
        target_close(&kept->target);
    kept->pid = 0;
}

/* The place of a pid's target, if that is kept; or the place for it: a free one, or the one that
 * wasn't used for longest. */
static struct kept *find_place(struct batch *batch, int pid)
{
    struct kept *place = &batch->kept[0];

    for (size_t i = 0; i < TARGETS_KEPT; i++) {
        struct kept *kept = &batch->kept[i];

        if (kept->pid == pid)
            return kept;
        if (place->pid && (!kept->pid || kept->used < place->used))
            place = kept;
    }
    return place;
}

static void drop_all_but(struct batch *batch, const struct kept *kept)
{
    for (size_t i = 0; i < TARGETS_KEPT; i++) {
        if (&batch->kept[i] != kept)
            drop(&batch->kept[i]);
    }
}

static int open_target(struct batch *batch, int pid, struct kept **ret_kept,
                       struct failure *failure)
{
    struct target_name name = {.kind = TARGET_PID, .number = pid};
    struct kept *kept = find_place(batch, pid);
    struct failure ignored = {.text = ""};

    if (kept->pid == pid && target_alive(&kept->target, &ignored))
        drop(kept);
    if (kept->pid != pid) {
        int error;

        drop(kept);
        error = target_open(batch->home, &name, false, &kept->target, failure);
        if (error)
            return error;
        kept->pid = pid;
    }
    kept->used = batch->done;
    *ret_kept = kept;
    return 0;
}

static int check_line(const struct command_line *line, struct failure *failure)
{
    if (line->command != COMMAND_RUN || !line->task->in_batch)
        return fail(failure, -EINVAL,
                    "that can't stand in a batch: give a task whose result is a line, such as "
                    "cwg_create, or run the program for it alone");
    if (line->request.target.kind != TARGET_PID)
        return fail(failure, -EINVAL,
                    "pid: can't be a descriptor in a batch; give the pid of a process in the "
                    "container");
    if (line->request.preshared_key.kind != PRESHARED_NONE)
        return fail(failure, -EINVAL,
                    "--preshared-key-file: can't stand in a batch, which opens no files; connect "
                    "this link by a command of its own");
#ifdef ENABLE_CWG_POLICY
    int error = policy_check_unchanged(failure);

    return error ? error : policy_check(line->task, &line->request, failure);
#else
    return 0;
#endif
}

/* "ok", and the result, which may end in a newline. */
static int write_answer(struct batch *batch, struct failure *failure)
{
    size_t length = batch->result.length;

    if (length > 0 && batch->result.bytes[length - 1] == '\n')
        batch->result.bytes[length - 1] = '\0';
    batch->answer.length = 0;
    text_print(&batch->answer, "ok%s%s\n", length > 0 ? " " : "", batch->result.bytes);
    return output_text(&batch->answer, failure);
}

/* Does the task, and answers while nobody else has a turn, so that what can't be delivered can be
 * taken back. Returns 0; with *ret_lost set if it was that; or a negative errno of the task's. */
static int do_task(struct batch *batch, const struct command_line *line, struct target *target,
                   bool *ret_lost, struct failure *failure)
{
    struct failure rollback;
    int error;

    if (line->task->changes)
        target_take_turn(target);
    batch->result.length = 0;
    batch->result.bytes[0] = '\0';
    output_divert(&batch->result);
    error = line->task->run(&line->request, target, failure);
    output_divert(NULL);
    if (!error && write_answer(batch, failure)) {
        *ret_lost = true;
        if (line->task->undo && line->task->undo(target, &rollback))
            failure_add(failure, "; and it couldn't be taken back: %s", rollback.text);
    }
    if (line->task->changes)
        target_end_turn(target);
    return error;
}

/* What is to be forgotten with each line. */
static void forget(void)
{
#if defined ENABLE_CWG_ENGINE && defined ENABLE_CWG_CREATE
    backend_forget();
#endif
    secret_wipe();
    output_forget_warning();
}

/* The answer to a line that had nothing to do. Returns 0, with *ret_lost set if nobody got it. */
static int answer_nothing(struct batch *batch, bool *ret_lost, struct failure *failure)
{
    batch->result.length = 0;
    batch->result.bytes[0] = '\0';
    *ret_lost = write_answer(batch, failure) != 0;
    return 0;
}

static int try_request(struct batch *batch, const struct command_line *line, struct kept **ret_kept,
                       bool *ret_lost, struct failure *failure)
{
    int error = open_target(batch, line->request.target.number, ret_kept, failure);

    if (error && task_result(&line->request, error) == 0)
        return answer_nothing(batch, ret_lost, failure);
    if (!error && line->task->prepare)
        error = line->task->prepare(&line->request, batch->home, failure);
    /* A task that waits must not keep others' containers, which may end meanwhile. */
    if (!error && !line->task->changes && line->request.seconds > 0)
        drop_all_but(batch, *ret_kept);
    if (!error)
        error = do_task(batch, line, &(*ret_kept)->target, ret_lost, failure);
    return error;
}

/* Where descriptors run out, those of other targets are let go. A target that failed is not kept:
 * there may be answers of the kernel's left in its sockets. */
static int do_request(struct batch *batch, const struct command_line *line, bool *ret_lost,
                      struct failure *failure)
{
    struct kept *kept = NULL;
    int error = check_line(line, failure);

    if (!error)
        error = try_request(batch, line, &kept, ret_lost, failure);
    if (error == -EMFILE || error == -ENFILE) {
        kept = NULL;
        drop_all_but(batch, NULL);
        forget();
        error = try_request(batch, line, &kept, ret_lost, failure);
    }
#ifdef ENABLE_CWG_AUDIT
    if (line->command == COMMAND_RUN)
        audit_send(line->task, &line->request, kept ? &kept->target : NULL,
                   *ret_lost && line->task->undo ? -EIO : error, failure);
#endif
    if (error && kept)
        drop(kept);
    forget();
    return error;
}

static int fail_no_task(struct failure *failure)
{
    fail(failure, -EINVAL, "no such task in a batch; give one of:");
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i]->in_batch)
            failure_add(failure, " %s", tasks[i]->name);
    }
    return -EINVAL;
}

static int do_line(struct batch *batch, bool *ret_lost, struct failure *failure)
{
    static char program[] = "net-admin-helper";
    char *words[LINES_WORDS_MAX + 2] = {program};
    struct command_line line;
    int error;

    memcpy(words + 1, batch->words.word, sizeof(batch->words.word));
    if (words[1][0] != '-' && !task_by_name(words[1]))
        return fail_no_task(failure);
    error = arguments_parse(batch->words.count + 1, words, &line, failure);
    return error ? error : do_request(batch, &line, ret_lost, failure);
}

static int fail_line(int result, struct failure *failure)
{
    switch (result) {
    case LINES_TOO_LONG:
        return fail(failure, -EINVAL, "the line has more than %d characters; give one task a line",
                    LINES_LENGTH_MAX);
    case LINES_CUT_OFF:
        return fail(failure, -EINVAL,
                    "the input ended in the middle of the line, of which nothing was done; end "
                    "each with a newline");
    default:
        return fail(failure, -EINVAL,
                    "the line has more than %d words, or what is neither a printable character of "
                    "ASCII nor a tab (a carriage return before the newline?); give it without",
                    LINES_WORDS_MAX);
    }
}

/* Returns 0, or a negative errno if there is no sense in going on. */
static int answer_line(struct batch *batch, int result, struct failure *failure)
{
    struct failure own = {.text = ""};
    bool lost = false;
    int error = result == LINES_WORDS ? do_line(batch, &lost, &own) : fail_line(result, &own);

    batch->done++;
    if (error) {
        if (batch->failed++ == 0)
            batch->first_failed = batch->lines.number;
        batch->answer.length = 0;
        text_print(&batch->answer, "error %s ", failure_word(own.code));
        text_add_joined(&batch->answer, own.text, "; ");
        text_add(&batch->answer, "\n");
        lost = output_text(&batch->answer, &own);
        /* What failed may have been the way home. */
        if (!lost)
            lost = home_return(batch->home, &own);
    }
    if (!lost)
        return 0;
    *failure = own;
    failure->usage = NULL;
    failure_add(failure, "; the batch ended with line %u of those that it answers", batch->done);
    return -EIO;
}

/* Waits until there is more to read. A target whose process ends meanwhile is let go at once: what
 * is open in it would keep the container's network namespace, its links and their ports. */
static void await_input(void *context)
{
    struct batch *batch = context;
    struct pollfd polled[TARGETS_KEPT + 1] = {
        [TARGETS_KEPT] = {.fd = batch->lines.fd, .events = POLLIN}};

    do {
        for (size_t i = 0; i < TARGETS_KEPT; i++) {
            const struct kept *kept = &batch->kept[i];

            polled[i] =
                (struct pollfd){.fd = kept->pid ? kept->target.pidfd : -1, .events = POLLIN};
        }
        if (ppoll(polled, TARGETS_KEPT + 1, NULL, NULL) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        for (size_t i = 0; i < TARGETS_KEPT; i++) {
            if (polled[i].revents)
                drop(&batch->kept[i]);
        }
    } while (!polled[TARGETS_KEPT].revents);
}

static int run(const struct request *request, const struct home *home, struct failure *failure)
{
    static struct batch batch;
    int result;

    (void)request; /* its file is standard input by now */
    batch.home = home;
    batch.lines = (struct lines){.fd = STDIN_FILENO, .before_read = await_input, .context = &batch};
    while ((result = lines_next(&batch.lines, &batch.words)) != LINES_END) {
        int error = 0;

        if (result < 0)
            return fail_unexpected(failure, result, "can't read the tasks");
        if (result != LINES_NOTHING)
            error = answer_line(&batch, result, failure);
        if (error)
            return error;
    }
    if (batch.failed == 0)
        return 0;
    return fail(failure, -EIO,
                "%u of %u tasks failed, first that in line %u of the input: see the lines of the "
                "output that begin with error",
                batch.failed, batch.done, batch.first_failed);
}

int batch_open(const char *file, struct failure *failure)
{
    int fd;

    if (!file)
        return 0;
    fd = open(file, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0) {
        int error = -errno;

        fail_unexpected(failure, error, "file: can't open it");
        failure_add(failure, "; give one that you can read, or - for standard input");
        return error;
    }
    close(fd);
    return 0;
}

static int prepare(const struct request *request, const struct home *home, struct failure *failure)
{
    (void)request;
#if defined ENABLE_CWG_ENGINE && defined ENABLE_CWG_CREATE
    return backend_prepare_batch(home, failure);
#else
    (void)home;
    (void)failure;
    return 0;
#endif
}

const struct task task_batch = {
    .name = "batch",
    .summary = "do many tasks, a line each",
    .details =
        "Reads tasks from <file>, or from standard input: one a line, as on the command\n"
        "line, without the program's name. Answers each with a line when it is done, in\n"
        "the same order: \"ok\", \"ok <result>\", or \"error <text>\". One that fails keeps\n"
        "none from being done. What the input ends in the middle of is not done. Empty\n"
        "lines, and those that begin with #, are not answered. Takes cwg_create,\n"
        "cwg_connect (without --preshared-key-file), cwg_destroy, cwg_destroy_all and\n"
        "cwg_wait. The exit code is 0 if all were done.\n",
    .arguments = {ARGUMENT_FILE},
    .optional = 1,
    .prepare = prepare,
    .run_at_home = run,
};

#endif

#include "helper/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/arguments.h"
#include "helper/audit.h"
#include "helper/backends.h"
#include "helper/failure.h"
#include "helper/json.h"
#include "helper/settings.h"
#include "helper/target.h"
#include "helper/task.h"
#include "helper/text.h"

#define PROGRAM    "net-admin-helper"
#define FURTHER_IN "          "

enum {
    COLUMNS = 80, /* of help, at most */
};

enum {
    READER_SECONDS = 10, /* how long a link that isn't finished waits for its caller */
};

/* How results are written. */
static struct {
    struct text *diverted; /* to here, if not NULL */
    bool in_line;          /* as part of a line */
    bool begun;            /* the line has begun */
} way;

/* A descriptor that doesn't wait by itself (O_NONBLOCK) has room later. */
static int write_all(int fd, const char *text, size_t left)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN && ppoll(&room, 1, NULL, NULL) >= 0)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        text += written;
        left -= (size_t)written;
    }
    return 0;
}

void output_divert(struct text *text)
{
    way.diverted = text;
}

void output_line_start(void)
{
    way.in_line = true;
    way.begun = false;
}

bool output_line_begun(void)
{
    return way.begun;
}

void output_line_end(void)
{
    way.in_line = false;
    way.begun = false;
}

bool output_in_batch(void)
{
    return way.diverted || way.in_line;
}

/* Whether people read what is written to standard output and to standard error. */
static bool people_see_results, people_see_notes;

/* Whether a descriptor is a terminal: a character device first, since a file of FUSE may say so of
 * itself, and can hold up whoever writes to it. */
static bool is_terminal(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && isatty(fd);
}

/* Standard error becomes a description of the same terminal that is our own, and doesn't block: one
 * that has been stopped, or that nobody reads, must not hold up a task that has a container open.
 * Where the caller may not open the terminal there are no notes. */
static bool unblock_errors(void)
{
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool done = fd >= 0 && is_terminal(fd) && dup2(fd, STDERR_FILENO) >= 0;

    if (fd >= 0)
        close(fd);
    return done;
}

void output_look(void)
{
    people_see_results = is_terminal(STDOUT_FILENO);
    people_see_notes = is_terminal(STDERR_FILENO) && unblock_errors();
}

void output_note_result(const char *text)
{
    if (people_see_results && !output_in_batch())
        (void)write_all(STDOUT_FILENO, text, strlen(text));
}

bool output_takes_notes(void)
{
    return people_see_notes && !output_in_batch();
}

void output_note(const char *text)
{
    if (output_takes_notes() && write(STDERR_FILENO, text, strlen(text)) < 0)
        people_see_notes = false;
}

int output_is_wanted(struct failure *failure)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    struct timespec now = {0};

    if (output_in_batch() && ppoll(&output, 1, &now, NULL) > 0 &&
        output.revents & (POLLERR | POLLHUP))
        return fail_as(failure, FAILURE_OUTPUT, -EPIPE,
                       "nobody reads the answers any more; keep the reader of standard output");
    return 0;
}

static int write_result(const char *text, size_t length, struct failure *failure)
{
    int error = write_all(STDOUT_FILENO, text, length);

    if (!error)
        return 0;
    fail_unexpected(failure, error, "can't write to standard output");
    failure->code = FAILURE_OUTPUT;
    return error;
}

int output_answer(const char *text, struct failure *failure)
{
    return write_result(text, strlen(text), failure);
}

int output_result(const char *text, struct failure *failure)
{
    size_t length = strlen(text);
    int error = 0;

    if (way.diverted) {
        text_add(way.diverted, text);
        return 0;
    }
    if (way.in_line && !way.begun) {
        way.begun = true;
        error = write_result("ok ", 3, failure);
    }
    if (way.in_line && length > 0 && text[length - 1] == '\n')
        length--;
    return error ? error : write_result(text, length, failure);
}

/* A file is always ready, and a pipe or socket as soon as there is room. What is ready may still
 * keep write() waiting: then the link waits with it, and no container. */
static int await_reader(struct failure *failure)
{
    static const struct timespec most = {.tv_sec = READER_SECONDS};
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};

    if (ppoll(&output, 1, &most, NULL) != 0)
        return 0;
    return fail_as(failure, FAILURE_OUTPUT, -ETIMEDOUT,
                   "can't write to standard output: nobody has read from it for %d seconds",
                   READER_SECONDS);
}

int output_and_return(struct target *target, const struct text *text, struct failure *failure)
{
    struct failure ignored;
    int error, back;

    if (way.diverted)
        return output_text(text, failure);
    target_leave(target);
    error = await_reader(failure);
    if (!error)
        error = output_text(text, failure);
    back = target_return(target, error ? &ignored : failure);
    return error ? error : back;
}

int output_text(const struct text *text, struct failure *failure)
{
    if (text->overflowed)
        return fail_unexpected(failure, -EMSGSIZE, "can't say all that there is to say");
    return output_result(text->bytes, failure);
}

static const char *warning;

void output_warn(const char *text)
{
    if (!warning)
        warning = text;
}

const char *output_warning(void)
{
    return warning;
}

void output_forget_warning(void)
{
    warning = NULL;
}

void output_write_warning(void)
{
    struct text text = {0};

    if (!warning)
        return;
    text_print(&text, PROGRAM ": warning: %s\n", warning);
    write_all(STDERR_FILENO, text.bytes, text.length);
}

static void add_option(struct text *text, enum option option)
{
    text_add(text, option_name(option));
    if (!option_value(option))
        return;
    text_add(text, " ");
    text_add(text, option_value(option));
}

/* The length of the first word. A space between brackets doesn't end it. */
static size_t word_length(const char *words)
{
    int brackets = 0;
    size_t length = 0;

    for (; words[length] != '\0' && words[length] != '\n'; length++) {
        if (words[length] == ' ' && brackets == 0)
            break;
        brackets += (words[length] == '[') - (words[length] == ']');
    }
    return length;
}

/* Adds words to the line that the text ends with, and goes on below it, after the indentation,
 * where the columns end. */
static void add_words(struct text *text, const char *words, const char *indentation)
{
    const char *end_of_line = strrchr(text->bytes, '\n');
    size_t column = strlen(end_of_line ? end_of_line + 1 : text->bytes);
    bool begins = column == 0;

    while (*words != '\0') {
        size_t length = word_length(words);

        if (!begins && column + 1 + length > COLUMNS) {
            text_add(text, "\n");
            text_add(text, indentation);
            column = strlen(indentation);
            begins = true;
        }
        text_print(text, begins ? "%.*s" : " %.*s", (int)length, words);
        column += length + !begins;
        begins = false;
        words += length + (words[length] != '\0');
    }
    text_add(text, "\n");
}

static void add_synopsis(struct text *text, const struct task *task)
{
    struct text words = {0};
    int count = 0;

    while (task->arguments[count])
        count++;
    text_add(&words, task->name);
    for (int i = 0; i < count; i++) {
        text_add(&words, i == count - task->optional ? " [<" : " <");
        text_add(&words, argument_name(task->arguments[i]));
        text_add(&words, ">");
    }
    text_add(&words, task->optional ? "]" : "");
    for (const enum option *option = task->options; *option; option++) {
        text_add(&words, " [");
        add_option(&words, *option);
        text_add(&words, "]");
    }
    text_add(text, PROGRAM);
    add_words(text, words.bytes, FURTHER_IN);
}

static void add_task_help(struct text *text, const struct task *task)
{
    text_add(text, "Usage: ");
    add_synopsis(text, task);
    text_add(text, "\n");
    add_words(text, task->details, "");
    text_add(text, "\n");
    for (const enum argument *argument = task->arguments; *argument; argument++) {
        text_add(text, "  <");
        text_add(text, argument_name(*argument));
        text_add(text, ">:");
        add_words(text, argument_range(*argument), FURTHER_IN);
    }
    for (const enum option *option = task->options; *option; option++) {
        text_add(text, "  ");
        add_option(text, *option);
        text_add(text, ":");
        add_words(text, option_range(*option), FURTHER_IN);
    }
    text_add(text,
             "\nExit code: 0 for success, 1 for failure, with the reason on standard error.\n");
}

static void add_program_help(struct text *text)
{
    text_add(text,
             "Connects containers on two machines by point-to-point WireGuard links.\n\nUsage:\n");
    for (size_t i = 0; i < task_count; i++) {
        text_add(text, "  ");
        add_synopsis(text, tasks[i]);
        text_add(text, "      ");
        text_add(text, tasks[i]->summary);
        text_add(text, "\n");
    }
    text_add(text, "  " PROGRAM " <task> --help\n"
                   "      tell more about a task\n"
                   "  " PROGRAM " --help | --version\n"
                   "\nExit code: 0 for success, 1 for failure, with the reason on standard error.\n"
                   "See net-admin-helper(8).\n");
}

int output_help(const struct task *task, struct failure *failure)
{
    struct text text = {0};

    if (task)
        add_task_help(&text, task);
    else
        add_program_help(&text);
    return output_text(&text, failure);
}

int output_version(struct failure *failure)
{
    struct text text = {0};

    text_add(&text, PROGRAM " " VERSION "\nprefix: " CWG_PREFIX "\ntasks:");
    for (size_t i = 0; i < task_count; i++) {
        text_add(&text, " ");
        text_add(&text, tasks[i]->name);
    }
    text_add(&text, "\nbackends:");
    for (const struct backend *const *backend = backends; *backend; backend++) {
        text_add(&text, backend == backends ? " " : ", ");
        text_add(&text, (*backend)->title);
    }
    text_add(&text, "\nlinks per container: ");
    text_print(&text, "%d", CWG_MAX_LINKS);
#ifdef ENABLE_CWG_POLICY
    text_add(&text, "\npolicy: " CWG_POLICY_PATH);
#endif
#ifdef ENABLE_CWG_AUDIT
    text_add(&text, "\naudit: " AUDIT_PATH);
#endif
#ifdef CWG_OWN_CONTAINERS_ONLY
    text_add(&text, "\ncontainers: those in a user namespace of the caller's\n");
#else
    text_add(&text, "\ncontainers: all\n");
#endif
    return output_text(&text, failure);
}

void output_failure_json(const struct failure *failure)
{
    struct text text = {0};

    json_add_failure(&text, failure);
    text_add(&text, "\n");
    write_all(STDOUT_FILENO, text.bytes, text.length);
}

void output_failure(const struct failure *failure)
{
    struct text text = {0};

    text_add(&text, PROGRAM ": ");
    text_add_joined(&text, failure->text, "\n  ");
    text_add(&text, "\n");
    if (failure->usage) {
        text_add(&text, "Usage: ");
        add_synopsis(&text, failure->usage);
    }
    write_all(STDERR_FILENO, text.bytes, text.length);
}

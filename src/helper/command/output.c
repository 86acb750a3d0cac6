#include "helper/command/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/print.h"
#include "helper/base/text.h"
#include "helper/netns/target.h"

enum {
    READER_SECONDS = 10, /* an unfinished link waits so long for its reader */
};

bool output_in_batch(const struct output *output)
{
    return output->diverted || output->in_line;
}

/* Is a descriptor a terminal? It has to be a character device: a file of FUSE may claim to be a
 * terminal, and hold up whoever writes to it. */
static bool is_terminal(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && isatty(fd);
}

/* Makes standard error an open file of our own on the same terminal, one that doesn't block: a
 * stopped or unread terminal must not delay a task with a container open. If the caller may not
 * open the terminal, there are no notes. */
static bool unblock_errors(void)
{
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool done = fd >= 0 && is_terminal(fd) && dup2(fd, STDERR_FILENO) >= 0;

    if (fd >= 0)
        close(fd);
    return done;
}

void output_look(struct output *output)
{
    output->people_see_results = is_terminal(STDOUT_FILENO);
    output->people_see_notes = is_terminal(STDERR_FILENO) && unblock_errors();
}

void output_note_result(const struct output *output, const char *text)
{
    if (output->people_see_results && !output_in_batch(output))
        (void)print_all(STDOUT_FILENO, text, strlen(text));
}

bool output_takes_notes(const struct output *output)
{
    return output->people_see_notes && !output_in_batch(output);
}

void output_note(struct output *output, const char *text)
{
    if (output_takes_notes(output) && write(STDERR_FILENO, text, strlen(text)) < 0)
        output->people_see_notes = false;
}

int output_is_wanted(const struct output *output, struct failure *failure)
{
    struct pollfd reader = {.fd = STDOUT_FILENO};
    struct timespec now = {0};

    if (output_in_batch(output) && ppoll(&reader, 1, &now, NULL) > 0 &&
        reader.revents & (POLLERR | POLLHUP))
        return fail_as(failure, FAILURE_OUTPUT, -EPIPE,
                       "nobody reads the answers any more; let the reader of standard output live "
                       "as long as the batch");
    return 0;
}

static int write_result(const char *text, size_t length, struct failure *failure)
{
    int error = print_all(STDOUT_FILENO, text, length);

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

int output_result(struct output *output, const char *text, struct failure *failure)
{
    size_t length = strlen(text);
    int error = 0;

    if (output->diverted) {
        text_add(output->diverted, text);
        return 0;
    }
    if (output->in_line && !output->begun) {
        output->begun = true;
        error = write_result("ok ", 3, failure);
    }
    if (output->in_line && length > 0 && text[length - 1] == '\n')
        length--;
    return error ? error : write_result(text, length, failure);
}

/* Waits for room. A file is always ready; a pipe or socket as soon as it has room. A write() to a
 * ready descriptor may still wait: then the link waits, but no container is open. */
static int await_reader(struct failure *failure)
{
    if (clock_await(STDOUT_FILENO, POLLOUT, (int64_t)READER_SECONDS * 1000) != 0)
        return 0;
    return fail_as(failure, FAILURE_OUTPUT, -ETIMEDOUT,
                   "can't write to standard output: nobody has read from it for %d seconds",
                   READER_SECONDS);
}

int output_and_return(struct output *output, struct target *target, const struct text *text,
                      struct failure *failure)
{
    struct failure ignored;
    int error, back;

    if (output->diverted)
        return output_text(output, text, failure);
    target_leave(target);
    error = await_reader(failure);
    if (!error)
        error = output_text(output, text, failure);
    back = target_return(target, error ? &ignored : failure);
    return error ? error : back;
}

int output_text(struct output *output, const struct text *text, struct failure *failure)
{
    if (text->overflowed)
        return fail_unexpected(failure, -EMSGSIZE,
                               "the result is too long to be printed, which is a bug; report it");
    return output_result(output, text->bytes, failure);
}

void output_warn(struct output *output, const char *text)
{
    if (!output->warning)
        output->warning = text;
}

void output_write_warning(const struct output *output)
{
    struct text text = {0};

    if (!output->warning)
        return;
    text_print(&text, PROGRAM ": warning: %s\n", output->warning);
    print_all(STDERR_FILENO, text.bytes, text.length);
}

#include "helper/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/arguments.h"
#include "helper/audit.h"
#include "helper/backend.h"
#include "helper/failure.h"
#include "helper/settings.h"
#include "helper/task.h"

#define PROGRAM "net-admin-helper"

enum {
    TEXT_SIZE = 4096,
};

/* A text that is put together before it is written, so that it goes out in one piece. */
struct text {
    char bytes[TEXT_SIZE];
    size_t length;
};

static void add(struct text *text, const char *part)
{
    size_t length = strnlen(part, TEXT_SIZE - 1 - text->length);

    memcpy(text->bytes + text->length, part, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static void add_number(struct text *text, int number)
{
    char digits[16];

    (void)snprintf(digits, sizeof(digits), "%d", number);
    add(text, digits);
}

static int write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        text += written;
        left -= (size_t)written;
    }
    return 0;
}

int output_result(const char *text, struct failure *failure)
{
    int error = write_all(STDOUT_FILENO, text);

    if (!error)
        return 0;
    return fail_unexpected(failure, error, "can't write to standard output");
}

#ifdef HAS_OPTIONS

static void add_option(struct text *text, enum option option)
{
    add(text, option_name(option));
    if (!option_value(option))
        return;
    add(text, " ");
    add(text, option_value(option));
}

#endif

static void add_synopsis(struct text *text, const struct task *task)
{
    int count = 0;

    while (task->arguments[count])
        count++;
    add(text, PROGRAM " ");
    add(text, task->name);
    for (int i = 0; i < count; i++) {
        add(text, i == count - task->optional ? " [<" : " <");
        add(text, argument_name(task->arguments[i]));
        add(text, ">");
    }
    add(text, task->optional ? "]" : "");
#ifdef HAS_OPTIONS
    for (const enum option *option = task->options; *option; option++) {
        add(text, " [");
        add_option(text, *option);
        add(text, "]");
    }
#endif
    add(text, "\n");
}

static void add_task_help(struct text *text, const struct task *task)
{
    add(text, "Usage: ");
    add_synopsis(text, task);
    add(text, "\n");
    add(text, task->details);
    add(text, "\n");
    for (const enum argument *argument = task->arguments; *argument; argument++) {
        add(text, "  <");
        add(text, argument_name(*argument));
        add(text, ">: ");
        add(text, argument_range(*argument));
        add(text, "\n");
    }
#ifdef HAS_OPTIONS
    for (const enum option *option = task->options; *option; option++) {
        add(text, "  ");
        add_option(text, *option);
        add(text, ": ");
        add(text, option_range(*option));
        add(text, "\n");
    }
#endif
    add(text, "\nExit code: 0 for success, 1 for failure, with the reason on standard error.\n");
}

static void add_program_help(struct text *text)
{
    add(text, "Connects containers on two machines by point-to-point WireGuard links.\n\nUsage:\n");
    for (size_t i = 0; i < task_count; i++) {
        add(text, "  ");
        add_synopsis(text, tasks[i]);
        add(text, "      ");
        add(text, tasks[i]->summary);
        add(text, "\n");
    }
    add(text, "  " PROGRAM " <task> --help\n"
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
    return output_result(text.bytes, failure);
}

/* What cwg_connect takes beyond its arguments of old; the line is left out if there is nothing. */
static void add_options(struct text *text)
{
#ifdef ENABLE_CWG_CONNECT
    static const char *const names[] = {
#ifdef ENABLE_CWG_IPV6
        "ipv6",
#endif
#ifdef ENABLE_CWG_NAT
        "nat",
#endif
#ifdef ENABLE_CWG_PRESHARED_KEY
        "preshared-key",
#endif
#ifdef ENABLE_CWG_MTU
        "mtu",
#endif
        NULL,
    };

    for (const char *const *name = names; *name; name++) {
        add(text, name == names ? "\noptions: " : " ");
        add(text, *name);
    }
#else
    (void)text;
#endif
}

int output_version(struct failure *failure)
{
    struct text text = {0};

    add(&text, PROGRAM " " VERSION "\nprefix: " CWG_PREFIX "\ntasks:");
    for (size_t i = 0; i < task_count; i++) {
        add(&text, " ");
        add(&text, tasks[i]->name);
    }
    add_options(&text);
    add(&text, "\nbackends:");
    for (const struct backend *const *backend = backends; *backend; backend++) {
        add(&text, backend == backends ? " " : ", ");
        add(&text, (*backend)->title);
    }
    add(&text, "\nlinks per container: ");
    add_number(&text, CWG_MAX_LINKS);
#ifdef ENABLE_CWG_POLICY
    add(&text, "\npolicy: " CWG_POLICY_PATH);
#endif
#ifdef ENABLE_CWG_AUDIT
    add(&text, "\naudit: " AUDIT_PATH);
#endif
#ifdef CWG_OWN_CONTAINERS_ONLY
    add(&text, "\ncontainers: those in a user namespace of the caller's\n");
#else
    add(&text, "\ncontainers: all\n");
#endif
    return output_result(text.bytes, failure);
}

void output_failure(const struct failure *failure)
{
    struct text text = {0};

    add(&text, PROGRAM ": ");
    add(&text, failure->text);
    add(&text, "\n");
    if (failure->usage) {
        add(&text, "Usage: ");
        add_synopsis(&text, failure->usage);
    }
    write_all(STDERR_FILENO, text.bytes);
}

#include "helper/command/help.h"

#include <string.h>

#include "helper/admin/audit.h"
#include "helper/backend/backends.h"
#include "helper/base/print.h"
#include "helper/base/settings.h"
#include "helper/base/text.h"
#include "helper/command/arguments.h"
#include "helper/command/output.h"
#include "helper/command/task.h"

#define FURTHER_IN "          "

enum {
    COLUMNS = 80, /* of help, at most */
};

static void add_option(struct text *text, enum option option)
{
    text_add(text, option_wordings[option].name);
    if (option_wordings[option].value)
        text_print(text, " %s", option_wordings[option].value);
}

/* The length of the first word; brackets keep spaces. */
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

/* Adds words to the text's last line, and breaks lines at COLUMNS, with an indentation. */
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

void help_add_synopsis(struct text *text, const struct task *task)
{
    const int count = task_arguments(task);
    struct text words = {0};

    text_add(&words, task->name);
    for (int i = 0; i < count; i++)
        text_print(&words, i == count - task->optional ? " [<%s>" : " <%s>",
                   argument_wordings[task->arguments[i]].name);
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
    help_add_synopsis(text, task);
    text_add(text, "\n");
    add_words(text, task->details, "");
    text_add(text, "\n");
    for (const enum argument *argument = task->arguments; *argument; argument++) {
        text_print(text, "  <%s>:", argument_wordings[*argument].name);
        add_words(text, argument_wordings[*argument].range, FURTHER_IN);
    }
    for (const enum option *option = task->options; *option; option++) {
        text_add(text, "  ");
        add_option(text, *option);
        text_add(text, ":");
        add_words(text, option_wordings[*option].range, FURTHER_IN);
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
        help_add_synopsis(text, tasks[i]);
        text_print(text, "      %s\n", tasks[i]->summary);
    }
    text_add(text, "  " PROGRAM " <task> --help\n"
                   "      tell more about a task\n"
                   "  " PROGRAM " --help | --version\n"
                   "\nExit code: 0 for success, 1 for failure, with the reason on standard error.\n"
                   "See net-admin-helper(8).\n");
}

int help_print(struct output *output, const struct task *task, struct failure *failure)
{
    struct text text = {0};

    if (task)
        add_task_help(&text, task);
    else
        add_program_help(&text);
    return output_text(output, &text, failure);
}

int help_print_version(struct output *output, struct failure *failure)
{
    struct text text = {0};

    text_add(&text, PROGRAM " " VERSION "\nprefix: " CWG_PREFIX "\ntasks:");
    for (size_t i = 0; i < task_count; i++)
        text_print(&text, " %s", tasks[i]->name);
    text_add(&text, "\nbackends:");
    for (const struct backend *const *backend = backends; *backend; backend++)
        text_print(&text, "%s %s", backend == backends ? "" : ",", (*backend)->display_name);
    text_print(&text, "\nlinks per container: %d", CWG_MAX_LINKS);
    if (HAS_POLICY)
        text_add(&text, "\npolicy: " CWG_POLICY_PATH);
    if (HAS_AUDIT)
        text_add(&text, "\naudit: " AUDIT_PATH);
    text_add(&text, OWN_CONTAINERS_ONLY
                        ? "\ncontainers: those in a user namespace of the caller's\n"
                        : "\ncontainers: all\n");
    return output_text(output, &text, failure);
}

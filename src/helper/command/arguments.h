/* Parses a command line to a request. Pure. */
#pragma once

#include "helper/command/task.h"

struct failure;

enum command {
    COMMAND_RUN,  /* do a task */
    COMMAND_HELP, /* of a task, or of the program without one */
    COMMAND_VERSION,
};

struct command_line {
    enum command command;
    const struct task *task; /* may be NULL for COMMAND_HELP */
    struct request request;  /* for COMMAND_RUN */
};

/* Parses a command line; the program's name may be a task's. Returns 0, or -EINVAL, and says which
 * argument is wrong and what it should be. The text repeats no argument. */
int arguments_parse(int argc, char *const argv[], struct command_line *ret_line,
                    struct failure *failure);

/* Does a command line, right or wrong, ask for JSON, and so for its failure in JSON? */
bool arguments_want_json(int argc, char *const argv[]);

/* An argument or an option in words. */
struct wording {
    const char *name;
    const char *value; /* an option's; NULL: it takes none, and `parse` is NULL */
    const char *range;
    /* Takes the value to *request. Returns NULL, or what is wrong with it, and the remedy. */
    const char *(*parse)(const char *text, struct request *request);
};

/* The wordings, by enum argument and enum option. */
extern const struct wording argument_wordings[], option_wordings[OPTIONS];

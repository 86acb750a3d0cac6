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

/* An argument's name, and its range. */
const char *argument_name(enum argument argument);
const char *argument_range(enum argument argument);

/* An option's name; its value's name, or NULL if it takes none; and its range. */
const char *option_name(enum option option);
const char *option_value(enum option option);
const char *option_range(enum option option);

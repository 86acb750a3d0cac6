/* The command line, as text, to a request with values. Pure. */
#pragma once

#include "helper/command/task.h"

struct failure;

enum command {
    COMMAND_RUN,  /* do a task */
    COMMAND_HELP, /* of a task, or of the program if there is none */
    COMMAND_VERSION,
};

struct command_line {
    enum command command;
    const struct task *task; /* may be NULL for COMMAND_HELP */
    struct request request;  /* for COMMAND_RUN */
};

/* Reads a command line. The program may be called by the name of a task, too. Returns 0, or -EINVAL
 * with which argument is wrong and what it should be; nothing of the arguments is repeated. */
int arguments_parse(int argc, char *const argv[], struct command_line *ret_line,
                    struct failure *failure);

/* Whether a command line, right or wrong, asks for JSON: then its failure is told in JSON, too. */
bool arguments_want_json(int argc, char *const argv[]);

/* What an argument is called, and what it may be. */
const char *argument_name(enum argument argument);
const char *argument_range(enum argument argument);

/* The same of an option, and of its value, which is NULL if it takes none. */
const char *option_name(enum option option);
const char *option_value(enum option option);
const char *option_range(enum option option);

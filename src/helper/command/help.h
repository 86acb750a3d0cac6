/* What the program says of itself: the help, and the version. */
#pragma once

struct failure;
struct output;
struct task;
struct text;

/* The help on a task, or on the program if `task` is NULL, to standard output. Returns 0, or a
 * negative errno. */
int help_print(struct output *output, const struct task *task, struct failure *failure);

/* The same of the version. */
int help_print_version(struct output *output, struct failure *failure);

/* Adds how a task is called: its name, arguments and options, in lines. */
void help_add_synopsis(struct text *text, const struct task *task);

/* Prints the help, and the version. */
#pragma once

struct failure;
struct output;
struct task;
struct text;

/* Prints the help on a task, or on the program if `task` is NULL, to standard output. Returns 0, or
 * a negative errno. */
int help_print(struct output *output, const struct task *task, struct failure *failure);

/* Prints the version. Returns as help_print(). */
int help_print_version(struct output *output, struct failure *failure);

/* Adds a task's synopsis: its name, arguments and options. */
void help_add_synopsis(struct text *text, const struct task *task);

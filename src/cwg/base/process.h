/* Other programs: started with pipes, or run to their end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PROCESS_OUTPUT_SIZE = 65536, /* more of a program's output is an error */
    PROCESS_PASSED = 2,
    PROCESS_PIPE_MAX =
        16 * 65536, /* what a pipe holds, at most: 16 pages, of 64 KiB with some kernels */
};

/* A running program. Its standard error goes to a pipe of its own. */
struct process {
    pid_t pid;
    int in;  /* to its standard input, O_NONBLOCK; -1 when closed */
    int out; /* from its standard output, O_NONBLOCK */
    int err; /* from its standard error, O_NONBLOCK */
};

/* Starts a program, found in PATH, in a session of its own: Ctrl-C at the terminal is for the
 * caller alone. With `on_terminal` it stays in the caller's session, so that it can ask for a
 * password. Descriptors above 2 are closed, but for PROCESS_PASSED of them in `passed`, of which
 * -1 is none; `passed` is NULL for none at all. Descriptors 0 to 2 of the caller have to be open.
 * Returns 0, or a negative errno. -ENOENT: there is no such program, as far as the caller may look
 * into the folders of PATH. -EACCES: it is there, and the caller may not run it. */
int process_start(const char *const argv[], bool on_terminal, const int passed[],
                  struct process *ret_process);

/* The same in a session of its own, with no descriptors passed, for a program that reads SIGHUP
 * from a signalfd: until that is open it ignores the signal, which would end it. */
int process_start_deaf(const char *const argv[], struct process *ret_process);

/* Closes the pipes to and from a program. */
void process_close(struct process *process);

/* Waits for a program's end until `deadline` (clock_now()), and then kills it. Returns its exit
 * status, or 128 + the number of the signal that ended it. */
int process_end(struct process *process, int64_t deadline);

/* What a program that was run to its end has said. */
struct process_result {
    int status; /* as process_end() has it; -1 if it was killed for taking too long */
    char out[PROCESS_OUTPUT_SIZE];
    char err[4096]; /* the last part, in which each line ends with a newline */
};

/* Runs a program to its end, for `milliseconds` at most, with nothing as its standard input. If the
 * caller is killed meanwhile, so is the program, unless it has privileges of its own.
 * Children that it leaves behind are not waited for. Returns 0, or a negative errno if it couldn't
 * be started; -EMSGSIZE if its output is too long. */
int process_run(const char *const argv[], const int passed[], int milliseconds,
                struct process_result *ret_result);

/* Puts bytes behind a text, of which the last size - 1 bytes are kept. */
void process_keep_last(char *text, size_t size, const char *bytes, size_t length);

/* The last line of a text that isn't blank, without its newline. Changes the text. */
char *process_last_line(char *text);

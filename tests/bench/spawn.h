/* Starts a program, as cheaply as it goes: with vfork(), so that what it costs doesn't depend on
 * who starts it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum {
    BENCH_UID = 61234, /* the application: no name, no group of note, no privilege */
};

struct spawn {
    const char *const *argv; /* argv[0] is a path */
    int input;               /* becomes its standard input and output; -1: /dev/null, and ours */
    int output;
    int netns;        /* is entered first, unless it is -1 */
    bool application; /* as BENCH_UID, else as root */
    int gate;         /* unless it is -1, a pipe to read one byte from before the program starts */
};

/* Returns its pid, or gives up. A program that can't be started ends with 127. */
pid_t spawn(const struct spawn *request);

/* Runs a program with `input` as its standard input, and takes up to size - 1 bytes of what it
 * writes, without the last end of line. Either may be NULL. netns is as above. Gives up if it ends
 * with anything but 0. */
void spawn_and_read(const char *const *argv, int netns, const char *input, char *ret_output,
                    size_t size);

/* A pipe, close-on-exec, or gives up. */
void pipe_open(int ret_ends[static 2]);

/* What is in a pipe whose writers are gone, as text; or gives up. Closes it. */
void pipe_drain(int fd, char *ret_text, size_t size);

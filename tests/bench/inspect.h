/* What a run of a program takes that needs no clock: system calls, processes, memory. For that it
 * is traced, with all of its children. The tracer keeps its privileges, so that file capabilities
 * are in force as they are without it. */
#pragma once

#include "spawn.h"

struct inspection {
    long processes;
    long programs; /* execve() */
    long calls;    /* system calls of all processes, after the first execve() */
    long own;      /* those of them that are not the dynamic loader's: from _start on */
    long memory;   /* KiB: the largest resident set that one of the processes had */
};

/* Runs it, its gate aside, or gives up. Returns its status, as waitpid() has it. */
int inspect(const struct spawn *request, struct inspection *ret_inspection);

/* What was measured, and how it is told. */
#pragma once

#include <stdio.h>

#include "inspect.h"

enum {
    ROUNDS_MAX = 1000,
};

enum task_index {
    CREATE,
    CONNECT,
    DESTROY,
    TASKS,
};

enum contender_index {
    OURS,
    CHILDREN,
    FLOOR,
    CONTENDERS,
};

struct sample {
    double ms;     /* from the start of the process to its end */
    double cpu_ms; /* user and system, with all children */
};

struct measurement {
    struct sample samples[ROUNDS_MAX];
    struct inspection inspection;
};

struct report {
    int rounds;
    struct measurement measurements[TASKS][CONTENDERS];
};

extern const char *const task_names[TASKS];

/* A table, and how the aims fare. */
void report_print(const struct report *report, FILE *file);

/* All of it, with each sample. */
void report_json(const struct report *report, FILE *file);

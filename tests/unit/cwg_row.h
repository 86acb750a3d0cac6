/* A row of tasks for a stand-in for the helper, and what became of them. */
#pragma once

#include "cwg/agent/loop/tasks.h"

enum {
    TASKS = 200,
    LONG_MS = 20000, /* for a machine that is busy */
};

struct answer {
    int calls;
    bool failed;
    char text[FAILURE_TEXT_SIZE]; /* the failure's, or the result's JSON */
};

extern struct loop loop;
extern struct tasks *tasks;
extern struct task task[TASKS];
extern struct answer answer[TASKS]; /* to each task */
extern int order[TASKS], done;      /* the tasks that are done, and their number */
extern bool again;                  /* a task that failed is put in again, as an end does */

/* Answers each task with its own pid. */
#define ECHO "while read name pid rest; do echo \"ok [$pid]\"; done"

/* Each task's `done`. */
void take(struct task *one, const json_t *result, const struct failure *failure);

/* The script is the helper; NULL: there is none. `socket` is as for tasks_open(). */
void begin_row(const char *script, const char *socket);
void end_row(void);

/* Puts so many tasks in: of process 1000, 1001 and so on. */
void add_tasks(int count);

/* Goes on until so many tasks are done, or for a time. */
void run_row(int count, int milliseconds);

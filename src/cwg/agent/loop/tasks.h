/* The helper at work for an agent: one `net-admin-helper batch` that lives as long as the agent,
 * and any number of tasks that wait for their turn. The agent starts the batch, or finds it behind
 * a socket: systemd starts one for each connection. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cwg/agent/loop/alone.h"
#include "cwg/agent/loop/loop.h"
#include "cwg/base/failure.h"
#include "cwg/base/lines.h"
#include "cwg/base/process.h"

enum {
    TASK_LINE_SIZE = 512, /* of a batch */
    TASKS_SAID_SIZE = 512,
};

/* A line for the batch. It is its owner's memory, and has to stay until `done` is called, which
 * happens once, and never within tasks_add(). `result` is the task's JSON or NULL, and lent. */
struct task {
    char line[TASK_LINE_SIZE]; /* with its newline */
    bool alone; /* not by the batch: some of its words are descriptors, as fd:N. These are they: */
    int passed[PROCESS_PASSED]; /* they are closed when it is done; -1 for none */
    void (*done)(struct task *task, const json_t *result, const struct failure *failure);
    void *owner;
    struct task *next;
};

struct tasks {
    struct loop *loop;
    struct alone alone;
    const char *socket;   /* its path; "": the agent starts the batch */
    struct process batch; /* pid is -1 if it doesn't run, and 0 if it is behind the socket */
    struct lines answers;
    struct watch watch, errors; /* its output and its standard error */
    char said[TASKS_SAID_SIZE]; /* the last that it said there */
    struct task *first;         /* the oldest one without an answer */
    struct task *unsent;        /* the first one that the batch hasn't got */
    struct task **last;
    int sent;
    bool answered;    /* a task, since it began */
    int count;        /* of tasks without an answer */
    int64_t retry;    /* clock_now(): not started before */
    int64_t heard;    /* the last answer, or the first task that it got */
    int64_t patience; /* milliseconds without an answer: the batch is ended, and its tasks fail */
    uint64_t succeeded, failed; /* tasks since tasks_open() */
};

/* `socket` stays the caller's, and may change: it is used when a batch is started. */
void tasks_open(struct tasks *tasks, struct loop *loop, const char *socket);

/* Writes a task's line: the words with blanks between them. Returns 0, or -1 if it is too long. */
int task_write(struct task *task, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a task at the end. */
void tasks_add(struct tasks *tasks, struct task *task);

/* Starts the batch if there is something for it to do and it doesn't run. To be called in each turn
 * of the loop. Returns when it wants to be called at the latest (clock_now()). */
int64_t tasks_run(struct tasks *tasks);

/* Forgets all tasks, and lets the batch end by itself: a task at work is not cut short. */
void tasks_close(struct tasks *tasks);

/* What the programs of engines print of one container, read as what a hostile program may print. */
#pragma once

#include <sys/types.h>

#include "cwg/container/container.h"

enum {
    READING_PID_MAX = 4194304, /* PID_MAX_LIMIT, include/linux/threads.h */
};

/* What a reader returns. */
enum {
    RUNNING = 0,
    STOPPED = -1,
    UNREADABLE = -2,
    ABSENT = 1, /* it tells of something else than a container */
};

/* Copies as much of a text as there is room for. */
void reading_keep(char *to, size_t size, const char *from);

/* "PID ID NAME", on one line; the pid is 0 or nothing if it isn't running. Docker writes a '/'
 * before its names. */
int reading_inspect(char *output, struct container *ret_container);

/* "Leader=PID", "State=running" and "Class=container", a line each. machined knows virtual
 * machines, too. */
int reading_machine(char *output, struct container *ret_container);

/* The pid alone; of a container that isn't running there may be none. */
int reading_pid(char *output, struct container *ret_container);

/* The state of an instance: {"pid":N,"status":"Running",...}. A stopped one has no pid, or 0. */
int reading_instance(char *output, struct container *ret_container);

/* A pod's sandbox: {"status":{"id":"..."},"info":{"pid":N}}. CRI-O's has no process, and so no pid:
 * then the container is the file of its namespace. */
int reading_sandbox(char *output, struct container *ret_container);

/* A pid's digits. Returns RUNNING, STOPPED for 0, or UNREADABLE. */
int reading_take_pid(const char *text, struct container *ret_container);

// A program that runs from system call to system call.
//
// It is seized by a tracer that keeps its own privileges (PTRACE_SEIZE, after the child gave up
// its own), so that file capabilities and AT_SECURE are in force in it as without a tracer:
// execve() takes them away only when the tracer lacks CAP_SYS_PTRACE (security/commoncap.c,
// cap_bprm_creds_from_file). It dies with the tracer (PTRACE_O_EXITKILL). Only its first thread is
// followed; threads and children of it run on unseen.
#ifndef TESTS_TOOLS_TRACEE_H
#define TESTS_TOOLS_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { GROUPS_MAX = 32 };

// What is run, and as whom.
struct launch {
    char **command;
    long execs;              // counting starts after this many successful execve()s
    const char *stdin_path;  // NULL: inherited
    const char *stdout_path; // NULL: inherited; else emptied first
    bool change_user;        // set these, before execve()
    uid_t uid;
    gid_t gid;
    size_t group_count;
    gid_t groups[GROUPS_MAX];
};

struct tracee {
    pid_t pid;
    long calls;    // system calls entered, this one included
    uint64_t call; // number of the one that it is stopped at
    bool started;  // execve() succeeded
    bool ended;    // and reaped
    int status;    // as of a shell: exit status, or 128 + signal
    int stop;      // how it was last seen by waitpid()
    long execs_left;
};

// Starts it and runs it to its execve(), where nothing is counted yet. Where that failed, the
// tracee is left ended and not started.
void tracee_start(struct tracee *ret, const struct launch *launch);

// Runs it on to the entry of its next system call: true. When it ended before that: false.
bool tracee_next(struct tracee *tracee);

// Kills it and reaps it. The system call that it is stopped at isn't executed.
void tracee_kill(struct tracee *tracee);

#endif

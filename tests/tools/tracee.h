// A program that runs from system call to system call.
//
// The child gives up its privileges, then a tracer that keeps its own seizes it (PTRACE_SEIZE). So
// file capabilities and AT_SECURE are in force in the program as without a tracer: execve() takes
// them away only if the tracer lacks CAP_SYS_PTRACE (security/commoncap.c,
// cap_bprm_creds_from_file). The program dies with the tracer (PTRACE_O_EXITKILL). The tracer
// follows the first thread alone; other threads and children run on.
#ifndef TESTS_TOOLS_TRACEE_H
#define TESTS_TOOLS_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The program, and the user and group it runs as.
struct launch {
    char **command;
    long execs;              // counting starts after this many successful execve()s
    const char *stdout_path; // NULL: inherited; else emptied first
    bool change_user;        // set these, and no supplementary groups, before execve()
    uid_t uid;
    gid_t gid;
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

// Starts the program and runs it to its execve(). Nothing is counted yet. If execve() failed, the
// tracee has ended and not started.
void tracee_start(struct tracee *ret, const struct launch *launch);

// Runs the program to the entry of its next system call. False if it ended before that.
bool tracee_next(struct tracee *tracee);

// Kills the program and reaps it. The kernel doesn't execute the system call that it is stopped at.
void tracee_kill(struct tracee *tracee);

#endif

// Gives the number of a process that ends to a new process in another network namespace.
//
//     pidrecycle [--kill] PID NETNS SECONDS
//
// With --kill the process that has the number is killed first; else it has to end by itself. Its
// parent has to reap it. Once the number is free (ten seconds at most), a new process takes it,
// enters the network namespace in the file NETNS (/run/netns/NAME, /proc/PID/ns/net), prints
// "ready", and ends after SECONDS, or with pidrecycle itself. As root: clone3() sets the pid only
// with CAP_CHECKPOINT_RESTORE.
//
// Exit status: 0 the number was taken for SECONDS, 1 it did not become free or the namespace could
// not be entered, 2 wrong arguments or other trouble.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { PATIENCE_MS = 10000 };

static _Noreturn void usage(void)
{
    fputs("usage: pidrecycle [--kill] PID NETNS SECONDS\n", stderr);
    exit(TROUBLE);
}

// Forks a process with a chosen number. -1 and EEXIST while another process has the number.
static pid_t fork_as(pid_t pid)
{
    struct clone_args arguments = {
        .exit_signal = SIGCHLD,
        .set_tid = (uintptr_t)&pid,
        .set_tid_size = 1,
    };
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static pid_t fork_when_free(pid_t pid)
{
    int64_t end = now_ms() + PATIENCE_MS;
    pid_t child;

    while ((child = fork_as(pid)) < 0) {
        if (errno != EEXIST)
            fail(TROUBLE, "clone3");
        if (now_ms() > end)
            fail(1, "pid %d did not become free", pid);
        usleep(100);
    }
    return child;
}

static _Noreturn void live(pid_t pid, int netns, unsigned seconds)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getpid() != pid)
        fail(TROUBLE, "this is not process %d", pid);
    if (setns(netns, CLONE_NEWNET) != 0)
        fail(1, "setns");
    puts("ready");
    fflush(stdout);
    while (seconds > 0)
        seconds = sleep(seconds);
    _exit(0);
}

int main(int argc, char **argv)
{
    bool kills = argc > 1 && strcmp(argv[1], "--kill") == 0;
    char **arguments = argv + 1 + kills;
    long pid, seconds;
    int status;

    if (argc - kills != 4 || !parse_number(arguments[0], 2, INT32_MAX, &pid) ||
        !parse_number(arguments[2], 1, 3600, &seconds))
        usage();
    int netns = open(arguments[1], O_RDONLY | O_CLOEXEC);
    if (netns < 0)
        fail(TROUBLE, "%s", arguments[1]);
    if (kills && kill((pid_t)pid, SIGKILL) != 0 && errno != ESRCH)
        fail(TROUBLE, "kill %ld", pid);

    pid_t child = fork_when_free((pid_t)pid);
    if (child == 0)
        live((pid_t)pid, netns, (unsigned)seconds);
    if (waitpid(child, &status, 0) < 0)
        fail(TROUBLE, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

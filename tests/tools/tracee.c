#define _GNU_SOURCE 1
#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { CANNOT = 125, CANNOT_EXECUTE = 126, NOT_FOUND = 127 };

static void redirect(const char *path, int flags, int fd)
{
    if (path == NULL)
        return;
    int file = open(path, flags, 0644);
    if (file < 0 || dup2(file, fd) < 0)
        fail(CANNOT, "%s", path);
    if (file != fd)
        close(file);
}

static void become(const struct launch *launch)
{
    if (!launch->change_user)
        return;
    if (setgroups(0, NULL) != 0 || setresgid(launch->gid, launch->gid, launch->gid) != 0 ||
        setresuid(launch->uid, launch->uid, launch->uid) != 0)
        fail(CANNOT, "cannot become uid %u, gid %u", launch->uid, launch->gid);
}

// Runs in the child: prepares everything, waits until it is traced, and becomes the program.
static _Noreturn void child(const struct launch *launch, int go)
{
    char byte;

    redirect(launch->stdout_path, O_WRONLY | O_CREAT | O_TRUNC, 1);
    become(launch);
    if (read(go, &byte, 1) != 1)
        _exit(CANNOT);
    execvp(launch->command[0], launch->command);
    int code = errno == ENOENT ? NOT_FOUND : CANNOT_EXECUTE;
    fail(code, "cannot run %s", launch->command[0]);
}

static void wait_for(struct tracee *tracee)
{
    int status;

    while (waitpid(tracee->pid, &status, __WALL) < 0)
        if (errno != EINTR)
            fail(CANNOT, "waitpid");
    tracee->stop = status;
    if (WIFSTOPPED(status))
        return;
    tracee->ended = true;
    tracee->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Says whether the whole process is stopped. Then it stays stopped.
static bool group_stopped(int stop)
{
    int signal = WSTOPSIG(stop);
    return stop >> 16 == PTRACE_EVENT_STOP && signal != SIGTRAP;
}

// Returns the signal that the tracee has to get, or 0 if the stop was for the tracer alone.
static int signal_of(int stop)
{
    bool ours = stop >> 16 != 0 || WSTOPSIG(stop) == (SIGTRAP | 0x80);
    return ours ? 0 : WSTOPSIG(stop);
}

// Lets the tracee run to its next stop of any kind. If it was killed meanwhile, wait_for() notices.
static void resume(struct tracee *tracee, bool to_call)
{
    long done;

    if (group_stopped(tracee->stop))
        done = ptrace(PTRACE_LISTEN, tracee->pid, 0L, 0L);
    else
        done = ptrace(to_call ? PTRACE_SYSCALL : PTRACE_CONT, tracee->pid, 0L,
                      (long)signal_of(tracee->stop));
    if (done != 0 && errno != ESRCH)
        fail(CANNOT, "cannot resume %d", tracee->pid);
    wait_for(tracee);
}

void tracee_start(struct tracee *ret, const struct launch *launch)
{
    const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
    int go[2];

    fflush(NULL);
    *ret = (struct tracee){.execs_left = launch->execs};
    if (pipe2(go, O_CLOEXEC) != 0 || (ret->pid = fork()) < 0)
        fail(CANNOT, "cannot start a program");
    if (ret->pid == 0)
        child(launch, go[0]);

    if (ptrace(PTRACE_SEIZE, ret->pid, 0L, options) != 0) {
        int error = errno;
        kill(ret->pid, SIGKILL);
        errno = error;
        fail(CANNOT, "cannot trace");
    }
    if (write(go[1], "", 1) != 1)
        fail(CANNOT, "cannot start a program");
    close(go[0]);
    close(go[1]);

    wait_for(ret);
    while (!ret->ended) {
        if (ret->stop >> 16 == PTRACE_EVENT_EXEC && --ret->execs_left == 0) {
            ret->started = true;
            return;
        }
        resume(ret, false);
    }
}

bool tracee_next(struct tracee *tracee)
{
    while (!tracee->ended) {
        struct __ptrace_syscall_info info;

        resume(tracee, true);
        if (tracee->ended || WSTOPSIG(tracee->stop) != (SIGTRAP | 0x80))
            continue;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->pid, sizeof(info), &info) <= 0)
            continue; // it was killed meanwhile
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        tracee->calls++;
        tracee->call = info.entry.nr;
        return true;
    }
    return false;
}

void tracee_kill(struct tracee *tracee)
{
    kill(tracee->pid, SIGKILL);
    while (!tracee->ended)
        wait_for(tracee);
}

#include "inspect.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

#ifndef __x86_64__
#error "inspect.c: breakpoints are written for x86_64 alone, as is what the VM emulates"
#endif

enum {
    PROCESSES_MAX = 64,
    BREAKPOINT = 0xcc, /* int3 */
    SYSCALL_STOP = SIGTRAP | 0x80,
    OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT,
};

struct process {
    pid_t pid;
    uintptr_t entry;   /* _start of its program, while there is a breakpoint at it; or 0 */
    uintptr_t covered; /* the text under the breakpoint */
};

struct tracer {
    struct process processes[PROCESSES_MAX];
    struct inspection inspection;
};

/* The system call itself: glibc's function has another type for each request. */
static long trace(long request, pid_t pid, uintptr_t address, uintptr_t data)
{
    return syscall(SYS_ptrace, request, pid, address, data);
}

static struct process *process_of(struct tracer *tracer, pid_t pid)
{
    struct inspection *inspection = &tracer->inspection;

    for (long i = 0; i < inspection->processes; i++) {
        if (tracer->processes[i].pid == pid)
            return &tracer->processes[i];
    }
    if (inspection->processes == PROCESSES_MAX)
        fail(TROUBLE, "too many processes");
    tracer->processes[inspection->processes] = (struct process){.pid = pid};
    return &tracer->processes[inspection->processes++];
}

/* Where the program itself starts, once the loader is done (AT_ENTRY, getauxval(3)). */
static uintptr_t entry_of(pid_t pid)
{
    Elf64_auxv_t auxiliary = {0};
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && auxiliary.a_type != AT_ENTRY &&
           read(fd, &auxiliary, sizeof(auxiliary)) == sizeof(auxiliary))
        ;
    if (auxiliary.a_type != AT_ENTRY)
        fail(TROUBLE, "%s has no entry point", path);
    close(fd);
    return auxiliary.a_un.a_val;
}

static void on_exec(struct tracer *tracer, struct process *process)
{
    uintptr_t entry = entry_of(process->pid);
    uintptr_t text;

    if (trace(PTRACE_PEEKTEXT, process->pid, entry, (uintptr_t)&text) < 0 ||
        trace(PTRACE_POKETEXT, process->pid, entry, (text & ~(uintptr_t)0xff) | BREAKPOINT) < 0)
        fail(TROUBLE, "can't set a breakpoint");
    process->entry = entry;
    process->covered = text;
    tracer->inspection.programs++;
}

/* Whether this was our breakpoint, which is over then. */
static bool on_trap(struct process *process)
{
    struct user_regs_struct registers;

    if (!process->entry || trace(PTRACE_GETREGS, process->pid, 0, (uintptr_t)&registers) < 0 ||
        registers.rip != process->entry + 1)
        return false;
    registers.rip = process->entry;
    if (trace(PTRACE_POKETEXT, process->pid, process->entry, process->covered) < 0 ||
        trace(PTRACE_SETREGS, process->pid, 0, (uintptr_t)&registers) < 0)
        fail(TROUBLE, "can't remove a breakpoint");
    process->entry = 0;
    return true;
}

static void on_call(struct tracer *tracer, const struct process *process)
{
    struct __ptrace_syscall_info info;

    if (trace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), (uintptr_t)&info) < 0)
        fail(TROUBLE, "can't see a system call");
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || tracer->inspection.programs == 0)
        return;
    tracer->inspection.calls++;
    if (!process->entry)
        tracer->inspection.own++;
}

/* KiB in a line of a file in /proc/PID. */
static long kibibytes(pid_t pid, const char *file, const char *field)
{
    char path[64];
    char text[8192];
    const char *found;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    found = read_small(path, text, sizeof(text)) ? strstr(text, field) : NULL;
    if (!found)
        fail(TROUBLE, "%s has no %s", path, field);
    return strtol(found + strlen(field), NULL, 10);
}

/* Its last moment with memory. ru_maxrss is of no use: it counts what the process had before
 * execve(), too (exec_mmap(), fs/exec.c). VmHWM alone may lag behind by some pages for each
 * processor, since the kernel adds up its counters now and then; what is mapped now is exact. */
static void on_exit_event(struct tracer *tracer, const struct process *process)
{
    long peak = kibibytes(process->pid, "status", "\nVmHWM:");
    long now = kibibytes(process->pid, "smaps_rollup", "\nRss:");

    if (now > peak)
        peak = now;
    if (peak > tracer->inspection.memory)
        tracer->inspection.memory = peak;
}

/* Returns the signal to pass on, or 0. */
static int on_stop(struct tracer *tracer, struct process *process, int status)
{
    int signal = WSTOPSIG(status);

    switch (status >> 16) {
    case 0:
        break;
    case PTRACE_EVENT_EXEC:
        on_exec(tracer, process);
        return 0;
    case PTRACE_EVENT_EXIT:
        on_exit_event(tracer, process);
        return 0;
    default:
        return 0;
    }
    if (signal == SYSCALL_STOP) {
        on_call(tracer, process);
        return 0;
    }
    return signal == SIGTRAP && on_trap(process) ? 0 : signal;
}

/* To the end of the first process; the others end before it. */
static int follow(struct tracer *tracer, pid_t first)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFSTOPPED(status))
            trace(PTRACE_SYSCALL, pid, 0,
                  (uintptr_t)on_stop(tracer, process_of(tracer, pid), status));
        else if (pid == first)
            return status;
    }
    fail(TROUBLE, "waitpid");
}

int inspect(const struct spawn *request, struct inspection *ret_inspection)
{
    struct tracer *tracer = calloc(1, sizeof(*tracer));
    struct spawn gated = *request;
    int gate[2];
    int status;
    pid_t pid;

    if (!tracer)
        fail(TROUBLE, "calloc");
    pipe_open(gate);
    gated.gate = gate[0];
    pid = spawn(&gated);
    if (trace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0 || write(gate[1], "", 1) != 1)
        fail(TROUBLE, "can't trace");
    status = follow(tracer, pid);
    close(gate[0]);
    close(gate[1]);
    *ret_inspection = tracer->inspection;
    free(tracer);
    return status;
}

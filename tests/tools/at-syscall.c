// Runs a program from system call to system call, and kills it, stops it or runs a script there.
// Only a test that kills a privileged program at each of its calls shows what it leaves behind.
// This tracer has CAP_SYS_PTRACE, so the program keeps its file capabilities.
// strace can't do it: its -u knows only users that have a name, its inject counts the calls of each
// name separately, and it runs no script at a stop.
//
//     at-syscall [OPTION]... count -- CMD...       how many system calls it makes
//     at-syscall [OPTION]... status -- CMD...      its privileges at each: one line per call
//     at-syscall [OPTION]... kill N -- CMD...      SIGKILL at the entry of the Nth: not executed
//     at-syscall [OPTION]... stop N --do SH -- CMD...   runs SH there, then lets it go on
//     at-syscall [OPTION]... each --do SH -- CMD...     the same at every call
//     at-syscall [OPTION]... exit --do SH -- CMD...     the same at its exit_group()
//
//     --uid N --gid N   whom CMD runs as, without supplementary groups
//     --exec K        counting starts after the Kth execve(): 2 where CMD is a wrapper that execs
//     --stdout FILE   CMD's standard output, emptied at the start
//     --report FD     where reports go (2); CMD doesn't inherit it if it is above 2
//     --timeout S     for all of it (300)
//
// Calls are counted from 1, after the execve(). SH is run by `sh -c` with PID, N, and CALL (the
// call's name).
//
// Exit status: CMD's own (128 + signal if one killed it: 137 after `kill`), but 123 if a --do
// failed, 124 at the timeout, 125 for wrong arguments and other trouble, 126 and 127 if CMD cannot
// be run.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callname.h"
#include "common.h"
#include "tracee.h"

enum { DO_FAILED = 123, TIMED_OUT = 124, CANNOT = 125 };

struct request {
    long n;
    long timeout;
    long report;
    const char *action; // --do
    struct launch launch;
};

struct mode {
    const char *name;
    bool takes_n;
    bool takes_action;
    int (*run)(const struct request *request);
};

static _Noreturn void usage(void)
{
    fputs("usage: at-syscall [--uid N] [--gid N] [--exec K] [--stdout FILE]\n"
          "                  [--report FD] [--timeout S]\n"
          "                  count|status|kill N|stop N --do SH|each --do SH|exit --do SH  -- "
          "CMD...\n",
          stderr);
    exit(CANNOT);
}

static void set_number(const char *name, long value)
{
    char text[24];
    snprintf(text, sizeof(text), "%ld", value);
    setenv(name, text, 1);
}

// The process group of the shell command that runs now.
static volatile sig_atomic_t shell_group;

// Runs a shell command, which ends with this program. True if it succeeded.
static bool shell(const char *script)
{
    int status;
    pid_t pid = fork();

    if (pid < 0)
        fail(CANNOT, "fork");
    setpgid(pid, pid);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDONLY);
        if (null > 0)
            dup2(null, 0);
        if (null > 2)
            close(null);
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    shell_group = pid;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            fail(CANNOT, "waitpid");
    shell_group = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Runs --do where the tracee is stopped.
static bool act(const struct request *request, const struct tracee *tracee)
{
    const char *name = call_name(tracee->call);

    set_number("PID", tracee->pid);
    set_number("N", tracee->calls);
    setenv("CALL", name, 1);
    if (shell(request->action))
        return true;
    dprintf((int)request->report, "do failed %ld %s\n", tracee->calls, name);
    return false;
}

// Starts the program. If it can't be started: false, with its status set.
static bool start(const struct request *request, struct tracee *ret)
{
    tracee_start(ret, &request->launch);
    if (!ret->started)
        dprintf((int)request->report, "not started status %d\n", ret->status);
    return ret->started;
}

static int report_end(const struct request *request, const struct tracee *tracee)
{
    dprintf((int)request->report, "ended %ld status %d\n", tracee->calls, tracee->status);
    return tracee->status;
}

static int count(const struct request *request)
{
    struct tracee tracee;

    if (!start(request, &tracee))
        return tracee.status;
    while (tracee_next(&tracee))
        ;
    dprintf((int)request->report, "%ld\n", tracee.calls);
    return tracee.status;
}

// Runs the program to its Nth call. False if the program ended before that.
static bool reach(struct tracee *tracee, long n)
{
    while (tracee_next(tracee))
        if (tracee->calls == n)
            return true;
    return false;
}

static int kill_at(const struct request *request)
{
    struct tracee tracee;

    if (!start(request, &tracee))
        return tracee.status;
    if (!reach(&tracee, request->n))
        return report_end(request, &tracee);
    tracee_kill(&tracee);
    dprintf((int)request->report, "killed %ld %s\n", tracee.calls, call_name(tracee.call));
    return tracee.status;
}

// Runs --do at each call for which `wanted` is true, until the program ends.
static int act_at(const struct request *request,
                  bool (*wanted)(const struct request *, const struct tracee *))
{
    struct tracee tracee;
    bool fine = true;
    bool reached = false;

    if (!start(request, &tracee))
        return tracee.status;
    while (tracee_next(&tracee)) {
        if (!wanted(request, &tracee))
            continue;
        reached = true;
        fine = act(request, &tracee) && fine;
    }
    if (!reached)
        report_end(request, &tracee);
    return fine ? tracee.status : DO_FAILED;
}

static bool is_nth(const struct request *request, const struct tracee *tracee)
{
    return tracee->calls == request->n;
}

static bool is_any(const struct request *request, const struct tracee *tracee)
{
    (void)request;
    (void)tracee;
    return true;
}

static bool is_exit(const struct request *request, const struct tracee *tracee)
{
    (void)request;
    return tracee->call == SYS_exit_group || tracee->call == SYS_exit;
}

static int stop_at(const struct request *request)
{
    return act_at(request, is_nth);
}

static int act_at_each(const struct request *request)
{
    return act_at(request, is_any);
}

static int act_at_exit(const struct request *request)
{
    return act_at(request, is_exit);
}

// Finds a field of /proc/PID/status.
static const char *field(const char *status, const char *name, char *ret, size_t size)
{
    char line[32];

    snprintf(line, sizeof(line), "\n%s:", name);
    const char *found = strstr(status, line);
    if (found == NULL) {
        snprintf(ret, size, "?");
        return ret;
    }
    found += strlen(line);
    found += strspn(found, " \t");
    snprintf(ret, size, "%.*s", (int)strcspn(found, " \t\n"), found);
    return ret;
}

// The files in /proc/PID belong to root unless the process is dumpable (fs/proc/base.c,
// task_dump_owner). If the process runs as root, they say nothing.
static char dumpable(pid_t pid, const char *status)
{
    char path[48], uid[16];
    struct stat mem;

    const char *uids = strstr(status, "\nUid:");
    unsigned effective;
    if (uids == NULL || sscanf(uids, "\nUid: %*u %15s", uid) != 1)
        return '?';
    effective = (unsigned)strtoul(uid, NULL, 10);
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    if (effective == 0 || stat(path, &mem) != 0)
        return '?';
    return mem.st_uid == effective ? '1' : '0';
}

static int show_status(const struct request *request)
{
    static const char *const fields[] = {"CapInh", "CapPrm",     "CapEff",
                                         "CapAmb", "NoNewPrivs", "Seccomp"};
    struct tracee tracee;

    if (!start(request, &tracee))
        return tracee.status;
    while (tracee_next(&tracee)) {
        char path[48], status[8192], line[512], value[32];
        snprintf(path, sizeof(path), "/proc/%d/status", tracee.pid);
        if (!read_small(path, status, sizeof(status)))
            continue; // it was killed meanwhile
        int used = snprintf(line, sizeof(line), "%ld %s", tracee.calls, call_name(tracee.call));
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            used += snprintf(line + used, sizeof(line) - (size_t)used, " %s=%s", fields[i],
                             field(status, fields[i], value, sizeof(value)));
        dprintf((int)request->report, "%s Dumpable=%c\n", line, dumpable(tracee.pid, status));
    }
    return tracee.status;
}

static const struct mode modes[] = {
    {"count", false, false, count},     {"status", false, false, show_status},
    {"kill", true, false, kill_at},     {"stop", true, true, stop_at},
    {"each", false, true, act_at_each}, {"exit", false, true, act_at_exit},
};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    usage();
}

static long number_or_usage(const char *text, long min, long max)
{
    long value;
    if (!parse_number(text, min, max, &value))
        usage();
    return value;
}

static void take_option(struct request *request, int option, char *value)
{
    struct launch *launch = &request->launch;

    launch->change_user |= option == 'u' || option == 'g';
    switch (option) {
    case 'u':
        launch->uid = (uid_t)number_or_usage(value, 0, UINT32_MAX - 1);
        break;
    case 'g':
        launch->gid = (gid_t)number_or_usage(value, 0, UINT32_MAX - 1);
        break;
    case 'x':
        launch->execs = number_or_usage(value, 1, 100);
        break;
    case 'o':
        launch->stdout_path = value;
        break;
    case 'r':
        request->report = number_or_usage(value, 0, 1 << 20);
        break;
    case 't':
        request->timeout = number_or_usage(value, 1, 86400);
        break;
    case 'd':
        request->action = value;
        break;
    default:
        usage();
    }
}

static const struct option options[] = {
    {"uid", required_argument, NULL, 'u'},    {"gid", required_argument, NULL, 'g'},
    {"exec", required_argument, NULL, 'x'},   {"stdout", required_argument, NULL, 'o'},
    {"report", required_argument, NULL, 'r'}, {"timeout", required_argument, NULL, 't'},
    {"do", required_argument, NULL, 'd'},     {NULL, 0, NULL, 0},
};

// Reads the command behind "--", and the options and the mode before it, in any order.
static const struct mode *parse(int argc, char **argv, struct request *request)
{
    const struct mode *mode = NULL;
    int split = 1;
    int option;

    while (split < argc && strcmp(argv[split], "--") != 0)
        split++;
    if (split + 1 >= argc)
        usage();
    request->launch.command = argv + split + 1;

    // The leading '-' returns each argument that is no option as option 1, in its place.
    while ((option = getopt_long(split, argv, "-", options, NULL)) != -1) {
        if (option != 1)
            take_option(request, option, optarg);
        else if (mode == NULL)
            mode = find_mode(optarg);
        else if (mode->takes_n && request->n == 0)
            request->n = number_or_usage(optarg, 1, 1000000000);
        else
            usage();
    }
    if (mode == NULL || mode->takes_n != (request->n != 0) ||
        mode->takes_action != (request->action != NULL))
        usage();
    return mode;
}

// The program dies with this tracer. The children of a shell command don't.
static void time_out(int signal)
{
    static const char text[] = "at-syscall: timed out\n";
    (void)signal;
    if (shell_group != 0)
        kill(-(pid_t)shell_group, SIGKILL);
    ssize_t written = write(2, text, sizeof(text) - 1);
    _exit(written < 0 ? CANNOT : TIMED_OUT);
}

int main(int argc, char **argv)
{
    struct request request = {.timeout = 300, .report = 2, .launch = {.execs = 1}};
    const struct mode *mode = parse(argc, argv, &request);

    if (fcntl((int)request.report, F_GETFD) < 0 ||
        (request.report > 2 && fcntl((int)request.report, F_SETFD, FD_CLOEXEC) != 0))
        fail(CANNOT, "--report %ld", request.report);
    signal(SIGALRM, time_out);
    alarm((unsigned)request.timeout);
    return mode->run(&request);
}

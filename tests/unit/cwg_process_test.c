#include "cwg/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/lines.h"
#include "cwg/base/program.h"
#include "cwg_programs.h"
#include "unit.h"

#define SH(script) TEXTS("/bin/sh", "-c", script)

enum {
    LONG = 20000, /* milliseconds; nothing here takes so long */
    SHORT = 300,
};

static struct process_result result;
static bool hung_up; /* each process is, just before it changes what it blocks */

int __real_sigprocmask(int how, const sigset_t *set, sigset_t *ret_old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *ret_old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *ret_old)
{
    if (hung_up)
        (void)raise(SIGHUP);
    return __real_sigprocmask(how, set, ret_old);
}

/* Runs a script. Says whether it took less than LONG. */
static bool run(const char *script, int milliseconds, int *ret_error)
{
    const int64_t begun = clock_now();

    *ret_error = process_run(SH(script), NULL, milliseconds, &result);
    return clock_now() - begun < LONG / 2;
}

TEST(what_a_program_says_is_told)
{
    static const struct {
        const char *script;
        int status;
        const char *out, *err;
    } cases[] = {
        {"echo out; echo err >&2", 0, "out\n", "err\n"},
        {"exit 7", 7, "", ""},
        {"kill -TERM $$", 128 + SIGTERM, "", ""},
        {"cat", 0, "", ""}, /* nothing comes from its input */
        {"exec >&-; echo err >&2; exit 3", 3, "", "err\n"},
        {"exec 2>&-; echo out; exit 4", 4, "out\n", ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int error;
        bool soon = run(cases[i].script, LONG, &error);

        expect(soon && error == 0 && result.status == cases[i].status, "case %zu: %d, status %d", i,
               error, result.status);
        expect(strcmp(result.out, cases[i].out) == 0 && strcmp(result.err, cases[i].err) == 0,
               "case %zu: %s, %s", i, result.out, result.err);
    }
}

TEST(a_program_that_is_not_there_is_told)
{
    expect(process_run(TEXTS("/nonexistent"), NULL, LONG, &result) == -ENOENT, "no file");
    expect(process_run(TEXTS("/dev/null"), NULL, LONG, &result) == -EACCES, "no program");
}

TEST(a_program_of_path_that_may_not_be_run_is_no_missing_one)
{
    char path[PROGRAM_PATH_SIZE];

    programs_begin();
    programs_write("tool", "exit 3");
    expect(process_run(TEXTS("tool"), NULL, LONG, &result) == 0 && result.status == 3, "it runs");
    expect(program_find("tool", path) == 0 && chmod(path, 0600) == 0, "%s", path);
    expect(process_run(TEXTS("tool"), NULL, LONG, &result) == -EACCES, "it may not run");
    expect(process_run(TEXTS("nobody"), NULL, LONG, &result) == -ENOENT, "nobody");
    programs_end();
    (void)setenv("PATH", "/usr/bin:/bin", 1);
}

/* Does a process of this number live? */
static bool lives(pid_t pid)
{
    char path[64], text[256] = "";
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file && !fgets(text, sizeof(text), file))
        text[0] = '\0';
    if (file)
        (void)fclose(file);
    return text[0] && !strstr(text, ") Z ");
}

static bool dies(pid_t pid)
{
    for (int i = 0; i < 100 && lives(pid); i++)
        (void)usleep(20000);
    return pid > 0 && !lives(pid);
}

TEST(a_program_that_takes_too_long_is_killed_with_its_children)
{
    int error;
    bool soon = run("sleep 60 & echo $!; wait", SHORT, &error);

    expect(soon && error == 0 && result.status == -1, "%d, status %d", error, result.status);
    expect(dies(atoi(result.out)), "the child %s lives", result.out);
}

TEST(a_child_that_is_left_behind_is_not_waited_for)
{
    int error;
    bool soon = run("echo out; sleep 60 & echo $! >&2; exit 5", LONG, &error);

    expect(soon && error == 0 && result.status == 5 && strcmp(result.out, "out\n") == 0,
           "%d, status %d, %s", error, result.status, result.out);
    expect(lives(atoi(result.err)), "the child is none of ours");
    (void)kill(atoi(result.err), SIGKILL);
}

TEST(floods_end)
{
    int error;

    expect(run("yes", LONG, &error) && error == -EMSGSIZE, "standard output: %d", error);
    expect(run("for i in 1 2 3 4 5 6 7 8; do yes >&2 & done; wait", SHORT, &error) && error == 0 &&
               result.status == -1,
           "standard error: %d, status %d", error, result.status);
    expect(run("yes | head -c 1000000 >&2; echo last >&2", LONG, &error) && error == 0 &&
               result.status == 0 && strlen(result.err) < sizeof(result.err) &&
               strcmp(process_last_line(result.err), "last") == 0,
           "the last part is kept: %s", result.err);
    expect(run("yes '' | head -c 65534", LONG, &error) && error == 0 && strlen(result.out) == 65534,
           "the longest: %d, %zu", error, strlen(result.out));
    expect(run("yes '' | head -c 65536", LONG, &error) && error == -EMSGSIZE, "one more: %d",
           error);
}

TEST(only_named_descriptors_are_passed)
{
    int first = memfd_create("first", 0), second = memfd_create("second", MFD_CLOEXEC),
        third = memfd_create("third", 0), high = fcntl(first, F_DUPFD, 1000);
    char expected[128];

    expect(process_run(SH("ls /proc/$$/fd"), (const int[]){-1, second}, LONG, &result) == 0, "ls");
    (void)snprintf(expected, sizeof(expected), "0\n1\n2\n%d\n", second);
    expect(strcmp(result.out, expected) == 0, "one: %s", result.out);
    expect(process_run(SH("ls /proc/$$/fd"), (const int[]){third, first}, LONG, &result) == 0,
           "ls");
    (void)snprintf(expected, sizeof(expected), "0\n1\n2\n%d\n%d\n", first, third);
    expect(strcmp(result.out, expected) == 0, "two: %s", result.out);
    expect(process_run(SH("ls /proc/$$/fd"), NULL, LONG, &result) == 0 &&
               strcmp(result.out, "0\n1\n2\n") == 0,
           "none: %s", result.out);
    expect(fcntl(second, F_GETFD) == FD_CLOEXEC && fcntl(first, F_GETFD) == 0, "ours stay");
    close(first);
    close(second);
    close(third);
    close(high);
}

/* waitpid(2), which a signal of the child's may interrupt. */
static pid_t waitpid_whole(pid_t pid)
{
    pid_t found;

    do
        found = waitpid(pid, NULL, 0);
    while (found < 0 && errno == EINTR);
    return found;
}

static void ignore(int signal)
{
    (void)signal;
}

/* A signal of somebody's while the end is waited for. */
TEST(an_interrupted_wait_loses_no_status)
{
    const struct sigaction action = {.sa_handler = ignore};
    struct process process;
    pid_t pid;

    (void)sigaction(SIGUSR1, &action, NULL);
    expect(process_start(SH("sleep 0.3; exit 9"), false, NULL, &process) == 0, "start");
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)kill(getppid(), SIGUSR1);
            (void)usleep(20000);
        }
    }
    expect(process_end(&process, clock_now() + LONG) == 9, "the status");
    process_close(&process);
    /* A signal that came later would end another test's read(2). */
    expect(pid > 0 && kill(pid, SIGKILL) == 0 && waitpid_whole(pid) == pid, "the sender");
    (void)signal(SIGUSR1, SIG_IGN);
    expect(process_start(SH("sleep 60"), false, NULL, &process) == 0, "start");
    expect(process_end(&process, clock_now()) == 128 + SIGKILL && process.pid == -1, "killed");
    process_close(&process);
}

TEST(a_reader_that_does_not_read_holds_nobody_up)
{
    static char much[2 * PROCESS_PIPE_MAX];
    struct process process;
    int64_t begun = clock_now();

    memset(much, 'x', sizeof(much));
    expect(process_start(SH("sleep 60"), false, NULL, &process) == 0, "start");
    expect(lines_write(process.in, much, sizeof(much), clock_now() + SHORT) == -1 &&
               errno == ETIMEDOUT && clock_now() - begun < LONG / 2,
           "%s", strerror(errno));
    (void)process_end(&process, 0);
    process_close(&process);
}

TEST(last_lines)
{
    static const struct {
        const char *text, *last;
    } cases[] = {{"", ""}, {"\n \n", ""}, {"a\nb\n\n", "b"}, {"a", "a"}, {"a\r\n", "a"}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%s", cases[i].text);
        expect(strcmp(process_last_line(text), cases[i].last) == 0, "case %zu", i);
    }
}

/* A caller that is killed leaves no program behind. This test gets what the caller left. */
TEST(a_program_ends_with_who_runs_it)
{
    int pipes[2], status = 0;
    char pid[16] = "";
    pid_t caller;

    if (pipe(pipes) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        unit_trouble("pipe");
    caller = fork();
    if (caller == 0) {
        const int passed[PROCESS_PASSED] = {pipes[1], -1};
        char script[64];

        (void)snprintf(script, sizeof(script), "echo $$ >&%d; exec sleep 5", pipes[1]);
        (void)process_run(SH(script), passed, LONG, &result);
        _exit(0);
    }
    if (caller < 0 || read(pipes[0], pid, sizeof(pid) - 1) <= 0)
        unit_trouble("read");
    expect(kill(caller, SIGKILL) == 0 && waitpid(caller, NULL, 0) == caller, "the caller");
    expect(waitpid((pid_t)strtol(pid, NULL, 10), &status, 0) > 0 && WIFSIGNALED(status) &&
               WTERMSIG(status) == SIGKILL,
           "%s has ended with %x", pid, (unsigned)status);
    close(pipes[0]);
    close(pipes[1]);
}

/* The caller blocks SIGHUP, and a program starts with nothing blocked: there is no moment in which
 * the signal would end one that is deaf to it. */
TEST(a_program_that_is_deaf_to_hangups_hears_none_from_its_beginning)
{
    static const struct {
        bool deaf;
        int status;
    } cases[] = {{true, 7}, {false, 128 + SIGHUP}};
    struct process process;
    sigset_t hangup, before;

    (void)sigemptyset(&hangup);
    (void)sigaddset(&hangup, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &hangup, &before);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int error, status = -1;

        hung_up = true;
        error = cases[i].deaf ? process_start_deaf(SH("exit 7"), &process)
                              : process_start(SH("exit 7"), false, NULL, &process);
        hung_up = false;
        if (!error) {
            status = process_end(&process, clock_now() + LONG);
            process_close(&process);
        }
        expect(status == cases[i].status, "%zu: %d, status %d", i, error, status);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

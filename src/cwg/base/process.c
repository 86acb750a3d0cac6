#include "cwg/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/program.h"

enum {
    POLL_MS = 5, /* between two looks, where no descriptor tells of the end */
};

static void close_pair(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* The program gets no descriptor above 2 but those to be passed, which keep their numbers. */
static void keep_only(const int passed[])
{
    if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) { /* before Linux 5.11 */
        for (int fd = 3; fd < sysconf(_SC_OPEN_MAX); fd++)
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    for (size_t i = 0; passed && i < PROCESS_PASSED; i++) {
        if (passed[i] >= 0)
            (void)fcntl(passed[i], F_SETFD, 0);
    }
}

/* A program to be started, as process_start() has it. */
struct start {
    const char *const *argv;
    const int *passed;
    bool on_terminal;
    bool deaf;  /* to SIGHUP, until it blocks the signal and reads it from a signalfd */
    bool bound; /* to its parent: it is killed when the thread that has started it ends */
};

/* Returns 0, or -1 with errno if the parent has ended already. */
static int bind_to(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -1;
    errno = ECANCELED;
    return getppid() == parent ? 0 : -1;
}

static void __attribute__((noreturn))
become(const struct start *start, pid_t parent, int pipes[3][2], int report)
{
    sigset_t none;
    int error;

    /* A Ctrl-C is for the caller, who then ends this program in good order. */
    if (start->on_terminal)
        (void)signal(SIGINT, SIG_IGN);
    else
        (void)setsid();
    (void)signal(SIGPIPE, SIG_DFL);
    if (start->deaf)
        (void)signal(SIGHUP, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(pipes[0][0], 0) >= 0 && dup2(pipes[1][1], 1) >= 0 && dup2(pipes[2][1], 2) >= 0 &&
        (!start->bound || bind_to(parent) == 0)) {
        keep_only(start->passed);
        (void)execvp(start->argv[0], (char *const *)start->argv);
    }
    error = errno;
    (void)!write(report, &error, sizeof(error));
    _exit(127);
}

/* Reads the errno of a start that failed. The pipe ends without one when the program has begun. */
static int read_report(int fd)
{
    int error = 0;

    while (read(fd, &error, sizeof(error)) < 0 && errno == EINTR)
        ;
    return -error;
}

/* Waits for a child's end. Returns its status as waitpid(2) has it; -1 if it is no child. */
static int await(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return status;
}

static int start_child(const struct start *start, int pipes[3][2], pid_t *ret_pid)
{
    const pid_t parent = getpid();
    int report[2];
    int error;
    pid_t pid;

    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        become(start, parent, pipes, report[1]);
    error = pid < 0 ? -errno : 0;
    close(report[1]);
    if (!error)
        error = read_report(report[0]);
    close(report[0]);
    if (error && pid > 0)
        (void)await(pid);
    *ret_pid = pid;
    return error;
}

/* execvp(3) has EACCES also for a folder of PATH that can't be entered. */
static bool is_there(const char *program)
{
    char path[PROGRAM_PATH_SIZE];

    return strchr(program, '/') || program_find(program, path) != -ENOENT;
}

static int start_process(const struct start *start, struct process *ret_process)
{
    int pipes[3][2];
    int opened = 0;
    int error = 0;
    pid_t pid = -1;

    for (; opened < 3 && !error; opened++) {
        if (pipe2(pipes[opened], O_CLOEXEC) < 0) {
            error = -errno;
            break;
        }
    }
    if (!error)
        error = start_child(start, pipes, &pid);
    if (error == -EACCES && !is_there(start->argv[0]))
        error = -ENOENT;
    if (error) {
        while (opened > 0)
            close_pair(pipes[--opened]);
        return error;
    }
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    (void)fcntl(pipes[0][1], F_SETFL, O_NONBLOCK);
    (void)fcntl(pipes[1][0], F_SETFL, O_NONBLOCK);
    (void)fcntl(pipes[2][0], F_SETFL, O_NONBLOCK);
    *ret_process =
        (struct process){.pid = pid, .in = pipes[0][1], .out = pipes[1][0], .err = pipes[2][0]};
    return 0;
}

int process_start(const char *const argv[], bool on_terminal, const int passed[],
                  struct process *ret_process)
{
    const struct start start = {.argv = argv, .passed = passed, .on_terminal = on_terminal};

    return start_process(&start, ret_process);
}

int process_start_deaf(const char *const argv[], struct process *ret_process)
{
    const struct start start = {.argv = argv, .deaf = true};

    return start_process(&start, ret_process);
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void process_close(struct process *process)
{
    close_one(&process->in);
    close_one(&process->out);
    close_one(&process->err);
}

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool has_ended(pid_t pid)
{
    siginfo_t told = {.si_pid = 0};

    return waitid(P_PID, (id_t)pid, &told, WEXITED | WNOHANG | WNOWAIT) < 0 || told.si_pid != 0;
}

int process_end(struct process *process, int64_t deadline)
{
    struct pollfd ended = {.fd = open_pidfd(process->pid), .events = POLLIN};
    int status;

    while (!has_ended(process->pid) && clock_now() < deadline)
        (void)poll(&ended, 1, ended.fd >= 0 ? clock_until(deadline) : POLL_MS);
    if (!has_ended(process->pid))
        (void)kill(process->pid, SIGKILL);
    if (ended.fd >= 0)
        close(ended.fd);
    status = await(process->pid);
    process->pid = -1;
    return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads on into a buffer. With `sliding` the start gives way to the end. Returns 1, 0 at the end,
 * or -EMSGSIZE. */
static int read_on(int fd, char *buffer, size_t size, size_t *length, bool sliding)
{
    ssize_t got;

    if (*length == size - 1 && !sliding)
        return -EMSGSIZE;
    if (*length == size - 1) {
        *length = size / 2;
        memmove(buffer, buffer + size - 1 - *length, *length);
    }
    got = read(fd, buffer + *length, size - 1 - *length);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 1 : 0;
    *length += (size_t)got;
    buffer[*length] = '\0';
    return got > 0;
}

/* Reads both pipes to their end. A child of the program's that lives on may keep them open, so what
 * is there when the program ends is all. `ended` is a pidfd of the program. */
static int read_all(struct process *process, int ended, int64_t deadline,
                    struct process_result *result)
{
    struct pollfd waited[] = {{.fd = process->out, .events = POLLIN},
                              {.fd = process->err, .events = POLLIN},
                              {.fd = ended, .events = POLLIN}};
    size_t out = 0, err = 0;
    bool has_gone = false;

    while (waited[0].fd >= 0 || waited[1].fd >= 0) {
        int ready = poll(waited, 3, has_gone ? 0 : clock_until(deadline));

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0 && has_gone)
            return 0;
        if (ready <= 0 || clock_now() >= deadline)
            return -ETIMEDOUT;
        if (waited[2].revents) {
            has_gone = true;
            waited[2].fd = -1;
        }
        if (waited[0].revents) {
            int more = read_on(process->out, result->out, sizeof(result->out), &out, false);
            if (more < 0)
                return more;
            waited[0].fd = more ? process->out : -1;
        }
        if (waited[1].revents &&
            read_on(process->err, result->err, sizeof(result->err), &err, true) == 0)
            waited[1].fd = -1;
    }
    return 0;
}

int process_run(const char *const argv[], const int passed[], int milliseconds,
                struct process_result *ret_result)
{
    const struct start start = {.argv = argv, .passed = passed, .bound = true};
    const int64_t deadline = clock_now() + milliseconds;
    struct process process;
    int error = start_process(&start, &process);
    int ended;

    ret_result->out[0] = ret_result->err[0] = '\0';
    if (error)
        return error;
    close_one(&process.in);
    ended = open_pidfd(process.pid);
    error = read_all(&process, ended, deadline, ret_result);
    close_one(&ended);
    process_close(&process);
    if (error)
        (void)kill(-process.pid, SIGKILL); /* its children, too */
    ret_result->status = process_end(&process, error ? 0 : deadline);
    if (error == -ETIMEDOUT)
        ret_result->status = -1;
    return error == -ETIMEDOUT ? 0 : error;
}

void process_keep_last(char *text, size_t size, const char *bytes, size_t length)
{
    const size_t added = length < size - 1 ? length : size - 1;
    const size_t room = size - 1 - added;
    const size_t before = strlen(text);
    const size_t kept = before < room ? before : room;

    memmove(text, text + before - kept, kept);
    memcpy(text + kept, bytes + length - added, added);
    text[kept + added] = '\0';
}

char *process_last_line(char *text)
{
    size_t length = strlen(text);
    char *line;

    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        text[--length] = '\0';
    line = strrchr(text, '\n');
    return line ? line + 1 : text;
}

#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static bool redirect(int fd, int target)
{
    return fd < 0 || dup2(fd, target) >= 0;
}

/* The system calls themselves: libc's functions tell all threads, which aren't the child's. */
static bool become(unsigned int id)
{
    return syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, id, id, id) == 0 &&
           syscall(SYS_setresuid, id, id, id) == 0;
}

static bool wait_at(int gate)
{
    char byte;

    return gate < 0 || read(gate, &byte, 1) == 1;
}

/* All contenders take the same steps here. */
static _Noreturn void start(const struct spawn *request, int input)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};

    if (wait_at(request->gate) && redirect(input, STDIN_FILENO) &&
        redirect(request->output, STDOUT_FILENO) &&
        (request->netns < 0 || setns(request->netns, CLONE_NEWNET) == 0) &&
        become(request->application ? BENCH_UID : 0))
        execve(request->argv[0], (char *const *)request->argv, (char *const *)environment);
    _exit(127);
}

static int null_device(void)
{
    static int fd = -1;

    if (fd < 0)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fail(TROUBLE, "/dev/null");
    return fd;
}

pid_t spawn(const struct spawn *request)
{
    int input = request->input < 0 ? null_device() : request->input;
    /* A child that waits would keep the parent of a vfork() waiting. */
    pid_t pid = request->gate < 0 ? vfork() : fork(); /* NOLINT: see the header */

    if (pid < 0)
        fail(TROUBLE, "fork");
    if (pid == 0)
        start(request, input);
    return pid;
}

void pipe_open(int ret_ends[static 2])
{
    if (pipe2(ret_ends, O_CLOEXEC) < 0)
        fail(TROUBLE, "pipe");
}

void pipe_drain(int fd, char *ret_text, size_t size)
{
    size_t used = 0;
    ssize_t got;

    while ((got = read(fd, ret_text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    if (got < 0)
        fail(TROUBLE, "can't read from a pipe");
    close(fd);
    ret_text[used] = '\0';
    if (used > 0 && ret_text[used - 1] == '\n')
        ret_text[used - 1] = '\0';
}

/* A pipe that a text is in already: it has to be short enough for that. */
static int pipe_with(const char *text)
{
    int ends[2];
    ssize_t length = (ssize_t)strlen(text);

    pipe_open(ends);
    if (write(ends[1], text, (size_t)length) != length)
        fail(TROUBLE, "can't write to a pipe");
    close(ends[1]);
    return ends[0];
}

void spawn_and_read(const char *const *argv, int netns, const char *input, char *ret_output,
                    size_t size)
{
    struct spawn request = {.argv = argv, .input = -1, .output = -1, .netns = netns, .gate = -1};
    int output[2] = {-1, -1};
    int status;
    pid_t pid;

    if (input)
        request.input = pipe_with(input);
    if (ret_output) {
        pipe_open(output);
        request.output = output[1];
    }
    pid = spawn(&request);
    if (input)
        close(request.input);
    if (ret_output) {
        close(output[1]);
        pipe_drain(output[0], ret_output, size);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        errno = 0;
        fail(TROUBLE, "%s %s failed", argv[0], argv[1]);
    }
}

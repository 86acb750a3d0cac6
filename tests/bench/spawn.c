/* Runs a program and takes its time, for measure.py. In C, as a library: the time begins before the
 * process is made, and what Python's posix_spawn() does until the program runs is a sixth of the
 * shortest time that is measured in the VM. vfork(): what the process costs doesn't depend on who
 * makes it. */
#include <stddef.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int spawn(char *const *argv, char *const *environment, int input, int output, double ret_ms[2]);

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Writes how long it took until the process was gone, and its processor's time, its children's with
 * it. Returns its status as waitpid() has it, or -1. */
int spawn(char *const *argv, char *const *environment, int input, int output, double ret_ms[2])
{
    double start = milliseconds();
    struct rusage usage;
    struct timeval cpu;
    int status;
    pid_t pid = vfork(); /* NOLINT: see above */

    if (pid == 0) {
        if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
            execve(argv[0], argv, environment);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        return -1;
    ret_ms[0] = milliseconds() - start;
    timeradd(&usage.ru_utime, &usage.ru_stime, &cpu);
    ret_ms[1] = (double)cpu.tv_sec * 1e3 + (double)cpu.tv_usec / 1e3;
    return status;
}

/* Turns the child of clone() into the engine. The caller's user owns this process, as he owns the
 * helper's. It begins as the helper: undumpable, with the three capabilities permitted. It goes on
 * without any capability, in an empty file system, with nothing open but the engine's descriptors.
 * The empty file system is a second line of defence, since the engine's own sandbox has no system
 * call that takes a path; and proof.c recognises an engine by it. The caller may execute the
 * engine's program and not read it, so the kernel keeps the process undumpable (would_dump(),
 * fs/exec.c): nobody can trace it or read its keys. */
#include "helper/backend/engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/confine/privilege.h"
#include "helper/confine/privileged.h"

enum {
    OUT_OF_THE_WAY = 16, /* above the numbers of the engine's descriptors */
    ENGINE_FILES_MAX = 32,
    SIGNALS = 64,
};

/* Moves a descriptor above the final numbers. -1 stays -1. */
static int lift(int *fd)
{
    int lifted;

    if (*fd < 0)
        return 0;
    lifted = fcntl(*fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (lifted < 0)
        return -errno;
    *fd = lifted;
    return 0;
}

/* Closes the caller's descriptors, standard output above all: whoever reads a pipe from it must not
 * wait for the engine's end. */
static int arrange_descriptors(int handover[static HANDOVER_DESCRIPTORS])
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int error = null < 0 ? -errno : lift(&null);

    for (int number = 0; number < HANDOVER_DESCRIPTORS && !error; number++)
        error = lift(&handover[number]);
    if (!error && syscall(SYS_close_range, 0, OUT_OF_THE_WAY - 1, 0) < 0)
        error = -errno;
    for (int number = 0; number < HANDOVER_DESCRIPTORS && !error; number++) {
        int fd = number <= STDERR_FILENO ? null : handover[number];

        if (fd >= 0 && dup3(fd, number, number == HANDOVER_PROGRAM ? O_CLOEXEC : 0) < 0)
            error = -errno;
    }
    if (error)
        return error;
    handover[HANDOVER_START] = HANDOVER_START;
    return syscall(SYS_close_range, HANDOVER_DESCRIPTORS, UINT_MAX, 0) < 0 ? -errno : 0;
}

/* Mounts an empty file system over a directory that exists for certain (home_open() needs /proc),
 * and puts it in the place of all others (pivot_root(2)). It is root's, not the caller's. proof.c
 * recognises an engine by its mode, owner and emptiness. Where the root can't be exchanged there is
 * no engine: in the initramfs, and in a chroot that is no mount (EINVAL). */
static int empty_root(void)
{
    int error = privileged_empty_root("/proc");

    if (error)
        return error;
    return chdir("/") < 0 ? -errno : 0;
}

/* Gives the process a session, signals and limits of its own, whatever the caller's are. */
static int be_ordinary(void)
{
    static const struct rlimit no_core = {0};
    struct rlimit files;
    sigset_t none;

    if (setsid() < 0)
        return -errno;
    for (int number = 1; number <= SIGNALS; number++)
        (void)signal(number, SIG_DFL); /* fails for signals that are always default */
    if (sigemptyset(&none) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return -errno;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return -errno;
    if (files.rlim_max > ENGINE_FILES_MAX)
        files.rlim_max = ENGINE_FILES_MAX;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
        return -errno;
    return 0;
}

/* Under no_new_privs a program of root's regains nothing (cap_bprm_creds_from_file(),
 * security/commoncap.c). */
static int give_up_privileges(void)
{
    int error = be_ordinary();

    if (error)
        return error;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    privilege_end();
    return 0;
}

static int execute(void)
{
    char name[] = "cwg-engine";
    char *const arguments[] = {name, NULL};
    char *const environment[] = {NULL};

    (void)syscall(SYS_execveat, HANDOVER_PROGRAM, "", arguments, environment, AT_EMPTY_PATH);
    return -errno;
}

void child_become_engine(const int handover[static HANDOVER_DESCRIPTORS])
{
    int own[HANDOVER_DESCRIPTORS];
    struct child_report report = {.step = CHILD_STEP_DESCRIPTORS};

    memcpy(own, handover, sizeof(own));
    report.error = arrange_descriptors(own);
    if (!report.error) {
        report.step = CHILD_STEP_ROOT;
        report.error = empty_root();
    }
    if (!report.error) {
        report.step = CHILD_STEP_PRIVILEGES;
        report.error = give_up_privileges();
    }
    if (!report.error) {
        report.step = CHILD_STEP_PROGRAM;
        report.error = execute();
    }
    (void)send(own[HANDOVER_START], &report, sizeof(report), MSG_DONTWAIT | MSG_NOSIGNAL);
    _exit(EXIT_FAILURE);
}

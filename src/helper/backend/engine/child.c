/* Between clone() and the engine's first instruction. The caller's user owns this process as well
 * as the helper's, and so far it is the helper: undumpable, with the three capabilities permitted.
 * It goes on without any, in an empty file system, with nothing open but what it was given. (The
 * empty file system is a second line of defence: the engine's own sandbox has no system call that
 * takes a path. It is also what proof.c knows an engine by.) The engine's program may be executed
 * by that user and not read, so that the kernel keeps the process undumpable (would_dump(),
 * fs/exec.c): no ptrace, no look at its keys. */
#include "helper/backend/engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handover/handover.h"
#include "helper/base/settings.h"
#include "helper/confine/privilege.h"
#include "helper/confine/privileged.h"

enum {
    OUT_OF_THE_WAY = 16, /* above all numbers that the engine's descriptors get */
    ENGINE_FILES_MAX = 32,
    SIGNALS = 64,
};

/* Puts a descriptor where none of the final numbers is. -1 stands for none. */
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

static int lift_all(struct handover *handover, int *null)
{
    int *const all[] = {&handover->program, &handover->tun,   &handover->udp4,
                        &handover->udp6,    &handover->start, null};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int error = lift(all[i]);

        if (error)
            return error;
    }
    return 0;
}

static int put(int fd, int number, int flags)
{
    if (fd < 0)
        return 0;
    return dup3(fd, number, flags) < 0 ? -errno : 0;
}

/* Closes what the caller gave to the helper, standard output first of all: who reads a pipe from it
 * must not have to wait for the engine's end. */
static int arrange_descriptors(struct handover *handover)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int error = null < 0 ? -errno : lift_all(handover, &null);

    if (error)
        return error;
    if (syscall(SYS_close_range, 0, OUT_OF_THE_WAY - 1, 0) < 0)
        return -errno;
    for (int number = STDIN_FILENO; number <= STDERR_FILENO && !error; number++)
        error = put(null, number, 0);
    if (!error)
        error = put(handover->tun, HANDOVER_TUN, 0);
    if (!error)
        error = put(handover->udp4, HANDOVER_UDP4, 0);
    if (!error)
        error = put(handover->udp6, HANDOVER_UDP6, 0);
    if (!error)
        error = put(handover->program, HANDOVER_PROGRAM, O_CLOEXEC);
    if (!error)
        error = put(handover->start, HANDOVER_START, 0);
    if (error)
        return error;
    handover->start = HANDOVER_START;
    return syscall(SYS_close_range, HANDOVER_DESCRIPTORS, UINT_MAX, 0) < 0 ? -errno : 0;
}

/* A file system of nothing, over a directory that is there for certain (home_open() needs it), and
 * then in the place of all others (pivot_root(2)); root's, not the caller's, whose user we run as.
 * By it the engine is known again: proof.c looks for its mode, owner and emptiness. So there is no
 * engine where the root can't be exchanged, which is the case in the initramfs, and in a chroot
 * that is no mount: EINVAL. */
static int empty_root(void)
{
    int error = privileged_empty_root("/proc");

    if (error)
        return error;
    return chdir("/") < 0 ? -errno : 0;
}

/* Of its own, whatever the caller's are: session, signals, and the limits that matter here. */
static int be_ordinary(void)
{
    static const struct rlimit no_core = {0};
    struct rlimit files;
    sigset_t none;

    if (setsid() < 0)
        return -errno;
    for (int number = 1; number <= SIGNALS; number++)
        (void)signal(number, SIG_DFL); /* fails for those that are always default */
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

/* With no_new_privs a program of root's gets nothing back, either (cap_bprm_creds_from_file(),
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

void child_become_engine(const struct handover *handover)
{
    struct handover own = *handover;
    struct child_report report = {.step = CHILD_STEP_DESCRIPTORS};

    report.error = arrange_descriptors(&own);
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
    (void)send(own.start, &report, sizeof(report), MSG_DONTWAIT | MSG_NOSIGNAL);
    _exit(EXIT_FAILURE);
}

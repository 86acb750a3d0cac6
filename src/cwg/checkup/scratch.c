#include "cwg/checkup/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Makes the namespaces. Root may do without one for users. Returns 0 or an errno. */
static int leave_network(void)
{
    int error;

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
        return 0;
    error = errno;
    return unshare(CLONE_NEWNET) == 0 ? 0 : error;
}

/* Keeps no descriptor but `hold`: the ends of the parent's other pipes must stay the parent's. */
static void __attribute__((noreturn)) be_scratch(int hold, int report)
{
    int error = dup2(hold, 0) < 0 || dup2(report, 1) < 0 ? errno : 0;
    char byte;

    (void)syscall(SYS_close_range, 2, ~0U, 0);
    if (!error)
        error = leave_network();
    if (write(1, &error, sizeof(error)) == (ssize_t)sizeof(error) && !error) {
        close(1);
        while (read(0, &byte, 1) < 0 && errno == EINTR)
            ;
    }
    _exit(0);
}

/* Waits until the namespaces are there. Returns 0, or an errno. */
static int read_report(int fd)
{
    int error = 0;
    ssize_t length;

    do
        length = read(fd, &error, sizeof(error));
    while (length < 0 && errno == EINTR);
    return length == (ssize_t)sizeof(error) ? error : EPIPE;
}

static int start(int hold[2], int report[2], struct scratch *scratch)
{
    int error;

    scratch->pid = fork();
    if (scratch->pid == 0)
        be_scratch(hold[0], report[1]);
    error = scratch->pid < 0 ? errno : 0;
    close(hold[0]);
    close(report[1]);
    if (!error)
        error = read_report(report[0]);
    close(report[0]);
    scratch->hold = hold[1];
    return error;
}

int scratch_start(struct scratch *ret_scratch, struct failure *failure)
{
    struct scratch scratch;
    int hold[2], report[2];
    int error;

    if (pipe2(hold, O_CLOEXEC) < 0)
        return fail_errno(failure, errno, "can't start a scratch process");
    if (pipe2(report, O_CLOEXEC) < 0) {
        fail_errno(failure, errno, "can't start a scratch process");
        close(hold[0]);
        close(hold[1]);
        return -1;
    }
    error = start(hold, report, &scratch);
    if (!error) {
        *ret_scratch = scratch;
        return 0;
    }
    scratch_end(&scratch);
    return fail(failure, "no-namespaces",
                "a scratch container needs a user namespace, and this session may make none "
                "(unshare: %s); root finds the reason in /proc/sys/user/max_user_namespaces, "
                "/proc/sys/kernel/unprivileged_userns_clone or "
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                strerror(error));
}

void scratch_end(struct scratch *scratch)
{
    close(scratch->hold);
    while (scratch->pid > 0 && waitpid(scratch->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    scratch->pid = -1;
}

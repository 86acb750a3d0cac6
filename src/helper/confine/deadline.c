#include "helper/confine/deadline.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "helper/base/failure.h"

/* The kernel's number of the timer. libc's timer_t may differ. */
static int timer;
static bool made;
static unsigned int allowed = DEADLINE_SECONDS;

/* Raises the soft limit, which the caller may have lowered. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_SIGPENDING, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_SIGPENDING, &limit);
    }
}

int deadline_make(struct failure *failure)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};

    raise_limit();
    made = syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0;
    if (made)
        return 0;
    if (errno == EAGAIN)
        return fail_as(failure, FAILURE_SHORTAGE, -EAGAIN,
                       "can't make a timer: you have reached your limit of timers and queued "
                       "signals; raise it (`ulimit -i`, or LimitSIGPENDING= of the service)");
    return fail_unexpected(failure, -errno,
                           "can't make a timer (does the kernel have CONFIG_POSIX_TIMERS?)");
}

void deadline_allow(unsigned int seconds)
{
    allowed = seconds;
}

/* Sets the timer; 0 stops it. Ends the process if that fails, which is a fault of the kernel's. */
static void set(unsigned int seconds)
{
    const struct itimerspec when = {.it_value.tv_sec = seconds};

    if (syscall(SYS_timer_settime, timer, 0, &when, NULL) < 0)
        _exit(EXIT_FAILURE);
}

void deadline_start(void)
{
    set(allowed);
}

void deadline_stop(void)
{
    if (made)
        set(0);
}

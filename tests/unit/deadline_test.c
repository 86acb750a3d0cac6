/* The end of a process that has a container open for too long. Every case is a forked child. */
#include "helper/confine/deadline.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "unit.h"

enum {
    SURVIVED = 42,
};

static void start(unsigned int seconds)
{
    struct failure failure = {.text = ""};

    /* One that lives on doesn't outlive this test, which waits for it for so long. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || deadline_make(&failure))
        unit_trouble(failure.text);
    deadline_allow(seconds);
    deadline_start();
}

static void stopped_body(void *context)
{
    (void)context;
    start(1);
    (void)raise(SIGSTOP);
    _exit(SURVIVED);
}

static void blocked_body(void *context)
{
    static char bytes[4096];
    int ends[2];

    (void)context;
    if (pipe(ends))
        unit_trouble("pipe");
    start(1);
    while (write(ends[1], bytes, sizeof(bytes)) > 0)
        ;
    _exit(SURVIVED);
}

/* All signals are blocked and ignored that can be. */
static void deaf_body(void *context)
{
    sigset_t all;

    (void)context;
    if (sigfillset(&all) || sigprocmask(SIG_SETMASK, &all, NULL))
        unit_trouble("sigprocmask");
    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, SIG_IGN);
    start(1);
    for (;;)
        (void)pause();
}

/* The timer starts anew. */
static void again_body(void *context)
{
    (void)context;
    start(60);
    deadline_allow(1);
    deadline_start();
    for (;;)
        (void)pause();
}

TEST(killed)
{
    static void (*const bodies[])(void *context) = {stopped_body, blocked_body, deaf_body,
                                                    again_body};

    (void)alarm(30);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        int status = unit_fork(bodies[i], NULL);

        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "case %zu: status 0x%x", i,
               (unsigned int)status);
    }
    (void)alarm(0);
}

static void lives_body(void *context)
{
    (void)context;
    start(1);
    deadline_stop();
    deadline_stop();
    usleep(1300 * 1000);
    _exit(SURVIVED);
}

TEST(lives)
{
    int status = unit_fork(lives_body, NULL);

    expect(WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED, "status 0x%x",
           (unsigned int)status);
}

/* The caller's limit of timers and queued signals: the soft one is no obstacle, the hard one is. */
static void limits_body(void *context)
{
    const struct rlimit *limit = context;
    struct failure failure = {.text = ""};
    int result;

    if (setrlimit(RLIMIT_SIGPENDING, limit))
        unit_trouble("setrlimit");
    result = deadline_make(&failure);
    if (limit->rlim_max > 0) {
        expect(result == 0, "%d: %s", result, failure.text);
        return;
    }
    expect(result == -EAGAIN && failure.code == FAILURE_SHORTAGE, "%d, code %d", result,
           (int)failure.code);
    expect(strncmp(failure.text, "can't make a timer: ", 20) == 0, "%s", failure.text);
}

TEST(limits)
{
    struct rlimit soft = {.rlim_cur = 0, .rlim_max = 1000};
    struct rlimit hard = {.rlim_cur = 0, .rlim_max = 0};

    unit_in_child(limits_body, &soft);
    unit_in_child(limits_body, &hard);
}

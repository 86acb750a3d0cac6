/* What the caller chose, made harmless. Every case is a forked child. */
#include "helper/confine/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/request.h"
#include "unit.h"

enum {
    LAST_FD = 400, /* beyond what these tests open */
};

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* The status flags of a descriptor, or -1. */
static int flags_of(int fd)
{
    return fcntl(fd, F_GETFL);
}

/* With each of the 8 combinations of 0, 1, 2 closed: those are filled with something that can be
 * neither read nor written, the others are left alone, and nothing else is open afterwards. */
static void descriptors_body(void *context)
{
    int closed = *(int *)context;
    bool before[LAST_FD];
    int result;

    for (int fd = 0; fd <= 2; fd++) {
        if (dup2(open("/dev/null", O_RDWR), fd) != fd)
            unit_trouble("/dev/null");
    }
    for (int fd = 3; fd < LAST_FD; fd++)
        before[fd] = is_open(fd);
    for (int fd = 0; fd <= 2; fd++) {
        if (closed >> fd & 1)
            close(fd);
    }
    result = startup_harden();
    expect(result == 0, "combination %d: %d", closed, result);
    for (int fd = 0; fd <= 2; fd++) {
        char byte = 0;

        if (!(closed >> fd & 1)) {
            expect((flags_of(fd) & (O_ACCMODE | O_PATH)) == O_RDWR, "combination %d: %d changed",
                   closed, fd);
            continue;
        }
        expect(flags_of(fd) >= 0 && (flags_of(fd) & O_PATH), "combination %d: %d is 0x%x", closed,
               fd, (unsigned int)flags_of(fd));
        expect(read(fd, &byte, 1) < 0 && errno == EBADF, "combination %d: %d read", closed, fd);
        expect(write(fd, &byte, 1) < 0 && errno == EBADF, "combination %d: %d written", closed, fd);
        expect(fcntl(fd, F_GETFD) == FD_CLOEXEC, "combination %d: %d inherited", closed, fd);
    }
    for (int fd = 3; fd < LAST_FD; fd++)
        expect(is_open(fd) == before[fd], "combination %d: %d opened or closed", closed, fd);
}

TEST(descriptors)
{
    for (int closed = 0; closed < 8; closed++)
        unit_in_child(descriptors_body, &closed);
}

static void rest_body(void *context)
{
    const struct target_name target = {TARGET_PID, 1};
    static const struct rlimit large = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    struct rlimit limit;
    char directory[PATH_MAX];
    struct sigaction action;
    struct failure failure = {.text = ""};
    int result;

    (void)context;
    if (setrlimit(RLIMIT_CORE, &large) && getrlimit(RLIMIT_CORE, &limit))
        unit_trouble("setrlimit");
    if (prctl(PR_SET_DUMPABLE, 1) || chdir("/proc/self") || signal(SIGPIPE, SIG_DFL) == SIG_ERR ||
        signal(SIGXFSZ, SIG_DFL) == SIG_ERR)
        unit_trouble("a caller's settings");
    umask(0);
    result = startup_harden();
    expect(result == 0, "startup_harden(): %d", result);
    expect(prctl(PR_GET_DUMPABLE) == 0, "dumpable: %d", prctl(PR_GET_DUMPABLE));
    expect(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0,
           "core limit");
    expect(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_IGN, "SIGPIPE");
    expect(sigaction(SIGXFSZ, NULL, &action) == 0 && action.sa_handler == SIG_IGN, "SIGXFSZ");
    expect(umask(0) == 077, "umask");
    /* The caller's directory is left later: a file of his may be named from there. */
    expect(getcwd(directory, sizeof(directory)) && strncmp(directory, "/proc/", 6) == 0,
           "directory %s", directory);
    expect(startup_shed(&target, &failure) == 0 && failure.text[0] == '\0', "left: %s",
           failure.text);
    expect(getcwd(directory, sizeof(directory)) && strcmp(directory, "/") == 0, "directory");
}

TEST(rest)
{
    unit_in_child(rest_body, NULL);
}

/* To write into a pipe that nobody reads, and beyond the limit of a file, are errors. */
static void signals_body(void *context)
{
    static const struct rlimit tiny = {.rlim_cur = 4, .rlim_max = 4};
    int ends[2];
    FILE *file = tmpfile();

    (void)context;
    if (!file || pipe(ends) || setrlimit(RLIMIT_FSIZE, &tiny))
        unit_trouble("pipe");
    expect(startup_harden() == 0, "startup_harden()");
    close(ends[0]);
    expect(write(ends[1], "x", 1) < 0 && errno == EPIPE, "pipe: errno %d", errno);
    expect(write(fileno(file), "12345", 5) == 4, "the first four");
    expect(write(fileno(file), "5", 1) < 0 && errno == EFBIG, "file: errno %d", errno);
}

TEST(signals)
{
    unit_in_child(signals_body, NULL);
}

/* No descriptor to be had: nothing may go on. */
static void no_descriptors_body(void *context)
{
    static const struct rlimit none = {0};
    int closed = *(int *)context;
    int result;

    if (setrlimit(RLIMIT_NOFILE, &none))
        unit_trouble("setrlimit");
    if (closed >= 0)
        close(closed);
    result = startup_harden();
    expect(result == -EMFILE, "%d closed: %d", closed, result);
}

TEST(no_descriptors)
{
    for (int closed = -1; closed <= 2; closed++)
        unit_in_child(no_descriptors_body, &closed);
}

static const struct {
    struct target_name target;
    int kept; /* the one above 2 that stays open, or -1 */
} targets[] = {
    {{TARGET_PID, 1}, -1},           {{TARGET_PID, 3}, -1},           {{TARGET_PID, 4}, -1},
    {{TARGET_PID, 100}, -1},         {{TARGET_PID, INT_MAX}, -1},     {{TARGET_DESCRIPTOR, 0}, -1},
    {{TARGET_DESCRIPTOR, 1}, -1},    {{TARGET_DESCRIPTOR, 2}, -1},    {{TARGET_DESCRIPTOR, 3}, 3},
    {{TARGET_DESCRIPTOR, 4}, 4},     {{TARGET_DESCRIPTOR, 5}, 5},     {{TARGET_DESCRIPTOR, 57}, 57},
    {{TARGET_DESCRIPTOR, 299}, 299}, {{TARGET_DESCRIPTOR, 300}, 300},
};

/* Descriptors that aren't open: such a number would come to mean what is opened next. */
static const int not_open[] = {301, 399, 100000, INT_MAX - 1, INT_MAX};

static void close_others_body(void *context)
{
    size_t number = *(size_t *)context;
    struct failure failure = {.text = "untouched"};
    int result;

    for (int fd = 3; fd <= 300; fd++) {
        if (!is_open(fd) && dup2(STDERR_FILENO, fd) != fd)
            unit_trouble("dup2");
    }
    result = startup_shed(&targets[number].target, &failure);
    expect(result == 0, "case %zu: %d", number, result);
    expect(strcmp(failure.text, "untouched") == 0, "case %zu: %s", number, failure.text);
    for (int fd = 0; fd < LAST_FD; fd++)
        expect(is_open(fd) == (fd <= 2 || fd == targets[number].kept), "case %zu: %d is %s", number,
               fd, is_open(fd) ? "open" : "closed");
}

TEST(close_others)
{
    for (size_t i = 0; i < COUNT(targets); i++)
        unit_in_child(close_others_body, &i);
}

static void refuse_not_open_body(void *context)
{
    const struct target_name target = {TARGET_DESCRIPTOR, *(int *)context};
    struct failure failure = {.text = ""};
    int result = startup_shed(&target, &failure);

    expect(result == -EINVAL, "%d: %d", target.number, result);
    expect(strncmp(failure.text, "pid: the descriptor is not open", 31) == 0, "%d: %s",
           target.number, failure.text);
}

TEST(refuse_not_open)
{
    for (size_t i = 0; i < COUNT(not_open); i++) {
        int fd = not_open[i];

        unit_in_child(refuse_not_open_body, &fd);
    }
}

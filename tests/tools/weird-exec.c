// Becomes another program in hostile surroundings.
//
//     weird-exec noargv PROGRAM                  argc 0 (Linux 5.18 and later make argv {""} of it)
//     weird-exec closed MASK PROGRAM [ARG]...    descriptors 0 to 2 whose bit is in MASK are closed
//     weird-exec netlink-stdout PROGRAM [ARG]... standard output is a NETLINK_ROUTE socket
//     weird-exec fullfds PROGRAM [ARG]...        300 more descriptors: pipes, sockets, files, "/"
//     weird-exec LIMIT N PROGRAM [ARG]...        soft and hard limit; LIMIT is fsize, nofile, as,
//                                                data, stack, nproc, memlock, cpu or core
//     weird-exec sigblock PROGRAM [ARG]...       all signals blocked, SIGCHLD and SIGPIPE ignored
//     weird-exec env [NAME=VALUE]... PROGRAM [ARG]...   a poisoned environment, then these
//
// PROGRAM is a path. Exit status: PROGRAM's; 125 wrong arguments or other trouble, 126 or 127
// if PROGRAM cannot be run.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum { CANNOT = 125, CANNOT_EXECUTE = 126, NOT_FOUND = 127, MANY = 300 };

// Prepares the surroundings. The arguments are those behind the mode. Returns the program's own.
struct mode {
    const char *name;
    char **(*prepare)(char **arguments);
};

struct limit {
    const char *name;
    __rlimit_resource_t resource;
};

static const struct limit limits[] = {
    {"fsize", RLIMIT_FSIZE}, {"nofile", RLIMIT_NOFILE},   {"as", RLIMIT_AS},
    {"data", RLIMIT_DATA},   {"stack", RLIMIT_STACK},     {"nproc", RLIMIT_NPROC},
    {"cpu", RLIMIT_CPU},     {"memlock", RLIMIT_MEMLOCK}, {"core", RLIMIT_CORE},
};

// The caller adds LD_TRACE_LOADED_OBJECTS if wanted. With it the loader never starts the program,
// and exits with 5 for a privileged one.
static const char *const poison[] = {
    "LD_PRELOAD=./poison.so",
    "LD_LIBRARY_PATH=.",
    "LD_AUDIT=./poison.so",
    "LD_DEBUG=all",
    "LD_DEBUG_OUTPUT=/tmp/weird-exec.debug",
    "LD_PROFILE=libc.so.6",
    "LD_PROFILE_OUTPUT=/tmp",
    "LD_BIND_NOW=1",
    "GCONV_PATH=.",
    "GETCONF_DIR=.",
    "HOSTALIASES=./hosts",
    "LOCPATH=.",
    "NLSPATH=./%N",
    "LANG=../../weird",
    "LC_ALL=../../weird",
    "LANGUAGE=%s%s%s%n",
    "TZ=:/etc/shadow",
    "TZDIR=.",
    "MALLOC_CHECK_=3",
    "MALLOC_PERTURB_=255",
    "MALLOC_TRACE=/tmp/weird-exec.malloc",
    "MALLOC_ARENA_MAX=0",
    "GLIBC_TUNABLES=glibc.malloc.check=3:glibc.malloc.mxfast=glibc.malloc.mxfast=A",
    "RES_OPTIONS=debug",
    "LOCALDOMAIN=example.invalid",
    "RESOLV_HOST_CONF=/etc/shadow",
    "POSIXLY_CORRECT=1",
    "TMPDIR=.",
    "PATH=.",
    "IFS=/",
    "ENV=./poison.sh",
    "BASH_ENV=./poison.sh",
    "HOME=/nonexistent",
    "SHELL=/bin/false",
    "=without a name",
    "without a value",
    NULL,
};

static _Noreturn void usage(void)
{
    fputs("usage: weird-exec noargv PROGRAM\n"
          "       weird-exec closed MASK PROGRAM [ARG]...\n"
          "       weird-exec netlink-stdout|fullfds|sigblock PROGRAM [ARG]...\n"
          "       weird-exec fsize|nofile|as|data|stack|nproc|memlock|cpu|core N PROGRAM [ARG]...\n"
          "       weird-exec env [NAME=VALUE]... PROGRAM [ARG]...\n",
          stderr);
    exit(CANNOT);
}

// Runs the program with these arguments and this environment. Doesn't return.
static _Noreturn void become(const char *program, char **arguments, char **environment)
{
    execve(program, arguments, environment);
    fail(errno == ENOENT ? NOT_FOUND : CANNOT_EXECUTE, "cannot run %s", program);
}

// Reads the number in front of the program's arguments.
static long leading_number(char **arguments, long max)
{
    long value;
    if (arguments[0] == NULL || !parse_number(arguments[0], 0, max, &value))
        usage();
    return value;
}

static char **without_argv(char **arguments)
{
    char *none[] = {NULL};
    if (arguments[0] == NULL || arguments[1] != NULL)
        usage();
    become(arguments[0], none, environ);
}

static char **with_closed(char **arguments)
{
    long mask = leading_number(arguments, 7);

    if (arguments[1] == NULL)
        usage();
    for (int fd = 0; fd < 3; fd++)
        if ((mask >> fd & 1) != 0)
            close(fd);
    return arguments + 1;
}

static char **with_netlink_stdout(char **arguments)
{
    struct sockaddr_nl any = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 || dup2(fd, 1) < 0)
        fail(CANNOT, "netlink socket");
    if (fd != 1)
        close(fd);
    return arguments;
}

// Opens one descriptor, or two, of a kind that depends on the turn.
static bool open_some(int turn)
{
    int pair[2];

    switch (turn % 6) {
    case 0:
        return pipe(pair) == 0;
    case 1:
        return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0;
    case 2:
        return open("/dev/null", O_RDWR) >= 0;
    case 3:
        return open("/", O_RDONLY | O_DIRECTORY) >= 0;
    case 4:
        return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0;
    default:
        return memfd_create("weird", 0) >= 0;
    }
}

static char **with_many(char **arguments)
{
    int before = dup(0);
    int last = before;

    for (int turn = 0; last >= 0 && last - before < MANY; turn++) {
        int next;
        if (!open_some(turn) || (next = dup(last)) < 0)
            fail(CANNOT, "cannot open %d descriptors", MANY);
        last = next;
    }
    if (last < 0)
        fail(CANNOT, "standard input");
    return arguments;
}

static char **with_signals_blocked(char **arguments)
{
    sigset_t all;

    sigfillset(&all);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return arguments;
}

// Replaces or adds `name=value` in this environment.
static void put(char **environment, char *entry)
{
    size_t name = (size_t)(strchr(entry, '=') - entry) + 1;

    while (*environment != NULL && strncmp(*environment, entry, name) != 0)
        environment++;
    *environment = entry;
}

static char **with_poison(char **arguments)
{
    enum { COUNT = sizeof(poison) / sizeof(poison[0]), MORE = 32 };
    char *environment[COUNT + MORE] = {NULL};

    for (size_t i = 0; poison[i] != NULL; i++)
        environment[i] = strdup(poison[i]);
    for (int i = 0; *arguments != NULL && strchr(*arguments, '=') != NULL; i++) {
        if (i == MORE)
            usage();
        put(environment, *arguments++);
    }
    if (*arguments == NULL)
        usage();
    become(arguments[0], arguments, environment);
}

static char **with_limit(const struct limit *limit, char **arguments)
{
    long value = leading_number(arguments, INT64_MAX);
    struct rlimit both = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};

    if (arguments[1] == NULL)
        usage();
    if (setrlimit(limit->resource, &both) != 0)
        fail(CANNOT, "limit %s %ld", limit->name, value);
    return arguments + 1;
}

static const struct mode modes[] = {
    {"noargv", without_argv}, {"closed", with_closed}, {"netlink-stdout", with_netlink_stdout},
    {"fullfds", with_many},   {"env", with_poison},    {"sigblock", with_signals_blocked},
};

static char **prepare(const char *name, char **arguments)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, name) == 0)
            return modes[i].prepare(arguments);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (strcmp(limits[i].name, name) == 0)
            return with_limit(&limits[i], arguments);
    usage();
}

int main(int argc, char **argv)
{
    if (argc < 3)
        usage();
    char **arguments = prepare(argv[1], argv + 2);
    become(arguments[0], arguments, environ);
}

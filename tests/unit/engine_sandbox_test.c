/* Every system call there is, and more, each in a child of its own that is in the engine's sandbox:
 * it is in the list below, or the child dies by SIGSYS. The list is a second statement of what
 * src/engine/sandbox.c says, so that a call can't come in by a slip.
 *
 * Built without sanitizers, since these make system calls of their own. */
#include "engine/sandbox.h"

#include <linux/capability.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"
#include "unit.h"

enum {
    CPU_SECONDS = 1000,
    FILES_MAX = 32,
};

#define ADDRESS_SPACE ((rlim_t)1 << 40)

const long allowed[] = {
#ifdef SYS_poll
    SYS_poll,
#else
    SYS_ppoll,
#endif
    SYS_restart_syscall,
    SYS_read,
    SYS_writev,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_getsockname,
    SYS_accept4,
    SYS_sendto,
    SYS_recvfrom,
    SYS_close,
    SYS_getrandom,
    SYS_clock_gettime,
    SYS_brk,
    SYS_exit_group,
};

const size_t allowed_count = COUNT(allowed);

int enter(void)
{
    return sandbox_enter();
}

/* Not even with harmless arguments. */
TEST(harmless_arguments)
{
    static const struct attempt cases[] = {
        {SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
        {SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
        {SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0}},
        {SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0}},
        {SYS_mprotect, {0, 0, PROT_READ}},
        {SYS_write, {1, 0, 0}},
        {SYS_dup, {0}},
        {SYS_getpid, {0}},
        {SYS_kill, {0, 0}},
        {SYS_prctl, {PR_GET_DUMPABLE}},
        {SYS_prlimit64, {0, RLIMIT_NOFILE, 0, 0}},
        {SYS_setsockopt, {0, SOL_SOCKET, SO_RCVBUF, 0, 0}},
        {SYS_fcntl, {0, 1}},
        {SYS_ioctl, {0, TUNSETOFFLOAD, 0}},
        {SYS_rt_sigreturn, {0}},
        {SYS_rt_sigprocmask, {0}},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check_attempt(&cases[i], false, "harmless");
}

static bool status_has(int status, const char *line)
{
    char text[8192];
    ssize_t length = pread(status, text, sizeof(text) - 1, 0);

    if (length <= 0)
        return false;
    text[length] = '\0';
    return strstr(text, line) != NULL;
}

/* Nothing that takes privilege is done by the sandbox: without any it can be entered as well. With
 * some, none is left. */
static bool drop_privileges(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capset, &header, none) == 0;
}

static bool set_limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
    const struct rlimit value = {soft, hard};

    return setrlimit(resource, &value) == 0;
}

/* What is in force beside the filter a child can't tell: its parent looks at it while it waits. The
 * caller has limits of its own, for descriptors that of `files`; with an odd one he keeps his
 * privileges. */
static void wait_body(int end, rlim_t files)
{
    char byte;

    if (!set_limit(RLIMIT_NOFILE, files, files) || !set_limit(RLIMIT_CPU, 5, CPU_SECONDS) ||
        !set_limit(RLIMIT_AS, ADDRESS_SPACE / 2, ADDRESS_SPACE) ||
        !set_limit(RLIMIT_DATA, ADDRESS_SPACE / 2, ADDRESS_SPACE) ||
        (files % 2 == 0 && !drop_privileges()))
        _exit(2);
    if (sandbox_enter())
        _exit(1);
    if (send(end, "", 1, MSG_NOSIGNAL) != 1 || recv(end, &byte, 1, 0) != 1)
        (void)syscall(SYS_exit_group, 1);
    (void)syscall(SYS_exit_group, 0);
}

static void look_at(pid_t child, rlim_t files)
{
    static const char *const lines[] = {
        "\nCapInh:\t0000000000000000\n",
        "\nCapPrm:\t0000000000000000\n",
        "\nCapEff:\t0000000000000000\n",
        "\nCapAmb:\t0000000000000000\n",
        "\nNoNewPrivs:\t1\n",
        "\nSeccomp:\t2\n",
        "\nSeccomp_filters:\t1\n",
    };
    const struct {
        int resource;
        rlim_t limit;
    } limits[] = {
        {RLIMIT_CORE, 0},          {RLIMIT_FSIZE, 0},          {RLIMIT_NOFILE, files},
        {RLIMIT_CPU, CPU_SECONDS}, {RLIMIT_AS, ADDRESS_SPACE}, {RLIMIT_DATA, ADDRESS_SPACE},
    };
    char path[32];
    FILE *file;
    int status;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
    file = fopen(path, "re");
    if (!file)
        unit_trouble("open a child's status");
    status = fileno(file);
    for (size_t i = 0; i < COUNT(lines); i++)
        expect(status_has(status, lines[i]), "line %zu: %s", i, lines[i]);
    (void)fclose(file);
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct rlimit value = {1, 1};

        expect(prlimit(child, (__rlimit_resource_t)limits[i].resource, NULL, &value) == 0 &&
                   value.rlim_cur == limits[i].limit && value.rlim_max == limits[i].limit,
               "limit %zu: %lu, %lu", i, (unsigned long)value.rlim_cur,
               (unsigned long)value.rlim_max);
    }
}

static void confined_with(rlim_t files)
{
    int ends[2];
    char byte = 0;
    int status = 0;
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0 || (child = fork()) < 0)
        unit_trouble("start a child");
    if (child == 0)
        wait_body(ends[1], files);
    (void)close(ends[1]);
    expect(recv(ends[0], &byte, 1, 0) == 1, "%lu descriptors: the child isn't in the sandbox",
           (unsigned long)files);
    look_at(child, files < FILES_MAX ? files : FILES_MAX);
    (void)send(ends[0], "", 1, MSG_NOSIGNAL);
    expect(waitpid(child, &status, 0) == child && status == 0, "%lu descriptors: status 0x%x",
           (unsigned long)files, (unsigned int)status);
    (void)close(ends[0]);
}

TEST(confined)
{
    static const rlim_t files[] = {16, 31, 32, 33, 1024};

    for (size_t i = 0; i < COUNT(files); i++)
        confined_with(files[i]);
}

/* The engine reads packets of anybody who can reach its port, and frames of a container that may be
 * hostile. An attacker who takes it over has the descriptors that it was given (a TUN device, two
 * UDP sockets, its control sockets) and the system calls below; no capability, no file system, and
 * no other process to talk to or look at. */
#include "engine/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handover/filter.h"

/* clang-format off */
static const struct sock_filter filter[] = {
    FILTER_BEGIN,

    /* main.c: wait */
#ifdef __NR_poll
    ALLOW(poll),
#else
    ALLOW(ppoll), /* which libc's poll() is, on aarch64 */
#endif
    ALLOW(restart_syscall), /* of poll, after SIGSTOP and SIGCONT */
    /* tun.c */
    ALLOW(read),
    ALLOW(writev),
    /* udp.c, control.c */
    ALLOW(recvmsg),
    ALLOW(sendmsg),
    ALLOW(getsockname), /* the port, to tell the helper */
    /* control.c, main.c: the start */
    ALLOW(accept4),
    ALLOW(recvfrom),
    ALLOW(sendto),
    ALLOW(close),
    /* random.c: ephemeral keys, indices, jitter */
    ALLOW(getrandom),
    /* clock.c: where the machine's clock can't be read without the kernel */
    ALLOW(clock_gettime),
    /* libcrypto, in a handshake: its objects for X25519 */
    ALLOW(brk),
#ifndef __GLIBC__
    /* the same by musl's malloc(): memory that is never executed */
    ALLOW_WITH_BOTH(mmap, 2, PROT_READ | PROT_WRITE, 3, MAP_PRIVATE | MAP_ANONYMOUS),
    ALLOW_WITH_BOTH(mmap, 2, PROT_NONE, 3, MAP_PRIVATE | MAP_ANONYMOUS),
    ALLOW_WITH_BOTH(mmap, 2, PROT_NONE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
    ALLOW_WITH(mprotect, 2, PROT_READ | PROT_WRITE),
    ALLOW(munmap),
#endif
    /* main.c: the end */
    ALLOW(exit_group),

    FILTER_END,
};
/* clang-format on */

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capset, &header, none) < 0)
        return -errno;
    return 0;
}

/* No core file, no file of any length, and no more descriptors than the engine's and its clients'.
 * Both limits of a resource become `most`, if they are higher, which takes no privilege. The soft
 * limit becomes the hard one: the caller's own soft limit must not end the link some day.
 * prlimit64() by its own number: C libraries differ in the type of a resource. */
static int set_limits(void)
{
    static const struct {
        int resource;
        rlim_t most;
    } limits[] = {
        {RLIMIT_CORE, 0},           {RLIMIT_FSIZE, 0},
        {RLIMIT_NOFILE, 32},        {RLIMIT_CPU, RLIM_INFINITY},
        {RLIMIT_AS, RLIM_INFINITY}, {RLIMIT_DATA, RLIM_INFINITY},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit value;

        if (syscall(SYS_prlimit64, 0, limits[i].resource, NULL, &value) < 0)
            return -errno;
        if (value.rlim_max > limits[i].most)
            value.rlim_max = limits[i].most;
        value.rlim_cur = value.rlim_max;
        if (syscall(SYS_prlimit64, 0, limits[i].resource, &value, NULL) < 0)
            return -errno;
    }
    return 0;
}

int sandbox_enter(void)
{
    static const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(filter[0]),
        .filter = (struct sock_filter *)filter, /* the kernel only reads it */
    };
    int error = set_limits();

    if (!error)
        error = drop_capabilities();
    if (error)
        return error;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return -errno;
    return 0;
}

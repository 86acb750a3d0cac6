#include "attempts.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

enum {
    LAST_CALL = 600, /* Linux 6.18 has less than 480 */
    SURVIVED = 42,
    REFUSED_BY_KERNEL = 43,
    /* Linux asks no filter about these two of x86_64 (kernel/seccomp.c, since 6.14 and 6.18). They
     * work only where the kernel's own uprobe trampolines call them; else the first is answered by
     * SIGILL and the second by ENXIO (arch/x86/kernel/uprobes.c). */
    URETPROBE = 335,
    UPROBE = 336,
};

const struct attempt invalid = {.arguments = {-1UL, -1UL, -1UL, -1UL, -1UL, -1UL}};

static void attempt_body(void *context)
{
    const struct attempt *attempt = context;
    const unsigned long *values = attempt->arguments;

    if (enter())
        _exit(1);
    if (syscall(attempt->call, values[0], values[1], values[2], values[3], values[4], values[5]) <
            0 &&
        errno == ENXIO)
        (void)syscall(SYS_exit_group, REFUSED_BY_KERNEL);
    (void)syscall(SYS_exit_group, SURVIVED);
}

static bool is_dead(long call, int status)
{
#ifdef __x86_64__
    if (call == URETPROBE && WIFSIGNALED(status) && WTERMSIG(status) == SIGILL)
        return true;
    if (call == UPROBE && WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_BY_KERNEL)
        return true;
#else
    (void)call;
#endif
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

void check_attempt(const struct attempt *attempt, bool lives, const char *what)
{
    struct attempt copy = *attempt;
    int status = unit_fork(attempt_body, &copy);
    int code = attempt->call == SYS_exit_group ? 255 : SURVIVED;
    bool lived = WIFEXITED(status) && WEXITSTATUS(status) == code;

    expect(lives ? lived : is_dead(attempt->call, status), "%s %ld (%lx, %lx, %lx) %s: status 0x%x",
           what, attempt->call, attempt->arguments[0], attempt->arguments[1], attempt->arguments[2],
           lives ? "is to live" : "is to die", (unsigned int)status);
}

static bool is_allowed(long call)
{
    for (size_t i = 0; i < allowed_count; i++) {
        if (allowed[i] == call)
            return true;
    }
    return false;
}

TEST(every_call)
{
    for (long call = 0; call <= LAST_CALL; call++) {
        struct attempt attempt = invalid;

        attempt.call = call;
        check_attempt(&attempt, is_allowed(call), "call");
    }
}

/* Numbers that are none, and what they would be if their upper bits were lost. */
TEST(odd_numbers)
{
    static const long numbers[] = {-1, -2, INT32_MAX, INT32_MIN, 0x10000, 0x20000000, 100000};

    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct attempt attempt = invalid;

        attempt.call = numbers[i];
        check_attempt(&attempt, false, "number");
    }
}

#ifdef __x86_64__
enum {
    X32_BIT = 0x40000000,
};

/* The second set of calls of the same processor. */
TEST(every_x32_call)
{
    for (long call = 0; call <= LAST_CALL; call++) {
        struct attempt attempt = invalid;

        attempt.call = X32_BIT | call;
        check_attempt(&attempt, false, "x32 call");
    }
}

/* And the third, of 32 bits, by their own gate: 20 is getpid(), 1 exit(), 4 write(), ... */
static void compat_body(void *context)
{
    long result = *(long *)context;

    if (enter())
        _exit(1);
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"(1), "c"(0), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
    (void)syscall(SYS_exit_group, SURVIVED);
}

TEST(every_compat_call)
{
    for (long call = 0; call <= 460; call++) {
        int status = unit_fork(compat_body, &call);

        /* SIGSEGV: the kernel has no such gate */
        expect(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV),
               "32-bit call %ld: status 0x%x", call, (unsigned int)status);
    }
}
#endif

/* How the seccomp filters of both programs are written: a table of instructions, one line a system
 * call, in sandbox.c. Each begins with FILTER_BEGIN and ends with FILTER_END; whatever no line
 * allows ends the program. */
#pragma once

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#if defined __x86_64__
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#error "filter.h: no audit architecture is known for this processor: add it, and run the tests"
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "LOAD_ARGUMENT reads the lower half");

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)(offset))
#define LOAD_CALL    LOAD(offsetof(struct seccomp_data, nr))
/* The lower 32 bits: of an int, the kernel looks at no more. */
#define LOAD_ARGUMENT(index) LOAD(offsetof(struct seccomp_data, args[index]))
/* The next instruction if the loaded value is this one, else skip some. */
#define IF(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)(value), 0, skip)
#define RETURN(action)  BPF_STMT(BPF_RET | BPF_K, action)

/* The x32 calls of x86_64 have a bit set in their number that none in a filter has. */
#define FILTER_BEGIN                                                                               \
    LOAD(offsetof(struct seccomp_data, arch)),                                                     \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0), FILTER_END, LOAD_CALL
#define FILTER_END RETURN(SECCOMP_RET_KILL_PROCESS)

#define ALLOW(call) IF(__NR_##call, 1), RETURN(SECCOMP_RET_ALLOW)
/* The call with this value of an argument, or of two. */
#define ALLOW_WITH(call, index, value)                                                             \
    IF(__NR_##call, 4), LOAD_ARGUMENT(index), IF(value, 1), RETURN(SECCOMP_RET_ALLOW), LOAD_CALL
#define ALLOW_WITH_BOTH(call, index, value, other, other_value)                                    \
    IF(__NR_##call, 6), LOAD_ARGUMENT(index), IF(value, 3), LOAD_ARGUMENT(other),                  \
        IF(other_value, 1), RETURN(SECCOMP_RET_ALLOW), LOAD_CALL

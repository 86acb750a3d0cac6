#include "engine/io/random.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system call itself: libc's getrandom() may keep a state in memory, and makes system calls for
 * that which the sandbox forbids. Up to 256 bytes come whole (getrandom(2)). */
int random_bytes(void *ret_bytes, size_t size)
{
    ssize_t got;

    do {
        got = syscall(SYS_getrandom, ret_bytes, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    return (size_t)got == size ? 0 : -EIO;
}

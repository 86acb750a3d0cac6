#include "helper/base/random.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Makes the system call itself: libc's getrandom() may keep a state in memory by calls that the
 * sandbox forbids. */
static int fill(void *bytes, size_t size, unsigned int flags)
{
    long got = syscall(SYS_getrandom, bytes, size, flags);

    if (got < 0)
        return -errno;
    return (size_t)got == size ? 0 : -EIO;
}

uint32_t random_below(uint32_t limit)
{
    uint32_t number;

    return fill(&number, sizeof(number), GRND_NONBLOCK) ? 0 : number % limit;
}

int random_fill(void *ret_bytes, size_t size)
{
    return fill(ret_bytes, size, 0);
}

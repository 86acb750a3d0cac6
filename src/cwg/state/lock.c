#include "cwg/state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/site/site.h"
#include "cwg/state/joined.h"

enum {
    LOCK_MS = 60000, /* for another join, of which few last longer */
    AGAIN_MS = 50,
};

/* FNV-1a (https://www.isthe.com/chongo/tech/comp/fnv/), to be begun with the value of none. */
static uint64_t hash(uint64_t value, const char *text)
{
    do
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    while (*text++);
    return value;
}

static uint64_t hash_end(const struct end *end)
{
    return hash(hash(UINT64_C(0xcbf29ce484222325), end->host), end->name);
}

/* One file serves all ends: each two have a byte of their own in it. No byte is ever written. The
 * kernel gives up the lock of a process that is killed. */
static int wait_for(int file, const struct end ends[static 2], struct failure *failure)
{
    const struct flock range = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = (off_t)((hash_end(&ends[0]) + hash_end(&ends[1])) >> 2),
        .l_len = 1,
    };
    const int64_t deadline = clock_now() + LOCK_MS;

    while (fcntl(file, F_OFD_SETLK, &range) < 0) {
        /* A file system may have no locks. Then two joins at once may make two links. */
        if (errno != EAGAIN && errno != EACCES)
            return 0;
        if (site_interrupted)
            return fail(failure, "interrupted", "interrupted");
        if (clock_now() >= deadline)
            return fail(failure, "state",
                        "another cwg has been joining these containers for a minute: wait for its "
                        "end, or end it, and try again");
        (void)poll(NULL, 0, AGAIN_MS);
    }
    return 0;
}

int lock_take(const struct end ends[static 2], struct failure *failure)
{
    const int file = joined_open_locks(failure);

    if (file < 0 || wait_for(file, ends, failure) == 0)
        return file;
    close(file);
    return -1;
}

void lock_end(int lock)
{
    if (lock >= 0)
        close(lock);
}

#include "cwg/store/hold.h"

#include <errno.h>
#include <poll.h>
#include <sys/file.h>

enum {
    TRIES = 50, /* somebody may be looking */
    EACH_MS = 20,
};

int hold_take(const struct store *store, struct failure *failure)
{
    int tries = 0;

    while (flock(store->directory, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return fail_errno(failure, errno, "can't lock the store");
        if (++tries == TRIES)
            return fail(failure, "running", "an agent runs already in this directory");
        (void)poll(NULL, 0, EACH_MS);
    }
    return 0;
}

bool hold_is_taken(const struct store *store)
{
    if (flock(store->directory, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK;
    (void)flock(store->directory, LOCK_UN);
    return false;
}

#include "cwg/agent/end/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store_stamp stamp_of(const struct stat *status)
{
    return (struct store_stamp){.inode = status->st_ino,
                                .seconds = status->st_mtim.tv_sec,
                                .nanoseconds = status->st_mtim.tv_nsec};
}

int secret_open(const char *path, struct store_stamp *ret_stamp, struct failure *failure)
{
    const int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return fail_errno(failure, errno, "can't open the preshared key's file");
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) == 0 &&
        (status.st_uid == geteuid() || status.st_uid == 0)) {
        *ret_stamp = stamp_of(&status);
        return fd;
    }
    close(fd);
    return fail(failure, "psk",
                "the preshared key's file has to be a file that its owner alone may read: chmod "
                "600 %.100s",
                path);
}

bool secret_is_due(struct agent_end *end)
{
    struct store_stamp now;
    struct stat status;

    if (!end->want.psk[0] || !end->has_secret)
        return end->want.psk[0] != '\0';
    /* A link that works needs no file. An empty one is about to be written. */
    if (stat(end->want.psk, &status) < 0 || status.st_size == 0)
        return false;
    now = stamp_of(&status);
    if (end->secret.inode == 0)
        end->secret = now;
    return now.inode != end->secret.inode || now.seconds != end->secret.seconds ||
           now.nanoseconds != end->secret.nanoseconds;
}

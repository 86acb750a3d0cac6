#include "helper/base/file.h"

#include <errno.h>
#include <unistd.h>

ssize_t file_read(int fd, char *ret_bytes, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t count = read(fd, ret_bytes + length, size - length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        length += (size_t)count;
    }
    return (ssize_t)length;
}

void file_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

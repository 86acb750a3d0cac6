#include "cwg/container/netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool is_namespace(int file)
{
    struct statfs filesystem;

    return fstatfs(file, &filesystem) == 0 && filesystem.f_type == NSFS_MAGIC;
}

int netns_open(const char *name)
{
    const int directory = open(NETNS_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int flags = O_NOFOLLOW | O_CLOEXEC;
    int place, file = -1;

    if (directory < 0)
        return -1;
    place = openat(directory, name, O_PATH | flags);
    if (place >= 0) {
        file = is_namespace(place) ? openat(directory, name, O_RDONLY | flags) : -2;
        close(place);
    }
    close(directory);
    if (file < 0 || is_namespace(file))
        return file;
    close(file);
    return -2;
}

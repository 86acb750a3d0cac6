#include "helper/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int file_look_at(int directory, const char *path, int flags, struct file_status *ret_status)
{
    struct statx status;

    if (syscall(SYS_statx, directory, path, AT_STATX_DONT_SYNC | flags, STATX_BASIC_STATS,
                &status) < 0)
        return -errno;
    *ret_status = (struct file_status){
        .device = makedev(status.stx_dev_major, status.stx_dev_minor),
        .inode = status.stx_ino,
        .mode = status.stx_mode,
        .owner = status.stx_uid,
        .links = status.stx_nlink,
        .is_mount_root = status.stx_attributes & STATX_ATTR_MOUNT_ROOT,
    };
    return 0;
}

int file_find_mount(int directory, const char *path, int flags, uint64_t *ret_mount)
{
    struct statx status;

    if (syscall(SYS_statx, directory, path, flags, STATX_MNT_ID, &status) < 0)
        return -errno;
    if (!(status.stx_mask & STATX_MNT_ID))
        return -ENOSYS;
    *ret_mount = status.stx_mnt_id;
    return 0;
}

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

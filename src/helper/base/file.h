/* Reads, looks at and closes files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A part of what statx(2) tells. Not each C library has struct statx, or all of it. */
struct file_status {
    dev_t device;
    ino_t inode;
    mode_t mode;
    uid_t owner;
    nlink_t links;
    bool is_mount_root; /* Linux 5.8 and newer tell */
};

/* Looks at a file, below a descriptor of a directory or by an absolute path. `flags` as of
 * openat(2) and statx(2). The kernel tells what it knows: the server of a network file system or of
 * FUSE, which could make us wait, isn't asked. Returns 0, or a negative errno, which is in errno,
 * too. */
int file_look_at(int directory, const char *path, int flags, struct file_status *ret_status);

/* Finds the number of the mount that a file is in. Returns 0, -ENOSYS before Linux 5.8, or another
 * negative errno. */
int file_find_mount(int directory, const char *path, int flags, uint64_t *ret_mount);

/* Reads a file to its end, or until the buffer is full. Give room for one byte more to learn
 * whether more follows. Returns the number of bytes, or a negative errno. */
ssize_t file_read(int fd, char *ret_bytes, size_t size);

/* Closes a descriptor, unless it is -1, and sets it to -1. */
void file_close(int *fd);

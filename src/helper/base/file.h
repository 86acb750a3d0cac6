/* Reads and closes descriptors. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads a file to its end, or until the buffer is full. Give room for one byte more to learn
 * whether more follows. Returns the number of bytes, or a negative errno. */
ssize_t file_read(int fd, char *ret_bytes, size_t size);

/* Closes a descriptor, unless it is -1, and sets it to -1. */
void file_close(int *fd);

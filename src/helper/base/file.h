/* Descriptors. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads a file to its end, or until the buffer is full: whoever wants to know whether there is more
 * gives room for one byte more. Returns how many bytes it read, or a negative errno. */
ssize_t file_read(int fd, char *ret_bytes, size_t size);

/* Closes a descriptor, and sets it to -1; one that is -1 is none. */
void file_close(int *fd);

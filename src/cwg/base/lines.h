/* Lines of text from a descriptor, and to one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    LINE_SIZE = 65536, /* the longest line, with its newline */
};

struct lines {
    int fd;
    size_t length; /* bytes in `bytes` */
    size_t taken;  /* bytes of the line that was handed out last */
    char bytes[LINE_SIZE];
};

enum lines_found {
    LINES_LINE,
    LINES_MORE,     /* no whole line yet */
    LINES_END,      /* the writer has gone; a rest without a newline is dropped */
    LINES_TOO_LONG, /* more than LINE_SIZE bytes without a newline, or a NUL in them */
};

/* Takes the next line out of what has been read, without waiting and without reading. *ret_line has
 * no newline, and is valid until the next call. */
enum lines_found lines_take(struct lines *lines, char **ret_line);

/* Reads once what is there. Returns LINES_MORE if something came or nothing is there now,
 * LINES_END, or LINES_TOO_LONG if the buffer is full. */
enum lines_found lines_fill(struct lines *lines);

/* Waits for a line until `deadline` (clock_now()). Returns LINES_MORE if none came in time. */
enum lines_found lines_await(struct lines *lines, int64_t deadline, char **ret_line);

/* Writes all of `text` until `deadline`. Returns 0, or -1 with errno; ETIMEDOUT if the reader
 * doesn't read. */
int lines_write(int fd, const char *text, size_t length, int64_t deadline);

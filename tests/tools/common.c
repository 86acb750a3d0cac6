#define _GNU_SOURCE 1
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void fail(int code, const char *format, ...)
{
    int saved = errno;
    va_list arguments;

    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (saved != 0)
        fprintf(stderr, ": %s", strerror(saved));
    fputc('\n', stderr);
    exit(code);
}

bool parse_number(const char *text, long min, long max, long *ret)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    bool valid = errno == 0 && end != text && *end == '\0' && value >= min && value <= max;

    errno = 0;
    if (valid)
        *ret = value;
    return valid;
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool read_small(const char *path, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;

    size_t used = 0;
    ssize_t got;
    while (used < size - 1 && (got = read(fd, ret + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(fd);
    ret[used] = '\0';
    return used > 0;
}

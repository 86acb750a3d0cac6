#include "cwg/base/lines.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"

enum lines_found lines_take(struct lines *lines, char **ret_line)
{
    char *end;

    lines->length -= lines->taken;
    memmove(lines->bytes, lines->bytes + lines->taken, lines->length);
    lines->taken = 0;
    end = memchr(lines->bytes, '\n', lines->length);
    if (!end)
        return lines->length == sizeof(lines->bytes) ? LINES_TOO_LONG : LINES_MORE;
    *end = '\0';
    lines->taken = (size_t)(end - lines->bytes) + 1;
    if (strlen(lines->bytes) + 1 != lines->taken)
        return LINES_TOO_LONG;
    *ret_line = lines->bytes;
    return LINES_LINE;
}

enum lines_found lines_fill(struct lines *lines)
{
    ssize_t length;

    if (lines->length == sizeof(lines->bytes))
        return LINES_TOO_LONG;
    length = read(lines->fd, lines->bytes + lines->length, sizeof(lines->bytes) - lines->length);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? LINES_MORE : LINES_END;
    if (length == 0)
        return LINES_END;
    lines->length += (size_t)length;
    return LINES_MORE;
}

enum lines_found lines_await(struct lines *lines, int64_t deadline, char **ret_line)
{
    struct pollfd waited = {.fd = lines->fd, .events = POLLIN};
    enum lines_found found = lines_take(lines, ret_line);

    while (found == LINES_MORE) {
        int ready = poll(&waited, 1, clock_until(deadline));

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return LINES_MORE;
        found = lines_fill(lines);
        if (found == LINES_MORE)
            found = lines_take(lines, ret_line);
    }
    return found;
}

/* The descriptor may be a blocking one, which somebody else uses as well. So nothing is written
 * before poll(2) says that there is room, and no more than a pipe then has room for. */
int lines_write(int fd, const char *text, size_t length, int64_t deadline)
{
    struct pollfd waited = {.fd = fd, .events = POLLOUT};

    while (length > 0) {
        int ready = poll(&waited, 1, clock_until(deadline));
        ssize_t written = -1;

        if (ready == 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (ready > 0)
            written = write(fd, text, length < PIPE_BUF ? length : PIPE_BUF);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

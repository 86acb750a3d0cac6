#include "helper/base/print.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/json.h"
#include "helper/base/text.h"

/* EAGAIN: a descriptor with O_NONBLOCK has no room now. */
int print_all(int fd, const char *text, size_t left)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN && ppoll(&room, 1, NULL, NULL) >= 0)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        text += written;
        left -= (size_t)written;
    }
    return 0;
}

void print_failure_json(const struct failure *failure)
{
    struct text text = {0};

    json_add_failure(&text, failure);
    text_add(&text, "\n");
    print_all(STDOUT_FILENO, text.bytes, text.length);
}

void print_failure(const struct failure *failure, const char *more)
{
    struct text text = {0};

    text_add(&text, PROGRAM ": ");
    text_add_joined(&text, failure->text, "\n  ");
    text_add(&text, "\n");
    text_add(&text, more);
    print_all(STDERR_FILENO, text.bytes, text.length);
}

#include "cwg/checkup/knock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/machine/addresses.h"

enum {
    KNOCK_MS = 3000,  /* the kernel begins at 0 and 1 second */
    SAID_SIZE = 1024, /* with the lines that may stand before the identification */
};

static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd waited = {.fd = fd, .events = events};
    int ready;

    do
        ready = poll(&waited, 1, clock_until(deadline));
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Returns 0, or an errno. */
static int reach(int fd, const struct sockaddr_storage *to, socklen_t size, int64_t deadline)
{
    socklen_t length = sizeof(int);
    int error = 0;

    if (connect(fd, (const struct sockaddr *)to, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!wait_for(fd, POLLOUT, deadline))
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

/* Finds the line of identification, which other lines may precede. Ends it at its newline. */
static char *find_identification(char *said)
{
    for (char *line = said; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "SSH-", 4) == 0 && strchr(line, '\n')) {
            line[strcspn(line, "\r\n")] = '\0';
            return strlen(line) < KNOCK_TEXT_SIZE ? line : NULL;
        }
    }
    return NULL;
}

/* Reads until the identification is there. Returns 0, or an errno: EPROTO for something else. */
static int listen_to(int fd, int64_t deadline, char ret_text[static KNOCK_TEXT_SIZE])
{
    char said[SAID_SIZE];
    size_t length = 0;

    while (length < sizeof(said) - 1) {
        const char *found;
        ssize_t got;

        if (!wait_for(fd, POLLIN, deadline))
            return ETIMEDOUT;
        got = read(fd, said + length, sizeof(said) - 1 - length);
        if (got <= 0)
            return got == 0 ? EPROTO : errno;
        length += (size_t)got;
        said[length] = '\0';
        found = find_identification(said);
        if (found) {
            memcpy(ret_text, found, strlen(found) + 1);
            return 0;
        }
    }
    return EPROTO;
}

int knock(const char *address, char ret_text[static KNOCK_TEXT_SIZE], struct failure *failure)
{
    const int64_t deadline = clock_now() + KNOCK_MS;
    struct sockaddr_storage to;
    const socklen_t size = addresses_to_socket(address, KNOCK_PORT, &to);
    const int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : reach(fd, &to, size, deadline);

    if (!error)
        error = listen_to(fd, deadline, ret_text);
    if (fd >= 0)
        close(fd);
    if (error == ETIMEDOUT)
        return fail(failure, "silent", "%s, port %d, doesn't answer within %d seconds", address,
                    KNOCK_PORT, KNOCK_MS / 1000);
    if (error == EPROTO)
        return fail(failure, "not-ssh", "%s, port %d, answers, but not as ssh does", address,
                    KNOCK_PORT);
    if (error)
        return fail(failure, "refused", "%s, port %d, isn't reached: %s", address, KNOCK_PORT,
                    strerror(error));
    return 0;
}

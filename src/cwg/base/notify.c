#include "cwg/base/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cwg/base/failure.h"

/* Takes the socket's name, a path or "@" and an abstract name, from the environment. Returns the
 * address's length, or 0 if there is none. */
static socklen_t find_socket(struct sockaddr_un *ret_address)
{
    const char *name = getenv("NOTIFY_SOCKET");
    const size_t length = name ? strlen(name) : 0;

    if (length < 2 || length >= sizeof(ret_address->sun_path) || (name[0] != '/' && name[0] != '@'))
        return 0;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, name, length);
    if (name[0] == '@')
        ret_address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static void __attribute__((format(printf, 1, 2))) notify(const char *format, ...)
{
    char message[FAILURE_TEXT_SIZE + 64];
    struct sockaddr_un address;
    const socklen_t size = find_socket(&address);
    va_list arguments;
    int fd;

    if (size == 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 size);
    close(fd);
}

void notify_status(const char *text)
{
    notify("STATUS=%s", text);
}

void notify_ready(void)
{
    notify("READY=1");
}

void notify_reloading(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    notify("RELOADING=1\nMONOTONIC_USEC=%lld",
           (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_alive(void)
{
    notify("WATCHDOG=1");
}

/* Reads a number of the environment. Returns 0 if there is none. */
static long long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    long long number;

    errno = 0;
    number = text ? strtoll(text, &end, 10) : 0;
    return end && end != text && *end == '\0' && errno == 0 && number > 0 ? number : 0;
}

int64_t notify_alive_ms(void)
{
    const long long pid = number_of("WATCHDOG_PID");
    const int64_t half = number_of("WATCHDOG_USEC") / 2000;

    return getenv("WATCHDOG_PID") && pid != getpid() ? 0 : half;
}

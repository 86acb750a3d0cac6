#include "cwg/base/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
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

void notify_status(const char *text)
{
    char message[FAILURE_TEXT_SIZE + 16];
    struct sockaddr_un address;
    const socklen_t size = find_socket(&address);
    int fd;

    if (size == 0)
        return;
    (void)snprintf(message, sizeof(message), "STATUS=%s", text);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 size);
    close(fd);
}

#include "engine/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/control/configuration.h"
#include "engine/flow/tunnel.h"
#include "handover/handover.h"

enum {
    /* While the engine is stopped, clients that have given up stay in the queue. */
    BACKLOG = 1024,
};

/* The name is for people who look (`ss -xlp` in the engine's namespace); the helper asks the socket
 * itself for it. An abstract name has a NUL at its start, and none at its end (unix(7)). */
static const char name[] = "\0cwg-engine";

int control_init(struct control *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const socklen_t size = offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    for (int i = 0; i < CONTROL_CLIENTS; i++)
        control->client[i] = -1;
    control->oldest = 0;
    memcpy(address.sun_path, name, sizeof(name) - 1);
    if (fd < 0 || bind(fd, (const void *)&address, size) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    if (fd == HANDOVER_CONTROL)
        return 0;
    if (dup3(fd, HANDOVER_CONTROL, O_CLOEXEC) < 0)
        return -errno;
    close(fd);
    return 0;
}

void control_poll(const struct control *control, struct pollfd ret_polled[static CONTROL_POLLED])
{
    ret_polled[0] = (struct pollfd){.fd = HANDOVER_CONTROL, .events = POLLIN};
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        ret_polled[1 + i] = (struct pollfd){.fd = control->client[i], .events = POLLIN};
}

static void drop(struct control *control, unsigned int number)
{
    if (control->client[number] >= 0)
        close(control->client[number]);
    control->client[number] = -1;
}

/* If all places are in use, the client that has waited longest loses its place: a command takes a
 * moment, and a command that was stopped in the middle must not keep others out. */
static void take_client(struct control *control)
{
    int client = accept4(HANDOVER_CONTROL, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    unsigned int number = control->oldest;

    if (client < 0)
        return;
    for (unsigned int i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->client[i] < 0)
            number = i;
    }
    drop(control, number);
    control->client[number] = client;
    control->oldest = (number + 1) % CONTROL_CLIENTS;
}

static void answer(int client, struct tunnel *tunnel)
{
    char request[HANDOVER_MESSAGE_MAX];
    ssize_t length = recv(client, request, sizeof(request), MSG_TRUNC | MSG_DONTWAIT);

    if (length > 0 && (size_t)length <= sizeof(request)) {
        char text[CONFIGURATION_MAX];
        size_t size = configuration_answer(tunnel, request, (size_t)length, text);

        (void)send(client, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    explicit_bzero(request, sizeof(request));
}

void control_run(struct control *control, const struct pollfd polled[static CONTROL_POLLED],
                 struct tunnel *tunnel)
{
    for (unsigned int i = 0; i < CONTROL_CLIENTS; i++) {
        if (!polled[1 + i].revents)
            continue;
        if (!(polled[1 + i].revents & POLLHUP))
            answer(control->client[i], tunnel);
        drop(control, i);
    }
    if (polled[0].revents)
        take_client(control);
}

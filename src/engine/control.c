#include "engine/control.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/configuration.h"
#include "engine/tunnel.h"

enum {
    PLACE_DIGITS = 2 * CONTROL_PLACE_SIZE,
    NAME_SIZE = sizeof("cwg-engine-") - 1 + PLACE_DIGITS,
    /* Who gives up waiting for us, while we are stopped, stays in the queue until we go on. */
    BACKLOG = 1024,
};

static void make_name(const uint8_t place[static CONTROL_PLACE_SIZE],
                      char ret_name[static NAME_SIZE + 1])
{
    const char *end = ret_name + NAME_SIZE + 1;
    char *next = ret_name + snprintf(ret_name, NAME_SIZE + 1, "cwg-engine-");

    for (int i = 0; i < CONTROL_PLACE_SIZE; i++)
        next += snprintf(next, (size_t)(end - next), "%02x", place[i]);
}

/* A link that can't be looked at is better than none. */
static int open_netlink(void)
{
    static const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_pid = CONTROL_PORT};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_USERSOCK);

    if (fd >= 0 && bind(fd, (const void *)&address, sizeof(address)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int control_init(struct control *control, const uint8_t place[static CONTROL_PLACE_SIZE])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    /* An abstract name has a NUL at its start, and none at its end (unix(7)). */
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + NAME_SIZE;

    make_name(place, address.sun_path + 1);
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        control->client[i] = -1;
    control->oldest = 0;
    control->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (control->listener < 0 || bind(control->listener, (const void *)&address, size) < 0 ||
        listen(control->listener, BACKLOG) < 0)
        return -errno;
    control->netlink = open_netlink();
    return 0;
}

void control_poll(const struct control *control, struct pollfd ret_polled[static CONTROL_POLLED])
{
    ret_polled[0] = (struct pollfd){.fd = control->listener, .events = POLLIN};
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        ret_polled[1 + i] = (struct pollfd){.fd = control->client[i], .events = POLLIN};
    ret_polled[CONTROL_POLLED - 1] = (struct pollfd){.fd = control->netlink, .events = POLLIN};
}

static void drop(struct control *control, unsigned int number)
{
    if (control->client[number] >= 0)
        close(control->client[number]);
    control->client[number] = -1;
}

/* Whoever has waited longest makes room: a command takes a moment, and one that was stopped in the
 * middle must not keep others out. */
static void take_client(struct control *control)
{
    int client = accept4(control->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
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

/* Whether the client knows its answer: by its having it, or by our having done what it asked. */
static bool tell(int client, const char *text, size_t size)
{
    static const char done[] = "errno=0\n\n";
    const size_t length = sizeof(done) - 1;

    return send(client, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           (size >= length && memcmp(text + size - length, done, length) == 0);
}

static void answer(int client, struct tunnel *tunnel)
{
    char request[CONFIGURATION_MAX];
    ssize_t length = recv(client, request, sizeof(request), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

    if (length > 0 && (size_t)length <= sizeof(request)) {
        char text[CONFIGURATION_MAX];
        size_t size = configuration_answer(tunnel, request, (size_t)length, text);

        if (tell(client, text, size))
            (void)recv(client, request, sizeof(request), MSG_DONTWAIT);
    }
    explicit_bzero(request, sizeof(request));
}

/* One question each time. */
static void answer_netlink(int fd, struct tunnel *tunnel)
{
    static const char get[] = {'g', 'e', 't', '=', '1', '\n', '\n'};
    union {
        struct nlmsghdr header;
        char bytes[NLMSG_HDRLEN + CONFIGURATION_MAX];
    } message;
    char *text = message.bytes + NLMSG_HDRLEN;
    struct sockaddr_nl client = {0};
    socklen_t size = sizeof(client);
    ssize_t length = recvfrom(fd, &message, sizeof(message), MSG_DONTWAIT, (void *)&client, &size);

    if (length != NLMSG_LENGTH(sizeof(get)) || memcmp(text, get, sizeof(get)) != 0)
        return;
    message.header.nlmsg_len =
        NLMSG_HDRLEN + (uint32_t)configuration_answer(tunnel, get, sizeof(get), text);
    message.header.nlmsg_flags = 0;
    message.header.nlmsg_pid = CONTROL_PORT;
    (void)sendto(fd, &message, message.header.nlmsg_len, MSG_DONTWAIT, (const void *)&client, size);
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
    if (polled[CONTROL_POLLED - 1].revents)
        answer_netlink(control->netlink, tunnel);
}

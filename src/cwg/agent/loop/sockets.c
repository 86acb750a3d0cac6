#include "cwg/agent/loop/sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cwg/base/clock.h"

enum {
    SECOND_MS = 1000,
    SECOND_MAX = 2000, /* sockets in a second: more cost more than the slow look does */
    RETRY_MS = 60000,
    READS_MAX = 64, /* in one turn */
    GROUPS = 1 << (SKNLGRP_INET_UDP_DESTROY - 1) | 1 << (SKNLGRP_INET6_UDP_DESTROY - 1),
};

void sockets_note(struct sockets *sockets, uint16_t port)
{
    sockets->known[port / 8] |= (uint8_t)(1U << port % 8);
}

static void take_message(const struct sockets *sockets, const char *buffer, ssize_t length)
{
    for (const struct nlmsghdr *header = (const void *)buffer;
         length >= (ssize_t)sizeof(*header) && header->nlmsg_len >= sizeof(*header) &&
         header->nlmsg_len <= (size_t)length;) {
        const struct inet_diag_msg *message = NLMSG_DATA(header);
        const size_t step = NLMSG_ALIGN(header->nlmsg_len);

        if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(*message))) {
            const uint16_t port = ntohs(message->id.idiag_sport);

            if (sockets->known[port / 8] >> port % 8 & 1)
                sockets->gone(sockets->owner, port);
        }
        length -= (ssize_t)step;
        header = (const void *)((const char *)header + step);
    }
}

/* Is it too much? */
static bool count(struct sockets *sockets)
{
    if (clock_now() >= sockets->second + SECOND_MS) {
        sockets->second = clock_now();
        sockets->count = 0;
    }
    return ++sockets->count > SECOND_MAX;
}

static void hear(struct watch *watch, uint32_t events)
{
    struct sockets *sockets = watch->owner;
    char buffer[4096] __attribute__((aligned(NLMSG_ALIGNTO)));

    (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        const ssize_t length = recv(watch->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

        if (length < 0)
            return; /* nothing is left, or some were lost */
        take_message(sockets, buffer, length);
        if (count(sockets)) {
            sockets_close(sockets);
            sockets->retry = clock_now() + RETRY_MS;
            return;
        }
    }
}

void sockets_watch(struct sockets *sockets, struct loop *loop)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};
    int fd;

    if (sockets->loop || clock_now() < sockets->retry)
        return;
    fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return;
    sockets->watch = (struct watch){.fd = fd, .ready = hear, .owner = sockets};
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        loop_add(loop, &sockets->watch, EPOLLIN)) {
        close(fd);
        return;
    }
    sockets->loop = loop;
}

void sockets_close(struct sockets *sockets)
{
    const int fd = sockets->watch.fd;

    if (!sockets->loop)
        return;
    loop_remove(sockets->loop, &sockets->watch);
    close(fd);
    sockets->loop = NULL;
}

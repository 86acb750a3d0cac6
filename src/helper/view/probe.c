/* Decides what counts as an answer. The socket is bound to this end's address, to a port that the
 * kernel chose, and to the link's device. So it hears no packet that came by another way, such as
 * local programs' packets and ICMP errors. Packets by the device are the peer's: the backend has
 * checked their source address. Two kinds of packet remain:
 *
 *   - a datagram from the peer's address: the port is open there, and its program echoes;
 *   - an ICMP error about our datagram, sent by the peer's address, of a kind that only the
 *     datagram's destination sends, or its filter. (Codes 0 and 1, "nobody can be reached", come
 *     from the kernel's driver and from the engine here, while they have no peer or no endpoint;
 *     the engine sends them in the peer's name.)
 *
 * Either has to hold the random bytes of this wait's datagrams, which ICMP errors quote: so our
 * datagram has arrived, after the call. Without these bytes a program in the peer's container that
 * sends datagrams to all ports would be answer enough. And an answer to an earlier wait, held back
 * by somebody on the way, could reach a later socket with the same port.
 *
 * Root in the container can forge all of it, for its own link: its caller is told what it says. */
#include "helper/view/probe.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/random.h"
#include "helper/confine/privileged.h"
#include "link/link.h"

enum {
    /* above the ports that Linux gives out itself (32768 to 60999) */
    PORT_MIN = 61000,
    PORTS = 65536 - PORT_MIN,
    TAKEN_MAX = 64, /* packets taken at once: a flood can't keep us here */
};

static struct sockaddr_in socket_address(uint32_t address, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(address),
    };
}

/* Sets up the socket. Bound to a device it sends by that device alone, whatever routes and rules
 * there are (ip_route_output_key_hash_rcu(), net/ipv4/route.c): by a route, or without one as if
 * the peer were at the other end of the wire, which it is. The index binds it for good: after the
 * device has gone nothing is sent. IP_RECVERR keeps errors, with their sender (ip(7)). */
static int set_up(int fd, const struct device *device)
{
    const struct sockaddr_in from = socket_address(link_address(device->end), 0);
    const int yes = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device->index, sizeof(device->index)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_RECVERR, &yes, sizeof(yes)) < 0 ||
        bind(fd, (const void *)&from, sizeof(from)) < 0)
        return -errno;
    return 0;
}

int probe_open(const struct target *target, const struct device *device, struct probe *ret_probe,
               struct failure *failure)
{
    struct probe probe = {.address = link_address(link_other_end(device->end))};
    int error = random_fill(probe.token, sizeof(probe.token));

    if (error)
        return fail_unexpected(failure, error, "can't get random bytes to ask the peer with");
    error = privileged_enter_netns(target->netns.fd);
    if (error)
        return fail_unexpected(failure, error, "can't enter the container's network namespace");
    probe.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    error = probe.fd < 0 ? -errno : 0;
    if (!error)
        error = set_up(probe.fd, device);
    home_return(target->home);
    if (error) {
        file_close(&probe.fd);
        return error == -EADDRNOTAVAIL
                   ? error
                   : fail_unexpected(failure, error, "can't open a socket in the container");
    }
    *ret_probe = probe;
    return 0;
}

int probe_send(const struct probe *probe)
{
    const uint16_t port = (uint16_t)(PORT_MIN + random_below(PORTS));
    const struct sockaddr_in to = socket_address(probe->address, port);

    for (int tries = 0; tries < 2; tries++) {
        /* The first try may return an error that arrived before. */
        if (sendto(probe->fd, probe->token, sizeof(probe->token), MSG_DONTWAIT | MSG_NOSIGNAL,
                   (const void *)&to, sizeof(to)) >= 0)
            return 0;
    }
    return -errno;
}

static bool is_peer(const struct probe *probe, const struct sockaddr_in *address)
{
    return address->sin_family == AF_INET && address->sin_addr.s_addr == htonl(probe->address);
}

/* Is a code of ICMP's "destination unreachable" one that the destination itself sends? */
static bool is_of_destination(uint8_t code)
{
    switch (code) {
    case ICMP_PROT_UNREACH:
    case ICMP_PORT_UNREACH:
    case ICMP_NET_ANO: /* these three are filters' */
    case ICMP_HOST_ANO:
    case ICMP_PKT_FILTERED:
        return true;
    default:
        return false;
    }
}

static bool is_refusal(const struct probe *probe, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        struct {
            struct sock_extended_err error;
            struct sockaddr_in offender;
        } told;

        if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_RECVERR ||
            part->cmsg_len < CMSG_LEN(sizeof(told)))
            continue;
        memcpy(&told, CMSG_DATA(part), sizeof(told));
        if (told.error.ee_origin == SO_EE_ORIGIN_ICMP && told.error.ee_type == ICMP_DEST_UNREACH &&
            is_of_destination(told.error.ee_code) && is_peer(probe, &told.offender))
            return true;
    }
    return false;
}

/* Receives one error, or one datagram. Returns false if there was none. */
static bool take(const struct probe *probe, int flags, bool *answered)
{
    struct sockaddr_in address = {.sin_family =
                                      AF_UNSPEC}; /* of an error: the destination of our datagram */
    _Alignas(struct cmsghdr) char parts[256];
    uint8_t bytes[PROBE_TOKEN_SIZE] = {0};
    struct iovec buffer = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = sizeof(address),
        .msg_iov = &buffer,
        .msg_iovlen = 1,
        .msg_control = parts,
        .msg_controllen = sizeof(parts),
    };
    ssize_t size = recvmsg(probe->fd, &message, flags | MSG_DONTWAIT);

    if (size < 0)
        return errno != EAGAIN && errno != ENOTSOCK && errno != EBADF;
    if (size == sizeof(bytes) && memcmp(bytes, probe->token, sizeof(bytes)) == 0 &&
        is_peer(probe, &address) && (!(flags & MSG_ERRQUEUE) || is_refusal(probe, &message)))
        *answered = true;
    return true;
}

bool probe_await(const struct probe *probe, int64_t milliseconds)
{
    const int64_t end = clock_now() + milliseconds;
    bool answered = false;

    for (;;) {
        const int64_t left = end - clock_now();
        bool more = true;

        if (clock_await(probe->fd, POLLIN, left) == 0)
            return false;
        for (int i = 0; i < TAKEN_MAX && more && !answered; i++) {
            more = take(probe, MSG_ERRQUEUE, &answered);
            more = take(probe, 0, &answered) || more;
        }
        if (answered || left <= 0)
            return answered;
    }
}

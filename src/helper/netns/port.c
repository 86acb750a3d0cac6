#include "helper/netns/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/confine/privileged.h"

enum {
    HELD_MAX = 256, /* tries, with a descriptor each; the usual limit is 1024 */
};

/* The sandbox knows these flags. */
static int open_socket(int family)
{
    static const int on = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error;

    if (fd < 0)
        return -errno;
    if (family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}

int port_bind(int fd, int family, uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const bool ipv6 = family == AF_INET6;

    return privileged_bind(fd, ipv6 ? (const void *)&address6 : (const void *)&address,
                           ipv6 ? sizeof(address6) : sizeof(address));
}

int port_of(int fd, uint16_t *ret_port)
{
    /* The port has the same place in both address types. */
    struct sockaddr_in6 bound = {0};
    socklen_t size = sizeof(bound);

    if (getsockname(fd, (void *)&bound, &size) < 0)
        return -errno;
    *ret_port = ntohs(bound.sin6_port);
    return 0;
}

/* Tries a port with a socket that has another port already, so that the port in question isn't held
 * even for a moment: the kernel checks the caller's rights first, and then refuses a second bind()
 * with EINVAL (__inet_bind(), net/ipv4/af_inet.c). If no port was left for the first bind(), the
 * port is held. */
static int check_family(int family, uint16_t port)
{
    int fd = open_socket(family);
    int error;

    if (fd < 0)
        return fd == -EAFNOSUPPORT ? 0 : fd;
    (void)port_bind(fd, family, 0);
    error = port_bind(fd, family, port);
    close(fd);
    return error == -EINVAL || error == -EADDRINUSE ? 0 : error;
}

int port_check(uint16_t port, struct failure *failure)
{
    int error = port ? check_family(AF_INET, port) : 0;

    if (!error && port)
        error = check_family(AF_INET6, port);
    if (error == -EACCES || error == -EPERM)
        return port_fail(error, port, failure);
    return error ? fail_unexpected(failure, error, "can't try the UDP port") : 0;
}

/* Sockets with a port of one family that isn't free for the other. While they are open the kernel
 * chooses other ports. */
struct held {
    int fd[HELD_MAX];
    size_t count;
};

static bool is_free(int family, uint16_t port)
{
    int fd = open_socket(family);
    bool free = fd >= 0 && port_bind(fd, family, port) == 0;

    if (fd >= 0)
        close(fd);
    return free || fd == -EAFNOSUPPORT;
}

/* Lets the kernel choose a port of one family. Returns 0 if it is also free for the other family,
 * -EAGAIN if not, -EADDRINUSE if the family has no more ports, or another negative errno. */
static int try_family(int family, int other, struct held *held, uint16_t *ret_port)
{
    int fd = open_socket(family);
    uint16_t port = 0;
    int error;

    if (fd < 0)
        return fd;
    held->fd[held->count++] = fd;
    error = port_bind(fd, family, 0);
    if (!error)
        error = port_of(fd, &port);
    if (error)
        return error;
    if (!is_free(other, port))
        return -EAGAIN;
    *ret_port = port;
    return 0;
}

/* Lets the families take turns: the family with fewer free ports finds one sooner. */
int port_search(uint16_t *ret_port)
{
    struct held held = {.count = 0};
    int error = -EAGAIN;

    while (error == -EAGAIN && held.count < HELD_MAX) {
        error = try_family(AF_INET6, AF_INET, &held, ret_port);
        if (error == -EAFNOSUPPORT || (error == -EAGAIN && held.count < HELD_MAX))
            error = try_family(AF_INET, AF_INET6, &held, ret_port);
    }
    while (held.count > 0)
        close(held.fd[--held.count]);
    return error == -EAGAIN ? -EADDRINUSE : error;
}

int port_fail(int error, uint16_t port, struct failure *failure)
{
    if (error == -EADDRINUSE && port == 0)
        return fail_as(failure, FAILURE_PORT_IN_USE, error,
                       "port: no UDP port is free for both IPv4 and IPv6 among those that the "
                       "kernel gives out (net.ipv4.ip_local_port_range); widen that, or give a "
                       "port");
    if (error == -EADDRINUSE)
        return fail_as(failure, FAILURE_PORT_IN_USE, error,
                       "port: UDP port %u is in use on this machine; choose another (as root, "
                       "`ss -ulpn` shows who has it; no process: a link of the kernel's)",
                       port);
    if (error == -EPERM)
        return fail_as(failure, FAILURE_PORT_NOT_PERMITTED, error,
                       "port: a rule of the machine's or of the service's forbids UDP port %u here "
                       "(systemd: SocketBindDeny=); choose another, or 0 to let the kernel choose",
                       port);
    return fail_as(failure, FAILURE_PORT_NOT_PERMITTED, error,
                   "port: %u is a privileged port, which only root may take (it is below "
                   "net.ipv4.ip_unprivileged_port_start); choose one from 1024 up, or 0 to let the "
                   "kernel choose",
                   port);
}

#include "helper/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/failure.h"
#include "helper/privilege.h"
#include "helper/settings.h"
#include "link/link.h"

enum {
    PORT_DISCARD = 9, /* RFC 863 */
};

/* A socket that is tied to a device sends by that alone, whatever routes and rules there are
 * (ip_route_output_key_hash_rcu(), net/ipv4/route.c): by a route that leads there, and without one
 * as if the peer were at the other end of the wire, where it is. The tie is by index, and lasts:
 * when the device has gone nothing is sent any more. */
static int tie(int fd, int index)
{
    return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) < 0 ? -errno : 0;
}

int probe_open(const struct target *target, const struct device *device, struct probe *ret_probe,
               struct failure *failure)
{
    struct probe probe = {.address = link_address(link_other_end(device->end))};
    int error = netns_enter(target->netns.fd, PRIVILEGE_ADMIN);

    if (error)
        return fail_unexpected(failure, error, "can't enter the container's network namespace");
    probe.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    error = probe.fd < 0 ? -errno : tie(probe.fd, device->index);
    if (home_return(target->home, failure)) {
        probe_close(&probe);
        return -EPERM;
    }
    if (error) {
        probe_close(&probe);
        return fail_unexpected(failure, error, "can't open a socket in the container");
    }
    *ret_probe = probe;
    return 0;
}

void probe_send(const struct probe *probe)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(PORT_DISCARD),
        .sin_addr.s_addr = htonl(probe->address),
    };

    (void)sendto(probe->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, (const void *)&to, sizeof(to));
}

void probe_close(struct probe *probe)
{
    if (probe->fd >= 0)
        close(probe->fd);
    probe->fd = -1;
}

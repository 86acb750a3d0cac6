#include "helper/netns/path.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "helper/base/failure.h"
#include "helper/netlink/netlink.h"
#include "helper/netlink/rtmsg.h"

enum {
    OVERHEAD = 80,
    LINK_MTU_MIN = 1280,
    LINK_MTU_MAX = 65455,
};

static int note_path(const struct nlmsghdr *message, void *context)
{
    return rtmsg_path_parse(message, context);
}

static int note_link(const struct nlmsghdr *message, void *context)
{
    return rtmsg_link_parse(message, context);
}

static uint32_t smaller(uint32_t mtu, uint32_t other)
{
    return other && other < mtu ? other : mtu;
}

/* Measures the path: the smaller MTU of the route and its device. For IPv6 a device may have a
 * smaller one, which a router has told. */
static int measure(const struct endpoint *endpoint, uint32_t *ret_mtu)
{
    struct rtmsg_path path = {0};
    struct rtmsg_link link = {0};
    struct message request;
    int error;

    rtmsg_path_get(&request, endpoint);
    error = netlink_ask_here(NETLINK_ROUTE, &request, note_path, &path);
    if (error)
        return error;
    rtmsg_link_get_index(&request, path.device);
    error = netlink_ask_here(NETLINK_ROUTE, &request, note_link, &link);
    if (!error)
        *ret_mtu = smaller(smaller(link.mtu, path.mtu), endpoint->ipv6 ? link.mtu6 : 0);
    return error;
}

static uint32_t within_limits(uint32_t mtu)
{
    if (mtu < LINK_MTU_MIN + OVERHEAD)
        return LINK_MTU_MIN;
    return mtu > LINK_MTU_MAX + OVERHEAD ? LINK_MTU_MAX : mtu - OVERHEAD;
}

int path_mtu(const struct endpoint *endpoint, uint32_t *ret_mtu, struct failure *failure)
{
    uint32_t mtu = 0;
    int error = measure(endpoint, &mtu);

    if (failure_is_shortage(error))
        return fail_unexpected(failure, error, "can't open netlink");
    if (endpoint->ipv6 && (error == -EOPNOTSUPP || error == -EAFNOSUPPORT))
        return fail_as(failure, FAILURE_UNSUPPORTED, error,
                       "peer_endpoint: this machine's kernel has no IPv6; give an IPv4 address of "
                       "the peer's machine");
    /* Any other error is a missing or refusing route: a good one may come later. */
    *ret_mtu = error ? PATH_MTU_UNKNOWN : within_limits(mtu);
    return 0;
}

bool path_is_missing(const struct endpoint *endpoint)
{
    uint32_t mtu;
    int error = measure(endpoint, &mtu);

    /* The last two are of routes of the types prohibit and blackhole. */
    return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EACCES || error == -EINVAL;
}

bool path_is_local(const struct endpoint *endpoint)
{
    struct rtmsg_path path = {0};
    struct message request;

    rtmsg_path_get(&request, endpoint);
    return netlink_ask_here(NETLINK_ROUTE, &request, note_path, &path) == 0 &&
           path.type == RTN_LOCAL;
}

static int note_network(const struct nlmsghdr *message, void *context)
{
    bool *closed = context;
    struct rtmsg_link device;
    int error = rtmsg_link_parse(message, &device);

    if (error)
        return error;
    *closed = device.loopback;
    return *closed ? 0 : NETLINK_ENOUGH;
}

bool path_is_closed(void)
{
    bool closed = false;
    struct message request;

    rtmsg_link_dump(&request);
    return netlink_ask_here(NETLINK_ROUTE, &request, note_network, &closed) == 0 && closed;
}

#include "helper/netns/arp.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "helper/base/failure.h"
#include "helper/netlink/rtmsg.h"

enum {
    DEVICES_MAX = 64,
    OWN_ADDRESSES_ONLY =
        1, /* arp_ignore(), net/ipv4/arp.c. The smallest setting: the kernel takes the larger of the
              device's and the namespace's, so no device answers more than before. */
};

/* The result of the dumps of devices and routes. Links are in neither list. */
struct search {
    int mute[DEVICES_MAX]; /* devices without ARP: other devices answer for their addresses */
    size_t mutes;
    int open[DEVICES_MAX]; /* devices that answer for every address */
    size_t opens;
    bool needed; /* leave all devices alone: an address needs another device's answers, or there are
                    too many */
};

static int note_device(const struct nlmsghdr *message, void *context)
{
    struct search *search = context;
    struct rtmsg_link device;
    int error = rtmsg_link_parse(message, &device);

    if (error)
        return error;
    if (!device.answers_arp && !device.point_to_point) {
        if (search->mutes == DEVICES_MAX)
            search->needed = true;
        else
            search->mute[search->mutes++] = device.index;
    }
    if (device.answers_arp && device.arp_ignore == 0 && search->opens < DEVICES_MAX)
        search->open[search->opens++] = device.index;
    return 0;
}

/* Notes a local route. Each address of a device has one; `ip route add local` makes them for
 * addresses of no device. */
static int note_address(const struct nlmsghdr *message, void *context)
{
    struct search *search = context;
    struct rtmsg_route route;
    int error = rtmsg_route_parse(message, &route);

    if (error || route.type != RTN_LOCAL || route.destination >> 24 == 127)
        return error;
    for (size_t i = 0; i < search->mutes; i++) {
        if (search->mute[i] == route.device)
            search->needed = true;
    }
    return 0;
}

static int look(struct target *target, struct search *search, struct failure *failure)
{
    struct message request;
    int error;

    rtmsg_link_dump(&request);
    error = target_list(target, &request, note_device, search, "can't list the container's devices",
                        failure);
    if (error)
        return error;
    rtmsg_route_dump(&request);
    return target_list(target, &request, note_address, search, "can't list the container's routes",
                       failure);
}

int arp_keep_apart(struct target *target, struct failure *failure)
{
    struct search search = {.needed = false};
    int error = look(target, &search, failure);

    for (size_t i = 0; i < search.opens && !error && !search.needed; i++) {
        struct message request;

        rtmsg_arp_set_ignore(&request, search.open[i], OWN_ADDRESSES_ONLY);
        error = netlink_change(&target->route, &request);
        if (error == -ENODEV) /* the device has gone */
            error = 0;
        if (error)
            fail_unexpected(failure, error, "can't limit ARP to each device's own addresses");
    }
    return error;
}

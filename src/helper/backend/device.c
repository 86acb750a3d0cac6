#include "helper/backend/device.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "helper/admin/policy.h"
#include "helper/backend/alias.h"
#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "helper/netlink/rtmsg.h"

static const char *const kinds[] = {
    [KIND_KERNEL] = "wireguard",
    [KIND_ENGINE] = "tun",
};

const char *device_kind_text(enum device_kind kind)
{
    return kinds[kind];
}

bool device_kind_parse(const char *text, enum device_kind *ret_kind)
{
    for (enum device_kind kind = KIND_KERNEL; kind < KINDS; kind++) {
        if (strcmp(kinds[kind], text) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

int device_name(struct link_end end, char ret_name[static LINK_NAME_SIZE], struct failure *failure)
{
    if (link_name(CWG_PREFIX, end, ret_name))
        return fail_as(
            failure, FAILURE_USAGE, -ENAMETOOLONG,
            "net: the device name %s-%u-%u would be longer than the 15 characters that Linux "
            "allows; with this prefix use a net from 0 to %d",
            CWG_PREFIX, end.net, end.host, link_net_limit(strlen(CWG_PREFIX)));
    return 0;
}

int device_fail_none(struct link_end end, int presence, const char *foreign_advice,
                     const char *absent_advice, struct failure *failure)
{
    if (presence == DEVICE_FOREIGN)
        return fail_as(failure, FAILURE_NO_SUCH_LINK, -ENODEV,
                       "no such link: the device with the name of net %u, host %u isn't a link%s",
                       end.net, end.host, foreign_advice);
    return fail_as(failure, FAILURE_NO_SUCH_LINK, -ENODEV,
                   "no such link: the container has none for net %u, host %u%s", end.net, end.host,
                   absent_advice);
}

bool device_read(const struct rtmsg_link *told, struct device *ret_device)
{
    struct device device = {
        .index = told->index,
        .finished = told->group != DEVICE_GROUP_IN_THE_MAKING,
        .mtu = told->mtu,
    };

    if (!device_kind_parse(told->kind, &device.kind) ||
        link_name_parse(CWG_PREFIX, told->name, &device.end))
        return false;
    memcpy(device.name, told->name, sizeof(device.name));
    if (HAS_ENGINE)
        (void)alias_parse(told->alias, &device.process); /* stays 0 if the alias names no process */
    *ret_device = device;
    return true;
}

static int note_link(const struct nlmsghdr *message, void *context)
{
    return rtmsg_link_parse(message, context);
}

int device_find(struct target *target, struct link_end end, struct device *ret_device,
                struct failure *failure)
{
    char name[LINK_NAME_SIZE];
    struct rtmsg_link link = {0};
    struct message request;
    int error = device_name(end, name, failure);

    if (error)
        return error;
    rtmsg_link_get(&request, name);
    error = netlink_ask(&target->route, &request, note_link, &link);
    if (error == -ENODEV)
        return DEVICE_ABSENT;
    if (error)
        return fail_unexpected(failure, error, "can't look up the device");
    return strcmp(link.name, name) == 0 && device_read(&link, ret_device) ? DEVICE_OURS
                                                                          : DEVICE_FOREIGN;
}

static int count_link(const struct nlmsghdr *message, void *context)
{
    unsigned int *links = context;
    struct rtmsg_link link;
    struct device device;
    int error = rtmsg_link_parse(message, &link);

    if (error)
        return error;
    *links += device_read(&link, &device);
    return 0;
}

int device_check_limit(struct target *target, struct failure *failure)
{
    struct message request;
    unsigned int links = 0;
    int error;

    rtmsg_link_dump(&request);
    error = target_list(target, &request, count_link, &links, "can't list the container's devices",
                        failure);
    if (error)
        return error;
    if (links > CWG_MAX_LINKS)
        return fail_as(failure, FAILURE_LIMIT, -EDQUOT,
                       "the container has %d links already, which is the limit; remove one with "
                       "cwg_destroy, or raise CWG_MAX_LINKS in config.h",
                       CWG_MAX_LINKS);
    return HAS_POLICY ? policy_check_links(target->policy, links, failure) : 0;
}

enum {
    SUBNETS_MAX = 8,
    SUBNET_LENGTH_MIN = 8, /* a shorter prefix is a default route, or part of one */
};

/* A subnet on a device's link: its addresses are the device's neighbours. */
struct subnet {
    uint32_t address;
    uint8_t prefix_length;
    int device;
};

/* The search of a dump of the routes, and its result. */
struct overlap {
    uint32_t subnet;  /* the new link's /31 */
    int sibling;      /* index of the device of the net's other end, if it is here; or 0 */
    const char *what; /* NULL: nothing found */
    uint32_t address;
    struct subnet around[SUBNETS_MAX]; /* subnets around the /31 */
    size_t arounds;
};

static bool in_subnet(uint32_t address, uint32_t subnet)
{
    return (address & ~UINT32_C(1)) == subnet;
}

/* Does a route lead to neighbours, and is our /31 among them? */
static bool is_around(const struct rtmsg_route *route, uint32_t subnet)
{
    return route->type == RTN_UNICAST && route->scope == RT_SCOPE_LINK && route->gateways == 0 &&
           route->prefix_length >= SUBNET_LENGTH_MIN && route->prefix_length < LINK_PREFIX_LENGTH &&
           ((route->destination ^ subnet) >> (32 - route->prefix_length)) == 0;
}

static int note_overlap(const struct nlmsghdr *message, void *context)
{
    struct overlap *overlap = context;
    struct rtmsg_route route;
    int error = rtmsg_route_parse(message, &route);

    if (error || overlap->what || (overlap->sibling && route.device == overlap->sibling))
        return error;
    if (route.prefix_length >= LINK_PREFIX_LENGTH &&
        in_subnet(route.destination, overlap->subnet)) {
        overlap->what = route.type == RTN_LOCAL ? "the address" : "a route to";
        overlap->address = route.destination;
    }
    for (size_t i = 0; i < route.gateways; i++) {
        if (in_subnet(route.gateway[i], overlap->subnet)) {
            overlap->what = "a gateway at";
            overlap->address = route.gateway[i];
        }
    }
    if (is_around(&route, overlap->subnet) && overlap->arounds < SUBNETS_MAX)
        overlap->around[overlap->arounds++] = (struct subnet){
            route.destination,
            route.prefix_length,
            route.device,
        };
    return 0;
}

#define OVERLAP "net: its addresses overlap with the container's own network: "

/* Is a device's name printable? The container chose it, perhaps with control characters. */
static bool is_plain(const char *name)
{
    return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789_.-@:") == strlen(name);
}

static int fail_around(const struct subnet *subnet, const char *name, struct failure *failure)
{
    char address[ADDRESS_TEXT_SIZE];

    address_ipv4_to_text(subnet->address, address);
    fail_as(failure, FAILURE_OVERLAP, -EADDRINUSE, OVERLAP "the subnet %s/%u of its ", address,
            subnet->prefix_length);
    if (subnet->device == 0)
        failure_add(failure, "devices");
    else if (is_plain(name))
        failure_add(failure, "device %s", name);
    else
        failure_add(failure, "device number %d", subnet->device);
    failure_add(failure, "; choose another net, or give --allow-overlap if the link may take these "
                         "two addresses from that network");
    return -EADDRINUSE;
}

/* Checks a subnet around the new /31. Root in the container may have routed a subnet into a link;
 * that is no network with neighbours to lose. */
static int check_around(struct target *target, const struct subnet *subnet, struct failure *failure)
{
    struct rtmsg_link link = {0};
    struct message request;
    struct device device;
    int error;

    rtmsg_link_get_index(&request, subnet->device);
    error = netlink_ask(&target->route, &request, note_link, &link);
    if (error && error != -ENODEV && error != -EINVAL && error != -EBADMSG)
        return fail_unexpected(failure, error, "can't look up the device");
    if (!error && device_read(&link, &device))
        return 0;
    return fail_around(subnet, error ? "" : link.name, failure);
}

int device_check_addresses(struct target *target, const struct device *device, bool allow_around,
                           struct failure *failure)
{
    struct overlap overlap = {.subnet = link_subnet(device->end.net)};
    struct device sibling = {0};
    struct message request;
    int error = device_find(target, link_other_end(device->end), &sibling, failure);

    if (error < 0)
        return error;
    overlap.sibling = sibling.index;
    rtmsg_route_dump(&request);
    error = target_list(target, &request, note_overlap, &overlap,
                        "can't list the container's routes", failure);
    if (error)
        return error;
    if (overlap.what) {
        char address[ADDRESS_TEXT_SIZE];

        address_ipv4_to_text(overlap.address, address);
        return fail_as(failure, FAILURE_OVERLAP, -EADDRINUSE, OVERLAP "%s %s; choose another net",
                       overlap.what, address);
    }
    for (size_t i = 0; i < overlap.arounds && !error && !allow_around; i++)
        error = check_around(target, &overlap.around[i], failure);
    return error;
}

/* Changes a device that was there a moment ago. */
static int change(struct target *target, struct message *request, const char *failed,
                  struct failure *failure)
{
    int error = netlink_change(&target->route, request);

    return error ? fail_on_device(failure, error, failed) : 0;
}

int device_set_address(struct target *target, const struct device *device, struct failure *failure)
{
    struct message request;

    rtmsg_address_new(&request, device->index, link_address(device->end), LINK_PREFIX_LENGTH);
    return change(target, &request, "can't set the link's address", failure);
}

int device_set_up(struct target *target, const struct device *device)
{
    struct message request;

    rtmsg_link_up(&request, device->index);
    return netlink_change_to_bind(&target->route, &request);
}

int device_set_mtu(struct target *target, const struct device *device, uint32_t mtu,
                   struct failure *failure)
{
    struct message request;

    rtmsg_link_set_mtu(&request, device->index, mtu);
    return change(target, &request, "can't set the link's MTU", failure);
}

int device_finish(struct target *target, const struct device *device, const char *alias,
                  struct failure *failure)
{
    struct message request;

    rtmsg_link_set_group(&request, device->index, 0, alias);
    return change(target, &request, "can't mark the link as finished", failure);
}

int device_delete(struct target *target, const struct device *device, struct failure *failure)
{
    struct message request;
    int error;

    rtmsg_link_delete(&request, device->index);
    error = netlink_change(&target->route, &request);
    if (error && error != -ENODEV)
        return fail_unexpected(failure, error, "can't remove the link");
    return 0;
}

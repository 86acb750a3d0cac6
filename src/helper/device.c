#include "helper/device.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "helper/backend.h"
#include "helper/failure.h"
#include "helper/policy.h"
#include "helper/rtmsg.h"
#include "helper/settings.h"

int device_name(struct link_end end, char ret_name[static LINK_NAME_SIZE], struct failure *failure)
{
    if (link_name(CWG_PREFIX, end, ret_name))
        return fail(
            failure, -ENAMETOOLONG,
            "net: the device name %s-%u-%u would be longer than the 15 characters that Linux "
            "allows; with this prefix use a net from 0 to %d",
            CWG_PREFIX, end.net, end.host, link_net_limit(strlen(CWG_PREFIX)));
    return 0;
}

static int note_link(const struct nlmsghdr *message, void *context)
{
    return rtmsg_link_parse(message, context);
}

int device_find(struct target *target, struct link_end end, struct device *ret_device,
                struct failure *failure)
{
    struct device device = {.end = end};
    struct rtmsg_link link = {0};
    struct message request;
    int error = device_name(end, device.name, failure);

    if (error)
        return error;
    rtmsg_link_get(&request, device.name);
    error = netlink_request(&target->route, &request, false, note_link, &link);
    if (error == -ENODEV)
        return DEVICE_ABSENT;
    if (error)
        return fail_unexpected(failure, error, "can't look up the device");
    device.backend = backend_by_kind(link.kind);
    if (strcmp(link.name, device.name) != 0 || !device.backend)
        return DEVICE_FOREIGN;
    device.index = link.index;
    device.mtu = link.mtu;
    device.finished = link.group != DEVICE_GROUP_IN_THE_MAKING;
#ifdef ENABLE_CWG_ENGINE
    (void)ctlmsg_alias_parse(link.alias, &device.engine); /* if it names none, it stays none */
#endif
    *ret_device = device;
    return DEVICE_OURS;
}

/* How many links dumps have shown. A kernel that doesn't know a kind shows all devices
 * (link_kind_filtered(), net/core/rtnetlink.c): at least lo, which is of none. */
struct count {
    const char *kind; /* that was asked for */
    unsigned int links;
    bool all; /* devices of all kinds were shown */
};

static int count_link(const struct nlmsghdr *message, void *context)
{
    struct count *count = context;
    struct rtmsg_link link;
    struct link_end end;
    int error = rtmsg_link_parse(message, &link);

    if (error)
        return error;
    if (strcmp(link.kind, count->kind) != 0)
        count->all = true;
    if (backend_by_kind(link.kind) && link_name_parse(CWG_PREFIX, link.name, &end) == 0)
        count->links++;
    return 0;
}

static int count_links(struct target *target, const char *kind, struct count *count,
                       struct failure *failure)
{
    struct message request;
    int error;

    count->kind = kind;
    rtmsg_link_dump(&request, kind);
    error = netlink_request(&target->dumps, &request, false, count_link, count);
    return error ? fail_unexpected(failure, error, "can't list the container's devices") : 0;
}

/* The kind of the new device, which is that of most, comes last: if another isn't known, all have
 * been shown by then. */
int device_check_limit(struct target *target, const struct device *device, struct failure *failure)
{
    struct count count = {.links = 0};
    int error = 0;

    for (const struct backend *const *backend = backends; *backend && !error; backend++) {
        if (*backend != device->backend && !count.all)
            error = count_links(target, (*backend)->kind, &count, failure);
    }
    if (!error && !count.all)
        error = count_links(target, device->backend->kind, &count, failure);
    if (error)
        return error;
    if (count.links > CWG_MAX_LINKS)
        return fail(failure, -EDQUOT,
                    "the container has %d links already, which is the limit; remove one with "
                    "cwg_destroy, or raise CWG_MAX_LINKS in config.h",
                    CWG_MAX_LINKS);
#ifdef ENABLE_CWG_POLICY
    return policy_check_links(count.links, failure);
#else
    return 0;
#endif
}

/* What a dump of the routes is searched for, and what is found. */
struct overlap {
    uint32_t subnet;  /* our /31 */
    int sibling;      /* index of the device at the other end, if that is here, too; or 0 */
    const char *what; /* NULL as long as nothing is found */
    uint32_t address;
};

static bool in_subnet(uint32_t address, uint32_t subnet)
{
    return (address & ~UINT32_C(1)) == subnet;
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
    return 0;
}

static int fail_overlap(const struct overlap *overlap, struct failure *failure)
{
    return fail(failure, -EADDRINUSE,
                "net: its addresses overlap what the container has already: %s %u.%u.%u.%u; choose "
                "another net",
                overlap->what, overlap->address >> 24, overlap->address >> 16 & 255,
                overlap->address >> 8 & 255, overlap->address & 255);
}

int device_check_addresses(struct target *target, const struct device *device,
                           struct failure *failure)
{
    struct overlap overlap = {.subnet = link_subnet(device->end.net)};
    struct device sibling = {0};
    struct message request;
    int presence = device_find(target, link_other_end(device->end), &sibling, failure);
    int error;

    if (presence < 0)
        return presence;
    if (presence == DEVICE_OURS)
        overlap.sibling = sibling.index;
    rtmsg_route_dump(&request);
    error = netlink_request(&target->dumps, &request, false, note_overlap, &overlap);
    if (error)
        return fail_unexpected(failure, error, "can't list the container's routes");
    return overlap.what ? fail_overlap(&overlap, failure) : 0;
}

int device_set_address(struct target *target, const struct device *device, struct failure *failure)
{
    struct message request;
    int error;

    rtmsg_address_new(&request, device->index, link_address(device->end), LINK_PREFIX_LENGTH);
    error = netlink_request(&target->route, &request, true, NULL, NULL);
    return error ? fail_step(failure, error, "can't set the link's address") : 0;
}

int device_set_up(struct target *target, const struct device *device)
{
    struct message request;

    rtmsg_link_up(&request, device->index);
    return netlink_request(&target->route, &request, true, NULL, NULL);
}

int device_set_mtu(struct target *target, const struct device *device, uint32_t mtu,
                   struct failure *failure)
{
    struct message request;
    int error;

    rtmsg_link_set_mtu(&request, device->index, mtu);
    error = netlink_request(&target->route, &request, true, NULL, NULL);
    return error ? fail_step(failure, error, "can't set the link's MTU") : 0;
}

int device_finish(struct target *target, const struct device *device, const char *alias,
                  struct failure *failure)
{
    struct message request;
    int error;

    rtmsg_link_set_group(&request, device->index, 0, alias);
    error = netlink_request(&target->route, &request, true, NULL, NULL);
    return error ? fail_step(failure, error, "can't mark the link as finished") : 0;
}

int device_delete(struct target *target, const struct device *device, struct failure *failure)
{
    struct message request;
    int error;

    rtmsg_link_delete(&request, device->index);
    error = netlink_request(&target->route, &request, true, NULL, NULL);
    if (error && error != -ENODEV)
        return fail_unexpected(failure, error, "can't remove the link");
    return 0;
}

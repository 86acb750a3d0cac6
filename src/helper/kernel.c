/* The backend that leaves everything to the kernel's WireGuard driver. */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/random.h>

#include "helper/backend.h"
#include "helper/failure.h"
#include "helper/rtmsg.h"
#include "helper/secret.h"
#include "helper/wgmsg.h"

static int note_family(const struct nlmsghdr *message, void *context)
{
    return wgmsg_family_parse(message, context);
}

/* The message type that stands for WireGuard. Asked only when a WireGuard device is there, and so
 * the driver too: asking would load it otherwise, in the name of the container. */
static int find_family(struct target *target, uint16_t *ret_family, struct failure *failure)
{
    struct message request;
    uint16_t family = 0;
    int error;

    wgmsg_family_get(&request);
    error = netlink_request(&target->generic, &request, false, note_family, &family);
    if (!error && family == 0)
        error = -EBADMSG;
    if (error)
        return fail_unexpected(failure, error, "can't talk to the kernel's WireGuard");
    *ret_family = family;
    return 0;
}

/* What note_device() needs to read one message, and what it has read so far. */
struct reading {
    uint16_t family;
    struct wgmsg_device device;
};

static int note_device(const struct nlmsghdr *message, void *context)
{
    struct reading *reading = context;

    return wgmsg_device_parse(message, reading->family, &reading->device);
}

static int read_device(struct target *target, uint16_t family, int index,
                       struct wgmsg_device *ret_device, struct failure *failure)
{
    struct reading reading = {.family = family};
    struct message request;
    int error;

    wgmsg_device_get(&request, family, index);
    error = netlink_request(&target->generic, &request, true, note_device, &reading);
    if (!error && !reading.device.has_key)
        error = -EBADMSG;
    if (error)
        return fail_unexpected(failure, error, "can't read the link's state from WireGuard");
    *ret_device = reading.device;
    return 0;
}

/* A new private key goes into the device, and its public key comes out. */
static int set_new_key(struct target *target, const struct device *device, uint16_t port,
                       struct key *ret_public_key, struct failure *failure)
{
    struct wgmsg_device state = {0};
    uint16_t family = 0;
    int error = find_family(target, &family, failure);

    if (error)
        return error;
    if (getrandom(secret.private_key.bytes, KEY_SIZE, 0) != KEY_SIZE)
        return fail_unexpected(failure, -errno, "can't get random bytes for a key");
    key_clamp(&secret.private_key);
    wgmsg_set_key(&secret.request, family, device->index, &secret.private_key, port);
    error = netlink_request(&target->generic, &secret.request, true, NULL, NULL);
    secret_wipe();
    if (error)
        return fail_unexpected(failure, error, "can't set the link's key and port");
    error = read_device(target, family, device->index, &state, failure);
    if (error)
        return error;
    *ret_public_key = state.public_key;
    return 0;
}

static int fail_birth(int error, const char *name, struct failure *failure)
{
    switch (error) {
    case -EEXIST:
        return error;
    case -EOPNOTSUPP:
        return fail(
            failure, error,
            "this kernel has no WireGuard: load its module with `modprobe wireguard`, or use "
            "a kernel with CONFIG_WIREGUARD (Linux 5.6 and newer, all of Debian's)");
    case -EPERM:
        return fail(failure, error,
                    "not permitted to create devices here: the network namespace this was started "
                    "in is none that the program has power over; start it in the host's");
    default:
        fail_unexpected(failure, error, "can't create the device");
        failure_add(failure, " for %s", name);
        return error;
    }
}

/* The request goes out on a socket of the home namespace, and that is where the driver keeps the
 * device's UDP socket (wg_newlink(), drivers/net/wireguard/device.c). */
static int give_birth(struct target *target, const char *name, struct failure *failure)
{
    struct netlink route;
    struct message request;
    int error = netlink_open(NETLINK_ROUTE, &route);

    if (error)
        return fail_unexpected(failure, error, "can't open netlink");
    rtmsg_link_new(&request, name, kernel_backend.kind, target->netns.fd,
                   DEVICE_GROUP_IN_THE_MAKING);
    error = netlink_request(&route, &request, true, NULL, NULL);
    netlink_close(&route);
    return error ? fail_birth(error, name, failure) : 0;
}

static int kernel_make(struct target *target, struct link_end end, uint16_t port,
                       struct device *ret_device, struct key *ret_public_key,
                       struct failure *failure)
{
    struct device device = {0};
    char name[LINK_NAME_SIZE];
    int error = device_name(end, name, failure);

    if (!error)
        error = give_birth(target, name, failure);
    if (error)
        return error;
    error = device_find(target, end, &device, failure);
    if (error != DEVICE_OURS)
        return error < 0 ? error
                         : fail(failure, -ENODEV,
                                "the new device was taken away by somebody in the container; find "
                                "out who manages its network, and try again");
    error = set_new_key(target, &device, port, ret_public_key, failure);
    if (error) {
        struct failure ignored;

        device_delete(target, &device, &ignored);
        return error;
    }
    *ret_device = device;
    return 0;
}

static int kernel_start(struct target *target, const struct device *device, uint16_t port,
                        struct failure *failure)
{
    int error = device_set_up(target, device);

    if (error == -EADDRINUSE)
        return fail(failure, error,
                    "port: UDP port %u is in use on this machine; choose another (`ss -ulpn` shows "
                    "who has it, unless it is another link)",
                    port);
    if (error == -EACCES)
        return fail(
            failure, error,
            "port: %u is a privileged port, which this program may not give away; choose one "
            "from 1024 up, or 0 to let the kernel choose",
            port);
    return error ? fail_unexpected(failure, error, "can't set the link up") : 0;
}

static int kernel_join(struct target *target, const struct device *device, const struct key *peer,
                       const struct endpoint *endpoint, struct failure *failure)
{
    struct wgmsg_peer new_peer = {
        .public_key = *peer,
        .endpoint = *endpoint,
        .allowed_address = link_address(link_other_end(device->end)),
    };
    struct wgmsg_device state = {0};
    struct message request;
    uint16_t family = 0;
    bool known;
    int error = find_family(target, &family, failure);

    if (!error)
        error = read_device(target, family, device->index, &state, failure);
    if (error)
        return error;
    if (key_equal(peer, &state.public_key))
        return fail(failure, -EINVAL,
                    "peer_key: this is the link's own public key; give the one that cwg_create "
                    "printed at the other site");
    /* A peer that stays keeps its session; to replace it by itself would end that. */
    known = state.peers == 1 && key_equal(peer, &state.peer);
    wgmsg_set_peer(&request, family, device->index, &new_peer, !known);
    error = netlink_request(&target->generic, &request, true, NULL, NULL);
    return error ? fail_unexpected(failure, error, "can't set the link's peer") : 0;
}

const struct backend kernel_backend = {
    .kind = "wireguard",
    .alias = "net-admin-helper: kernel",
    .title = "kernel WireGuard",
    .make = kernel_make,
    .start = kernel_start,
    .join = kernel_join,
    .remove = device_delete,
};

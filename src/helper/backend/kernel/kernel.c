/* The kernel backend: the kernel's WireGuard driver carries the link. */
#include <errno.h>
#include <linux/netlink.h>

#include "helper/backend/backend.h"
#include "helper/backend/kernel/wgmsg.h"
#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/random.h"
#include "helper/base/settings.h"
#include "helper/confine/privilege.h"
#include "helper/netlink/rtmsg.h"
#include "helper/netlink/secret.h"
#include "helper/netns/port.h"

enum {
    PORT_TRIES = 5, /* somebody else may take the port first */
};

#define STILL_THERE "; the new device is still there: remove it with cwg_destroy"

static int note_family(const struct nlmsghdr *message, void *context)
{
    return wgmsg_family_parse(message, context);
}

/* Finds the message type of WireGuard. Called only when there is a WireGuard device, and so the
 * driver: else the question would load the driver in the container's name. */
static int find_family(struct target *target, uint16_t *ret_family, struct failure *failure)
{
    struct message request;
    uint16_t family = 0;
    int error;

    wgmsg_family_get(&request);
    error = netlink_ask(&target->generic, &request, note_family, &family);
    if (!error && family == 0)
        error = -EBADMSG;
    if (error)
        return fail_unexpected(failure, error, "can't talk to the kernel's WireGuard");
    *ret_family = family;
    return 0;
}

/* The question loads the driver's module, if there is one. */
static int kernel_available(bool *ret_there, struct failure *failure)
{
    struct message request;
    uint16_t family = 0;
    int error;

    wgmsg_family_get(&request);
    error = netlink_ask_here(NETLINK_GENERIC, &request, note_family, &family);
    if (error && error != -ENOENT)
        return fail_unexpected(failure, error, "can't ask the kernel for WireGuard");
    *ret_there = !error;
    return 0;
}

/* The state of note_status(). */
struct reading {
    uint16_t family;
    struct wgmsg_reading told;
};

static int note_status(const struct nlmsghdr *message, void *context)
{
    struct reading *reading = context;

    return wgmsg_status_parse(message, reading->family, &reading->told);
}

static int read_status(struct target *target, int index, struct link_status *ret_status,
                       struct failure *failure)
{
    struct reading reading = {.family = 0};
    struct message request;
    int error = find_family(target, &reading.family, failure);

    if (error)
        return error;
    wgmsg_device_get(&request, reading.family, index);
    error = netlink_ask_as_admin(&target->generic, &request, note_status, &reading);
    if (error)
        return fail_on_device(failure, error, "can't read the link's state from WireGuard");
    *ret_status = reading.told.status;
    return 0;
}

/* Reads the status of a device that has to have a private key. The driver tells the public key only
 * if there is a private key (wg_get_device_dump(), drivers/net/wireguard/netlink.c). */
static int read_with_key(struct target *target, int index, struct link_status *ret_status,
                         struct failure *failure)
{
    int error = read_status(target, index, ret_status, failure);

    if (error || ret_status->has_key)
        return error;
    return fail_as(failure, FAILURE_REMOVED, -ENOKEY,
                   "somebody in the container has taken away the link's private key; "
                   "cwg_destroy the link, and create it again");
}

/* Gives a device a new private key, made here and kept nowhere else, and a listen port (0 for any).
 * The driver computes the public key. */
static int set_new_key(struct target *target, int index, uint16_t port, struct key *ret_public_key,
                       struct failure *failure)
{
    struct link_status state = {0};
    uint16_t family = 0;
    int error = find_family(target, &family, failure);

    if (error)
        return error;
    error = random_fill(secret.private_key.bytes, KEY_SIZE);
    if (error)
        return fail_unexpected(failure, error, "can't get random bytes for a key");
    key_clamp(&secret.private_key);
    wgmsg_set_key(&secret.request, family, index, &secret.private_key, port);
    error = netlink_change(&target->generic, &secret.request);
    secret_wipe();
    if (error)
        return fail_on_device(failure, error, "can't set the link's key and port");
    error = read_with_key(target, index, &state, failure);
    if (error)
        return error;
    *ret_public_key = state.public_key;
    return 0;
}

static int set_port(struct target *target, int index, uint16_t port, struct failure *failure)
{
    struct message request;
    uint16_t family = 0;
    int error = find_family(target, &family, failure);

    if (error)
        return error;
    wgmsg_set_port(&request, family, index, port);
    error = netlink_change(&target->generic, &request);
    return error ? fail_on_device(failure, error, "can't set the link's port") : 0;
}

/* Makes `peer` the only peer. Returns -EINVAL if it has the device's own key. */
static int set_peer(struct target *target, int index, const struct peer *peer,
                    struct failure *failure)
{
    struct link_status state = {0};
    uint16_t family = 0;
    bool replace;
    int error = find_family(target, &family, failure);

    if (!error)
        error = read_with_key(target, index, &state, failure);
    if (error)
        return error;
    if (key_equal(&peer->public_key, &state.public_key))
        return fail_as(failure, FAILURE_OWN_KEY, -EINVAL,
                       "peer_key: this is the link's own public key; give the one that cwg_create "
                       "printed at the other site");
    /* Replace only a different peer: replacing the same peer would end its session, and replacing
     * no peer still costs a grace period of RCU (wg_peer_remove_all(), peer.c). */
    replace =
        state.peers > 1 || (state.peers == 1 && !key_equal(&peer->public_key, &state.peer_key));
    wgmsg_set_peer(&secret.request, family, index, peer, replace);
    error = netlink_change(&target->generic, &secret.request);
    secret_wipe();
    return error ? fail_on_device(failure, error, "can't set the link's peer") : 0;
}

static int fail_birth(int error, const char *name, struct failure *failure)
{
    switch (error) {
    case -EEXIST:
        return error;
    case -EOPNOTSUPP:
        return fail_as(
            failure, FAILURE_NO_BACKEND, error,
            "this kernel has no WireGuard: load its module with `modprobe wireguard`, or use "
            "a kernel with CONFIG_WIREGUARD (Linux 5.6 and newer, all of Debian's), or a build "
            "with "
            "ENABLE_CWG_ENGINE");
    case -EPERM:
        return fail_as(failure, FAILURE_NOT_PERMITTED, error,
                       "not permitted to create devices: this program has no rights over the "
                       "network namespace that it was started in; start it in the host's");
    default:
        fail_unexpected(failure, error, "can't create the device");
        failure_add(failure, " for %s", name);
        return error;
    }
}

/* Creates the device, by a socket of the home namespace: the driver keeps the device's UDP socket
 * in the namespace of that socket (wg_newlink(), drivers/net/wireguard/device.c). */
static int give_birth(struct target *target, const char *name, struct failure *failure)
{
    struct netlink route;
    struct message request;
    int error = netlink_open(NETLINK_ROUTE, &route);

    if (error)
        return fail_unexpected(failure, error, "can't open netlink");
    rtmsg_link_new(&request, name, device_kind_text(KIND_KERNEL), target->netns.fd,
                   DEVICE_GROUP_IN_THE_MAKING);
    error = netlink_change(&route, &request);
    netlink_close(&route);
    return error ? fail_birth(error, name, failure) : 0;
}

static int kernel_make(struct target *target, struct link_end end, uint16_t port,
                       struct launch *launch, struct device *ret_device, struct key *ret_public_key,
                       struct failure *failure)
{
    struct device device = {0};
    char name[LINK_NAME_SIZE];
    int error = device_name(end, name, failure);

    (void)launch; /* an engine's only */
    if (!error)
        error = give_birth(target, name, failure);
    if (error)
        return error;
    error = device_find(target, end, &device, failure);
    if (error < 0) {
        failure_add(failure, STILL_THERE);
        return error;
    }
    if (error != DEVICE_OURS)
        return fail_on_device(failure, -ENODEV, "can't finish the new device");
    error = set_new_key(target, device.index, port, ret_public_key, failure);
    if (error) {
        struct failure rollback;

        if (device_delete(target, &device, &rollback))
            failure_add(failure, STILL_THERE);
        return error;
    }
    *ret_device = device;
    return 0;
}

/* Sets the device up with any port. The driver gives up after a hundred IPv4 ports
 * (wg_socket_init(), drivers/net/wireguard/socket.c); then this chooses one. */
static int set_up_somewhere(struct target *target, const struct device *device,
                            struct failure *failure)
{
    int error = device_set_up(target, device);

    for (int tries = 0; tries < PORT_TRIES && error == -EADDRINUSE; tries++) {
        uint16_t port = 0;

        error = port_search(&port);
        if (error)
            break;
        error = set_port(target, device->index, port, failure);
        if (!error)
            error = device_set_up(target, device);
    }
    return error;
}

static int kernel_port(struct target *target, const struct device *device, uint16_t *ret_port,
                       struct failure *failure)
{
    struct link_status status = {.port = 0};
    int error = read_status(target, device->index, &status, failure);

    if (!error)
        *ret_port = status.port;
    return error;
}

/* Checks the port of a caller who is root. A right of root's bound it, and root in the container
 * may have given the device another port just before. */
static int check_port(struct target *target, const struct device *device, uint16_t port,
                      struct failure *failure)
{
    uint16_t bound = 0;
    int error = kernel_port(target, device, &bound, failure);

    if (!error && bound != port)
        error = fail_as(failure, FAILURE_REMOVED, -ESTALE,
                        "somebody in the container has given the new link another port; find out "
                        "who manages its network, and try again");
    return error;
}

static int kernel_start(struct target *target, const struct device *device, uint16_t port,
                        struct failure *failure)
{
    int error = port ? device_set_up(target, device) : set_up_somewhere(target, device, failure);

    if (error == -EADDRINUSE || error == -EACCES || error == -EPERM)
        return port_fail(error, port, failure);
    if (error)
        return fail_on_device(failure, error, "can't set the link up");
    return port && privilege_to_bind() ? check_port(target, device, port, failure) : 0;
}

static int kernel_finish(struct target *target, const struct device *device,
                         struct failure *failure)
{
    return device_finish(target, device, "net-admin-helper: kernel", failure);
}

static int kernel_join(struct target *target, const struct device *device, const struct peer *peer,
                       struct failure *failure)
{
    /* A program that prefers engines makes no kernel devices. Root in the container may have put
     * this one in the place of an engine's, and can read its keys. */
    if (PREFERS_ENGINE && peer->preshared_key && !key_is_zero(peer->preshared_key))
        return fail_as(failure, FAILURE_NOT_PERMITTED, -EPERM,
                       "the link %s is a device of the kernel's and not an engine's: root in the "
                       "container could read the preshared key; cwg_destroy the link, and create "
                       "it again",
                       device->name);
    return set_peer(target, device->index, peer, failure);
}

static int kernel_look(struct target *target, const struct device *device,
                       struct patience *patience, struct link_status *ret_status,
                       struct failure *failure)
{
    int error = read_status(target, device->index, ret_status, failure);

    (void)patience; /* the kernel answers at once */
    if (error)
        return error;
    ret_status->has_handshake = ret_status->handshake != 0;
    if (ret_status->has_handshake)
        ret_status->handshake_age_ms = clock_wall() - ret_status->handshake * 1000;
    return 0;
}

const struct backend kernel_backend = {
    .display_name = "kernel WireGuard",
    .json_name = "kernel",
    /* The driver drops the carrier when the namespace that holds its UDP socket is destroyed
     * (wg_netns_pre_exit(), drivers/net/wireguard/device.c). */
    .without_carrier = STATE_PORT_LOST,
    .available = HAS_ENGINE ? kernel_available : NULL, /* without an engine there is no choice */
    .make = HAS_CREATE ? kernel_make : NULL,
    .start = HAS_CREATE ? kernel_start : NULL,
    .port = HAS_CREATE ? kernel_port : NULL,
    .finish = HAS_CREATE ? kernel_finish : NULL,
    .join = HAS_CONNECT ? kernel_join : NULL,
    .look = kernel_look,
    .remove = device_delete,
};

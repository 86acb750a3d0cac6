#include "helper/backend/kernel/wireguard.h"

#include <errno.h>
#include <linux/netlink.h>

#include "helper/base/failure.h"
#include "helper/base/random.h"
#include "helper/netlink/secret.h"

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

int wireguard_look(bool *ret_there, struct failure *failure)
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

static int read_status(struct target *target, uint16_t family, int index,
                       struct link_status *ret_status, struct failure *failure)
{
    struct reading reading = {.family = family};
    struct message request;
    int error;

    wgmsg_device_get(&request, family, index);
    error = netlink_ask_as_admin(&target->generic, &request, note_status, &reading);
    if (error)
        return fail_step(failure, error, "can't read the link's state from WireGuard");
    *ret_status = reading.told.status;
    return 0;
}

/* Reads the status of a device that has to have a private key. The driver tells the public key only
 * if there is a private key (wg_get_device_dump(), drivers/net/wireguard/netlink.c). */
static int read_with_key(struct target *target, uint16_t family, int index,
                         struct link_status *ret_status, struct failure *failure)
{
    int error = read_status(target, family, index, ret_status, failure);

    if (error || ret_status->has_key)
        return error;
    return fail_as(failure, FAILURE_REMOVED, -ENOKEY,
                   "somebody in the container has taken away the link's private key; "
                   "cwg_destroy the link, and create it again");
}

int wireguard_set_new_key(struct target *target, int index, uint16_t port,
                          struct key *ret_public_key, struct failure *failure)
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
        return fail_step(failure, error, "can't set the link's key and port");
    error = read_with_key(target, family, index, &state, failure);
    if (error)
        return error;
    *ret_public_key = state.public_key;
    return 0;
}

int wireguard_set_port(struct target *target, int index, uint16_t port, struct failure *failure)
{
    struct message request;
    uint16_t family = 0;
    int error = find_family(target, &family, failure);

    if (error)
        return error;
    wgmsg_set_port(&request, family, index, port);
    error = netlink_change(&target->generic, &request);
    return error ? fail_step(failure, error, "can't set the link's port") : 0;
}

int wireguard_set_peer(struct target *target, int index, const struct peer *peer,
                       struct failure *failure)
{
    struct link_status state = {0};
    uint16_t family = 0;
    bool replace;
    int error = find_family(target, &family, failure);

    if (!error)
        error = read_with_key(target, family, index, &state, failure);
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
    return error ? fail_step(failure, error, "can't set the link's peer") : 0;
}

int wireguard_status(struct target *target, int index, struct link_status *ret_status,
                     struct failure *failure)
{
    uint16_t family = 0;
    int error = find_family(target, &family, failure);

    return error ? error : read_status(target, family, index, ret_status, failure);
}

/* cwg_connect: gives a link its peer. */
#include <errno.h>

#include "helper/base/failure.h"
#include "helper/command/preshared.h"
#include "helper/command/session.h"
#include "helper/command/task.h"
#include "helper/netlink/secret.h"
#include "helper/netns/arp.h"
#include "helper/netns/path.h"
#include "helper/view/links.h"

/* Finds the local end: <host> is the remote end's number, so the local end has the other number. If
 * only the end with that very number is here, the caller has given the local end's number: one end
 * of a net leaves no doubt. */
static int find_local(const struct request *request, struct target *target,
                      struct device *ret_device, struct failure *failure)
{
    const struct link_end candidates[] = {link_other_end(request->end), request->end};

    for (int i = 0; i < 2; i++) {
        struct device device;
        int presence = device_find(target, candidates[i], &device, failure);

        if (presence < 0)
            return presence;
        /* If the meant end is unfinished, the other end would be the wrong one. */
        if (presence == DEVICE_OURS && !device.finished)
            return fail_as(failure, FAILURE_UNFINISHED, -ENODEV,
                           "the link %s was never finished: the cwg_create that made it was "
                           "killed; run cwg_create again, for a new key",
                           device.name);
        if (presence == DEVICE_OURS) {
            *ret_device = device;
            return 0;
        }
    }
    return fail_as(failure, FAILURE_NO_SUCH_LINK, -ENODEV,
                   "no link for net %u in this container; make it with cwg_create first",
                   request->end.net);
}

/* Chooses the requested MTU, or else the path's. Looks at the path in any case: a kernel without
 * IPv6 would accept an IPv6 endpoint, and never send. */
static int choose_mtu(const struct request *request, uint32_t *ret_mtu, struct failure *failure)
{
    uint32_t mtu = PATH_MTU_UNKNOWN;
    int error = 0;

    if (request->peer.endpoint.port)
        error = path_mtu(&request->peer.endpoint, &mtu, failure);
    if (!error)
        *ret_mtu = request->mtu ? request->mtu : mtu;
    return error;
}

/* Refuses a peer elsewhere if the other end of the net is in this container: packets for the peer
 * would go to that end, or nowhere. */
static int check_sibling(const struct request *request, struct target *target,
                         const struct device *device, struct failure *failure)
{
    struct link_view end;
    int presence = links_find_other_end(target, device, &end, failure);

    if (presence < 0)
        return presence;
    if (presence == DEVICE_ABSENT || (end.answered && end.status.has_key &&
                                      key_equal(&end.status.public_key, &request->peer.public_key)))
        return 0;
    return fail_as(failure, FAILURE_OTHER_END, -EBUSY,
                   "peer_key: the other end of this link is in this container, too, %s; remove the "
                   "end that isn't needed here with cwg_destroy, or give the key of %s",
                   !end.answered ? "and doesn't say its key" : "and has another key",
                   end.link.device.name);
}

/* Refuses the link's own endpoint. Both ends of a link may be on this machine, with different
 * ports. */
static int check_endpoint(struct output *output, const struct request *request,
                          struct target *target, const struct device *device,
                          struct failure *failure)
{
    const struct endpoint *endpoint = &request->peer.endpoint;
    struct link_status status = {.port = 0};
    struct patience patience = PATIENCE;
    struct failure unknown;

    if (endpoint->port == 0)
        return 0;
    if (path_is_missing(endpoint))
        output_warn(output,
                    "no route leads from here to peer_endpoint; the link works when there is one: "
                    "check the address, and `ip route get`");
    if (!path_is_local(endpoint) ||
        backend_of(device)->look(target, device, &patience, &status, &unknown) ||
        status.port != endpoint->port)
        return 0;
    return fail_as(
        failure, FAILURE_OWN_ENDPOINT, -EINVAL,
        "peer_endpoint: this is the link's own address and port; give those of the other "
        "site");
}

static int join(const struct request *request, struct target *target, const struct device *device,
                struct failure *failure)
{
    struct peer peer = request->peer;

    peer.allowed_address = link_address(link_other_end(device->end));
    if (request->preshared_key.kind != PRESHARED_NONE)
        peer.preshared_key = &secret.preshared_key;
    return backend_of(device)->join(target, device, &peer, failure);
}

/* Sets the MTU first, since it can be set back. */
static int fit_and_join(const struct request *request, struct target *target,
                        const struct device *device, uint32_t mtu, struct failure *failure)
{
    bool change = mtu != PATH_MTU_UNKNOWN && mtu != device->mtu;
    int error = change ? device_set_mtu(target, device, mtu, failure) : 0;
    struct failure ignored;

    if (error)
        return error;
    error = join(request, target, device, failure);
    if (error && change)
        (void)device_set_mtu(target, device, device->mtu, &ignored);
    return error;
}

static int run(struct session *session, const struct request *request, struct target *target,
               struct failure *failure)
{
    struct device device = {0};
    int error = find_local(request, target, &device, failure);
    uint32_t mtu = PATH_MTU_UNKNOWN;

    if (!error)
        error = target_alive(target, failure);
    if (!error)
        error = check_sibling(request, target, &device, failure);
    if (!error)
        error = check_endpoint(&session->output, request, target, &device, failure);
    if (!error)
        error = choose_mtu(request, &mtu, failure);
    /* For devices that are newer than the link. */
    if (!error)
        error = arp_keep_apart(target, failure);
    return error ? error : fit_and_join(request, target, &device, mtu, failure);
}

const struct task task_connect = {
    .name = "cwg_connect",
    .summary = "tell a link where its peer is, and the peer's public key",
    .details = "Gives the link for <net> in the network namespace of process <pid> its peer: "
               "the machine at <peer_endpoint>, an address and a UDP port as in "
               "192.0.2.1:51820. A peer that the link had is replaced. <host> is the number "
               "that the peer made its end with; if the container has one end of the net only,"
               " the local number works as well. <peer_key> is what cwg_create printed there. "
               "Prints nothing.\n",
    .arguments = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST, ARGUMENT_ENDPOINT, ARGUMENT_KEY},
    .options = {OPTION_PRESHARED_KEY_FILE, OPTION_PERSISTENT_KEEPALIVE, OPTION_MTU, OPTION_JSON, 0},
    .changes = true,
    .in_batch = true,
    .read = preshared_read,
    .run = run,
};

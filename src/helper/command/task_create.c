/* cwg_create: makes a link's device in the container. */
#include <errno.h>

#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "helper/command/session.h"
#include "helper/command/task.h"
#include "helper/netns/arp.h"
#include "helper/netns/path.h"
#include "helper/netns/port.h"
#include "helper/view/json_link.h"
#include "helper/view/links.h"

enum {
    FINISH_TIME = 1000, /* milliseconds */
};

static int fail_exists(const struct device *device, struct failure *failure)
{
    return fail_as(failure, FAILURE_EXISTS, -EEXIST,
                   "the link %s exists already in this container; remove it with cwg_destroy "
                   "first, accept it with --adopt, or choose another net",
                   device->name);
}

static int fail_taken(struct link_end end, int presence, struct failure *failure)
{
    char name[LINK_NAME_SIZE];
    int error = device_name(end, name, failure);

    if (error)
        return error;
    if (presence == DEVICE_FOREIGN)
        return fail_as(failure, FAILURE_NAME_TAKEN, -EEXIST,
                       "the name %s is taken in this container by a device that isn't a link; "
                       "choose another net, or have that device renamed",
                       name);
    return fail_as(failure, FAILURE_NAME_TAKEN, -EEXIST,
                   "the network namespace that this was started in has a device %s, so Linux "
                   "before 6.15 can't create one of that name elsewhere; choose another net (or "
                   "the device was in the container, and has just gone: try again)",
                   name);
}

/* Waits for another command, which may be about to finish this link: it has left the container to
 * write its result. The wait ends by the clock, since root in the container can delay each turn.
 * Returns as device_find(). */
static int await_finish(struct link_end end, struct target *target, struct device *device,
                        struct failure *failure)
{
    const int64_t end_of_wait = clock_now() + FINISH_TIME;
    int presence = DEVICE_OURS;

    while (presence == DEVICE_OURS && !device->finished && clock_now() < end_of_wait) {
        target_yield(target);
        presence = device_find(target, end, device, failure);
    }
    return presence;
}

/* Removes the device with the link's name, if an earlier command was killed before it finished the
 * link, or if the caller wants the link replaced (and then sets *ret_replaced). A device that has
 * gone meanwhile is fine: an engine ends with its command. */
static int clear(const struct request *request, struct target *target, bool *ret_replaced,
                 struct failure *failure)
{
    struct device left;
    int presence = device_find(target, request->end, &left, failure);
    int error;

    if (presence == DEVICE_OURS)
        presence = await_finish(request->end, target, &left, failure);
    if (presence < 0 || presence == DEVICE_ABSENT)
        return presence;
    if (presence == DEVICE_FOREIGN)
        return fail_taken(request->end, presence, failure);
    if (left.finished && !request->given[OPTION_REPLACE])
        return fail_exists(&left, failure);
    error = backend_of(&left)->remove(target, &left, failure);
    if (!error)
        *ret_replaced = left.finished;
    return error;
}

static int fail_again(const struct request *request, struct target *target, struct failure *failure)
{
    struct device device;
    int presence = device_find(target, request->end, &device, failure);

    if (presence < 0)
        return presence;
    return presence == DEVICE_OURS ? fail_exists(&device, failure)
                                   : fail_taken(request->end, presence, failure);
}

/* Makes the device, in the place of an unfinished one, or of one to be replaced. */
static int make(struct making *making, const struct request *request, struct target *target,
                bool *ret_replaced, struct device *ret_device, struct key *ret_public_key,
                struct failure *failure)
{
    const struct backend *backend = making->backend;
    int error = backend->make(target, request->end, request->port, &making->launch, ret_device,
                              ret_public_key, failure);

    if (error != -EEXIST)
        return error;
    error = clear(request, target, ret_replaced, failure);
    if (error)
        return error;
    error = backend->make(target, request->end, request->port, &making->launch, ret_device,
                          ret_public_key, failure);
    return error == -EEXIST ? fail_again(request, target, failure) : error;
}

/* Prints a link that was created, or adopted. After an adoption nothing is left to do in the
 * target. */
static int print_result(struct output *output, const struct request *request, struct target *target,
                        struct json_created *result, struct failure *failure)
{
    char key[KEY_TEXT_LENGTH + 1];
    struct text text = {0};
    int error = 0;

    result->netns = target->netns.inode;
    result->warning = output->warning;
    key_to_text(result->public_key, key);
    if (request->given[OPTION_JSON] && !result->port)
        error = backend_of(result->device)->port(target, result->device, &result->port, failure);
    if (error)
        return error;
    if (request->given[OPTION_JSON])
        json_add_created(&text, result);
    text_print(&text, "%s\n", request->given[OPTION_JSON] ? "" : key);
    if (result->created)
        return output_and_return(output, target, &text, failure);
    target_leave(target);
    return output_text(output, &text, failure);
}

/* Refuses a new end whose other end is here and connected: that link carries packets for the new
 * end's address, and the new end would cut it off. Both ends in one container are for a link
 * between these two, which can't be connected before both exist. */
static int check_sibling(struct target *target, const struct device *device,
                         struct failure *failure)
{
    struct link_view end;
    int presence = links_find_other_end(target, device, &end, failure);

    if (presence < 0)
        return presence;
    if (presence == DEVICE_ABSENT || (end.answered && end.status.peers == 0))
        return 0;
    return fail_as(failure, FAILURE_OTHER_END, -EBUSY,
                   "net: the link %s in this container %s, and the new end would cut it off; "
                   "choose another net, or remove that link with cwg_destroy first",
                   end.link.device.name,
                   !end.answered ? "doesn't say whether it is connected"
                                 : "is connected to a peer");
}

/* Completes the link. The steps are ordered so that each can still be taken back; arp_keep_apart()
 * comes late, since its settings stay. The link is finished only when the caller has the key. */
static int complete(struct session *session, const struct request *request, struct target *target,
                    const struct device *device, const struct key *public_key,
                    struct failure *failure)
{
    struct json_created result = {
        .device = device, .created = true, .port = request->port, .public_key = public_key};
    int error = device_check_limit(target, failure);

    if (!error)
        error = check_sibling(target, device, failure);
    if (!error)
        error =
            device_check_addresses(target, device, request->given[OPTION_ALLOW_OVERLAP], failure);
    if (!error)
        error = device_set_address(target, device, failure);
    if (!error)
        error = backend_of(device)->start(target, device, request->port, failure);
    if (!error)
        error = target_alive(target, failure);
    if (!error)
        error = arp_keep_apart(target, failure);
    if (!error && path_is_closed())
        output_warn(&session->output,
                    "the network namespace that this was started in has no device but lo: no peer "
                    "on another machine can be reached from there (is it a service with "
                    "PrivateNetwork=yes?)");
    if (!error)
        error = print_result(&session->output, request, target, &result, failure);
    /* The caller could delay print_result() for any time. */
    if (HAS_POLICY && !error)
        error = policy_check_unchanged(&session->policy, failure);
    if (!error)
        error = backend_of(device)->finish(target, device, failure);
    return error;
}

static int prepare(struct session *session, const struct request *request, struct failure *failure)
{
    int error = port_check(request->port, failure);

    return error ? error
                 : backends_prepare(&session->making, &session->home, request->end, failure);
}

/* Adopts a complete link in the place of a new one, unless it can't work any more. */
static int adopt(struct output *output, const struct request *request, struct target *target,
                 const struct link_seen *link, struct failure *failure)
{
    const struct device *device = &link->device;
    struct patience patience = PATIENCE;
    struct json_created result;
    struct link_view view;
    int error = links_look(target, link, &patience, &view, failure);

    if (error == -ENODEV)
        return fail_as(failure, FAILURE_REMOVED, error,
                       "the link %s has just been removed; try again", device->name);
    if (error)
        return error;
    if (!view.answered || !view.status.has_key)
        return fail_as(failure, FAILURE_ENGINE_LOST, -ENOLINK,
                       "the link %s exists, but its engine doesn't answer, so its key isn't known; "
                       "make it anew with --replace",
                       device->name);
    if (!link->up || !link->carrier || view.status.port == 0)
        return fail_as(failure, link->up ? FAILURE_PORT_LOST : FAILURE_DOWN, -ENETDOWN,
                       "the link %s exists, but it is down or has lost its port; make it anew with "
                       "--replace",
                       device->name);
    if (request->port && request->port != view.status.port)
        return fail_as(failure, FAILURE_EXISTS, -EEXIST,
                       "port: the link %s exists, with UDP port %u; give that port or 0 to adopt "
                       "the link, or --replace to make it anew",
                       device->name, view.status.port);
    result = (struct json_created){
        .device = device, .port = view.status.port, .public_key = &view.status.public_key};
    return print_result(output, request, target, &result, failure);
}

static int create(struct session *session, const struct request *request, struct target *target,
                  bool *ret_replaced, struct failure *failure)
{
    struct device device;
    struct key public_key;
    struct failure rollback;
    int error =
        make(&session->making, request, target, ret_replaced, &device, &public_key, failure);

    if (error)
        return error;
    error = complete(session, request, target, &device, &public_key, failure);
    /* If the container can't be entered again the link stays unfinished, as after SIGKILL: an
     * engine ends with this process, and the next cwg_create replaces the link. */
    if (error && target_is_open(target) && backend_of(&device)->remove(target, &device, &rollback))
        failure_add(failure, "; and the link couldn't be removed again: %s", rollback.text);
    if (!error) {
        session->made = device;
        session->public_key = public_key;
    }
    return error;
}

static int run(struct session *session, const struct request *request, struct target *target,
               struct failure *failure)
{
    struct link_seen link;
    bool replaced = false;
    int error = 0;

    if (request->given[OPTION_ADOPT]) {
        error = links_find(target, request->end, &link, failure);
        if (error < 0)
            return error;
        if (error == DEVICE_OURS && link.device.finished)
            return adopt(&session->output, request, target, &link, failure);
    }
    error = create(session, request, target, &replaced, failure);
    if (error && replaced)
        failure_add(failure, "; the link that was there before has been removed");
    return error;
}

const struct task task_create = {
    .name = "cwg_create",
    .summary = "make one end of a link in a container, print its public key",
    .details = "Makes a WireGuard device named " CWG_PREFIX
               "-<net>-<host> in the network namespace of process <pid>, with the address "
               "<host> of the /31 number <net> of 10.0.0.0/8 (net 0: 10.0.0.0/31, net 1: "
               "10.0.0.2/31, ...). Its UDP socket listens on <port> in the network namespace "
               "that this command is run in; with 0 the kernel chooses the port. Prints the "
               "device's public key, 44 characters, and nothing else. The device goes away "
               "with the container. If the link exists already that is an error, unless "
               "--adopt or --replace is given.\n",
    .arguments = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST, ARGUMENT_PORT},
    .options = {OPTION_JSON, OPTION_ADOPT, OPTION_REPLACE, OPTION_ALLOW_OVERLAP, 0},
    .prepare = prepare,
    .changes = true,
    .in_batch = true,
    .makes = true,
    .run = run,
};

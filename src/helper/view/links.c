#include "helper/view/links.h"

#include <errno.h>
#include <string.h>

#include "helper/admin/policy.h"
#include "helper/backend/backends.h"
#include "helper/base/failure.h"

/* Reads a link. Returns 1, 0 if the message isn't about one, or -EBADMSG. */
static int read_link(const struct nlmsghdr *message, struct link_seen *ret_link)
{
    struct rtmsg_link told;
    int error = rtmsg_link_parse(message, &told);

    if (error)
        return error;
    if (!device_read(&told, &ret_link->device))
        return 0;
    ret_link->up = told.up;
    ret_link->carrier = told.carrier;
    ret_link->counters = told.counters;
    return 1;
}

static bool comes_before(struct link_end a, struct link_end b)
{
    return a.net != b.net ? a.net < b.net : a.host < b.host;
}

/* Inserts a link in order. Without room, the last one falls off the end. */
static void insert(struct links *links, const struct link_seen *link)
{
    size_t place = links->count;

    while (place > 0 && comes_before(link->device.end, links->link[place - 1].device.end))
        place--;
    if (links->count == LINKS_MAX)
        links->more = true;
    else
        links->count++;
    if (place == LINKS_MAX)
        return;
    memmove(&links->link[place + 1], &links->link[place],
            (links->count - place - 1) * sizeof(links->link[0]));
    links->link[place] = *link;
}

/* The search of a dump. */
struct search {
    struct link_nets nets;
    const struct policy *policy;
    struct links *links;
};

static int note_link(const struct nlmsghdr *message, void *context)
{
    const struct search *search = context;
    struct link_seen link = {.up = false};
    int found = read_link(message, &link);
    const uint32_t net = link.device.end.net;

    if (found <= 0)
        return found;
    if (net >= search->nets.first && net <= search->nets.last &&
        (!HAS_POLICY || policy_allows_net(search->policy, net)))
        insert(search->links, &link);
    return 0;
}

int links_collect(struct target *target, struct link_nets nets, struct links *ret_links,
                  struct failure *failure)
{
    struct search search = {.nets = nets, .policy = target->policy, .links = ret_links};
    struct message request;

    ret_links->count = 0;
    ret_links->more = false;
    rtmsg_counters_dump(&request);
    return target_list(target, &request, note_link, &search, "can't list the container's devices",
                       failure);
}

static int note_one(const struct nlmsghdr *message, void *context)
{
    int found = read_link(message, context);

    return found < 0 ? found : 0;
}

/* Reads a device again, by its index. Returns 1 if it is still the same link, 0 if not, or a
 * negative errno. */
static int read_again(struct target *target, const struct device *device,
                      struct link_seen *ret_link, struct failure *failure)
{
    struct link_seen link = {.up = false};
    struct message request;
    int error;

    rtmsg_counters_get(&request, device->index);
    error = netlink_ask(&target->route, &request, note_one, &link);
    if (error && error != -ENODEV)
        return fail_unexpected(failure, error, "can't look up the device");
    if (error || !link.device.index || link.device.kind != device->kind)
        return 0;
    *ret_link = link;
    return 1;
}

int links_find(struct target *target, struct link_end end, struct link_seen *ret_link,
               struct failure *failure)
{
    struct device device = {0};
    int found = device_find(target, end, &device, failure);

    if (found != DEVICE_OURS)
        return found;
    found = read_again(target, &device, ret_link, failure);
    if (found < 0)
        return found;
    return found ? DEVICE_OURS : DEVICE_ABSENT;
}

/* Does the peer send from a wrong address? An engine knows it of the last packet. The kernel has
 * only counters since the device was made: one of handshakes, keepalives and good packets, one of
 * bad packets. Handshakes and keepalives are few, so if all packets are bad, bad packets are at
 * least half as many. */
static bool comes_from_elsewhere(const struct link_seen *link, const struct link_status *status)
{
    if (link->device.kind == KIND_KERNEL)
        return link->counters.dropped_packets > link->counters.received_packets / 2;
    return status->from_elsewhere;
}

static bool owes_answer(const struct link_status *status)
{
    return status->has_unanswered && status->unanswered_age_ms >= STATUS_ANSWER_WITHIN;
}

/* The state of a link whose peer was heard, and owes no known answer. The kernel doesn't tell if we
 * sent anything after the handshake; as long as the peer has time for an answer, that makes no
 * difference. */
static enum link_state state_since(const struct link_status *status)
{
    if (status->has_received)
        return status->received_age_ms <= STATUS_LATELY ? STATE_CONNECTED : STATE_IDLE;
    if (!status_in_session(status))
        return STATE_IDLE;
    return status->handshake_age_ms < STATUS_ANSWER_WITHIN ? STATE_CONNECTED : STATE_IN_SESSION;
}

/* Faults of the device come before faults of the peer. */
enum link_state links_state(const struct link_seen *link, const struct link_status *status)
{
    if (!link->device.finished)
        return STATE_UNFINISHED;
    if (!link->up)
        return STATE_DOWN;
    if (!status)
        return STATE_ENGINE_LOST;
    if (!link->carrier)
        return backend_of(&link->device)->without_carrier;
    if (status->peers == 0)
        return STATE_WAITING;
    if (!status->has_handshake)
        return STATE_NO_HANDSHAKE;
    if (comes_from_elsewhere(link, status))
        return STATE_WRONG_ADDRESS;
    return owes_answer(status) ? STATE_SILENT : state_since(status);
}

int links_look(struct target *target, const struct link_seen *link, struct patience *patience,
               struct link_view *ret_view, struct failure *failure)
{
    struct link_view view = {.link = *link};
    struct link_seen again;
    struct failure trouble;
    int error =
        backend_of(&link->device)->look(target, &link->device, patience, &view.status, failure);

    if (error && error != -ENOLINK)
        return error;
    /* An engine ends with its device. */
    if (error && read_again(target, &link->device, &again, &trouble) == 0)
        return -ENODEV;
    view.answered = !error;
    view.netns = target->netns.inode;
    view.state = links_state(link, view.answered ? &view.status : NULL);
    *ret_view = view;
    return 0;
}

int links_find_other_end(struct target *target, const struct device *device,
                         struct link_view *ret_view, struct failure *failure)
{
    struct link_view view = {.answered = false};
    struct patience patience = PATIENCE;
    struct failure unknown;
    int presence = device_find(target, link_other_end(device->end), &view.link.device, failure);
    int error;

    if (presence < 0)
        return presence;
    if (presence != DEVICE_OURS || !view.link.device.finished)
        return DEVICE_ABSENT;
    error = backend_of(&view.link.device)
                ->look(target, &view.link.device, &patience, &view.status, &unknown);
    if (error == -ENODEV)
        return DEVICE_ABSENT;
    view.answered = !error;
    *ret_view = view;
    return DEVICE_OURS;
}

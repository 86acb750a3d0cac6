/* cwg_show: shows the links of a container, and how each is. */
#include <errno.h>
#include <inttypes.h>

#include "helper/base/failure.h"
#include "helper/base/text.h"
#include "helper/command/session.h"
#include "helper/command/task.h"
#include "helper/netns/path.h"
#include "helper/view/json_link.h"
#include "helper/view/links.h"
#include "helper/view/moment.h"

/* A line begins with its label. */
#define LINE "  %-17s "

/* All that was seen. It is printed afterwards, when nothing of the container is open: the caller
 * may be slow to read. */
struct show {
    bool json;
    bool more; /* more than LINKS_MAX links */
    size_t count;
    struct seen {
        struct link_view view;
        struct failure failure; /* the reason of STATE_ENGINE_LOST */
    } seen[LINKS_MAX];
    struct text text;
};

static void add_key(struct text *text, const char *label, const struct key *key)
{
    char characters[KEY_TEXT_LENGTH + 1];

    key_to_text(key, characters);
    text_print(text, LINE "%s\n", label, characters);
}

/* Advice on a state that isn't the wanted one; or NULL. */
static const char *advice(const struct link_view *view)
{
    switch (view->state) {
    case STATE_UNFINISHED:
        return "its cwg_create is running or was killed: run it again, for a new key";
    case STATE_DOWN:
        return "it was set down in the container: set it up there, or create it again";
    case STATE_PORT_LOST:
        return "the network namespace that it sent from is gone: cwg_destroy it, and create it "
               "again";
    case STATE_WAITING:
        return "run cwg_connect, with the public key of the other site";
    case STATE_NO_HANDSHAKE:
        return view->status.endpoint.port
                   ? "check both keys and cwg_connects, the endpoint, and firewalls for UDP"
                   : "the peer has to begin: check its cwg_connect, and firewalls for UDP";
    case STATE_WRONG_ADDRESS:
        return "see that one site made host 0 and the other host 1, both of this net";
    case STATE_SILENT:
        return "the peer owes an answer: cwg_wait finds out why it doesn't come";
    case STATE_IN_SESSION:
        return "the kernel tells no more than that: cwg_wait finds out whether the peer answers";
    case STATE_IDLE:
        return status_knows_age(&view->status)
                   ? "nothing came from the peer lately: cwg_wait finds out whether it answers"
                   : "the machine's clock was set back since: cwg_wait finds out whether the link "
                     "works";
    default:
        return NULL;
    }
}

/* Does the peer not answer, and is there no route to it from home, where the link's socket mostly
 * is? Called when nothing of the container is open. */
static bool lacks_route(const struct link_view *view)
{
    return (view->state == STATE_NO_HANDSHAKE || view->state == STATE_SILENT) &&
           view->status.endpoint.port && path_is_missing(&view->status.endpoint);
}

static void add_advice(struct text *text, const struct link_view *view,
                       const struct failure *failure)
{
    const char *known = view->state == STATE_ENGINE_LOST ? failure->text : advice(view);

    if (lacks_route(view))
        known = "no route leads from here to the endpoint: add one, or cwg_connect to another";
    if (!known)
        return;
    text_print(text, LINE "%s\n", "what to do", known);
}

static void add_link(struct text *text, const struct link_seen *link)
{
    char address[ADDRESS_TEXT_SIZE];

    link_address_to_text(link->device.end, address);
    text_print(text, LINE "%" PRIu32 ", %" PRIu32 "\n", "net, host", link->device.end.net,
               link->device.end.host);
    text_print(text, LINE "%s\n", "address", address);
    text_print(text, LINE "%s\n", "carried by", backend_of(&link->device)->display_name);
    text_print(text, LINE "%" PRIu32 "\n", "MTU", link->device.mtu);
}

static void add_allowed(struct text *text, const struct link_status *status)
{
    text_print(text, LINE, "allowed IPs");
    for (size_t i = 0; i < status->allowed_count; i++) {
        char characters[NETWORK_TEXT_SIZE];

        network_to_text(&status->allowed[i], characters);
        if (i > 0) {
            text_add(text, ",\n");
            text_print(text, LINE, "");
        }
        text_add(text, characters);
    }
    text_add(text, status->allowed_count ? "" : "none");
    text_add(text, status->allowed_more ? ", and more\n" : "\n");
}

static void add_age(struct text *text, const char *label, int64_t milliseconds, const char *what)
{
    char age[MOMENT_AGE_SIZE];

    moment_age(milliseconds, age);
    text_print(text, LINE "%s%s\n", label, age, what);
}

static void add_handshake(struct text *text, const struct link_status *status)
{
    if (status_knows_age(status))
        add_age(text, "latest handshake", status->handshake_age_ms, " ago");
    else
        text_print(text, LINE "%s\n", "latest handshake",
                   status->has_handshake ? "in the future of the machine's clock" : "never");
}

static void add_endpoint(struct text *text, const struct endpoint *endpoint)
{
    char characters[ENDPOINT_TEXT_SIZE] = "not known";

    if (endpoint->port)
        endpoint_to_text(endpoint, characters);
    text_print(text, LINE "%s\n", "endpoint", characters);
}

static void add_peer(struct text *text, const struct link_status *status)
{
    add_key(text, "peer key", &status->peer_key);
    if (status->peers > 1)
        text_print(text, LINE "the first of %u peers: somebody else added the others\n", "",
                   status->peers);
    add_endpoint(text, &status->endpoint);
    add_allowed(text, status);
    text_print(text, LINE "%s\n", "preshared key", status->has_preshared_key ? "yes" : "no");
    if (status->keepalive)
        text_print(text, LINE "every %u seconds\n", "keepalive", status->keepalive);
    else
        text_print(text, LINE "off\n", "keepalive");
    add_handshake(text, status);
    if (status->has_received)
        add_age(text, "last heard", status->received_age_ms, " ago");
    if (status->has_unanswered)
        add_age(text, "unanswered for", status->unanswered_age_ms, "");
}

static void add_status(struct text *text, const struct link_view *view)
{
    const struct link_status *status = &view->status;

    if (status->has_key)
        add_key(text, "public key", &status->public_key);
    if (status->port)
        text_print(text, LINE "%u\n", "listen port", status->port);
    if (status->peers > 0)
        add_peer(text, status);
    else
        text_print(text, LINE "none\n", "peer key");
}

static void add_counters(struct text *text, const struct rtmsg_counters *counters)
{
    text_print(text, LINE "%" PRIu64 " bytes, %" PRIu64 " packets\n", "received",
               counters->received_bytes, counters->received_packets);
    text_print(text, LINE "%" PRIu64 " bytes, %" PRIu64 " packets\n", "sent", counters->sent_bytes,
               counters->sent_packets);
    if (counters->dropped_packets == 0)
        return;
    text_print(text,
               LINE "%" PRIu64 " packets that came from another address than the peer's:\n" LINE
                    "did both sites make the same host number, or the other another net?\n",
               "dropped", counters->dropped_packets, "");
}

static void add_block(struct text *text, const struct link_view *view,
                      const struct failure *failure)
{
    text_print(text, "%s: %s\n", view->link.device.name, state_text(view->state));
    add_advice(text, view, failure);
    add_link(text, &view->link);
    if (view->answered)
        add_status(text, view);
    add_counters(text, &view->link.counters);
}

/* Looks at a link. Returns -ENODEV if it has just gone. */
static int look(struct target *target, const struct link_seen *link, struct patience *patience,
                struct show *show, struct failure *failure)
{
    struct seen *seen = &show->seen[show->count];
    int error = links_look(target, link, patience, &seen->view, failure);

    if (error)
        return error;
    seen->failure = *failure;
    show->count++;
    return 0;
}

static int print(struct output *output, struct show *show, struct failure *failure)
{
    struct text *text = &show->text;
    int error = 0;

    for (size_t i = 0; i < show->count && !error; i++) {
        const struct seen *seen = &show->seen[i];

        text->length = 0;
        if (show->json) {
            text_add(text, i ? "," : "[");
            json_add_link(text, NULL, &seen->view);
        } else {
            text_add(text, i ? "\n" : "");
            add_block(text, &seen->view, &seen->failure);
        }
        error = output_text(output, text, failure);
    }
    if (!error && show->json)
        error = output_result(output, show->count ? "]\n" : "[]\n", failure);
    if (!error && !show->json && show->count == 0)
        output_note_result(output, "no links\n");
    return error;
}

static int look_at_one(const struct request *request, struct target *target, struct show *show,
                       struct failure *failure)
{
    struct patience patience = PATIENCE;
    struct link_seen link;
    int presence = links_find(target, request->end, &link, failure);
    int error;

    if (presence < 0)
        return presence;
    error = presence == DEVICE_OURS ? look(target, &link, &patience, show, failure) : -ENODEV;
    if (error != -ENODEV)
        return error;
    return device_fail_none(request->end, presence, "",
                            "; without them, cwg_show shows all that it has", failure);
}

static int look_at_all(const struct request *request, struct target *target, struct show *show,
                       struct failure *failure)
{
    static struct links links;
    struct patience patience = PATIENCE;
    int error = links_collect(target, request->nets, &links, failure);

    for (size_t i = 0; !error && i < links.count; i++) {
        error = look(target, &links.link[i], &patience, show, failure);
        if (error == -ENODEV)
            error = 0;
    }
    show->more = links.more;
    return error;
}

/* In a batch the result is part of a line. */
static int run(struct session *session, const struct request *request, struct target *target,
               struct failure *failure)
{
    static struct show show;
    int error;

    if (request->has_end && request->given[OPTION_NETS])
        return fail(failure,
                    "--nets: can't be given with a net and a host; leave it out, or these");
    show.more = false;
    show.count = 0;
    show.json = request->given[OPTION_JSON] || output_in_batch(&session->output);
    error = request->has_end ? look_at_one(request, target, &show, failure)
                             : look_at_all(request, target, &show, failure);
    if (error)
        return error;
    target_close(target);
    error = print(&session->output, &show, failure);
    if (!error && show.more)
        return fail_as(failure, FAILURE_INCOMPLETE, -E2BIG,
                       "the list is incomplete: the container has more links than these %d; "
                       "somebody else makes devices with links' names there",
                       LINKS_MAX);
    return error;
}

const struct task task_show = {
    .name = "cwg_show",
    .summary = "show a container's links, and how each is",
    .details = "Shows the links in the network namespace of process <pid>, or the one for "
               "<net> and <host>: its state, its peer, when the peer last answered, and how "
               "much was carried. Shows no private and no preshared key. Changes nothing. The "
               "first line of each link is its name and its state: connected (the peer was "
               "heard lately), in session (the kernel tells no more), idle, silent (the peer "
               "owes an answer), wrong address, no handshake yet, waiting for connect, down, "
               "port lost, engine lost or unfinished. If something is to be done, the next "
               "line says what. In a batch the output is JSON.\n",
    .arguments = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST},
    .optional = 2,
    .options = {OPTION_JSON, OPTION_NETS, 0},
    .in_batch = true,
    .run = run,
};

/* cwg_wait: until a link's peer has answered. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/backend.h"
#include "helper/clock.h"
#include "helper/failure.h"
#include "helper/links.h"
#include "helper/probe.h"
#include "helper/settings.h"
#include "helper/task.h"

enum {
    PAUSE_MIN = 20, /* milliseconds, between two looks: at first */
    PAUSE_MAX = 250,
    PROBE_PAUSE = 1000, /* between two datagrams; WireGuard begins a handshake every five seconds */
    LOOK_MIN = 200,     /* how long an engine is given for its answer at the least */
};

/* A wait, in milliseconds of clock_now(). */
struct wait {
    bool once; /* it only looks */
    int64_t end;
    int64_t pause;
    int64_t next_probe;
    struct probe probe;
};

static int fail_missing(struct link_end end, int presence, struct failure *failure)
{
    return fail(failure, -ENODEV,
                "no such link: %s for net %u, host %u; give <host> of the end that cwg_create made "
                "in this container",
                presence == DEVICE_FOREIGN ? "the name stands for a device that is no link of ours"
                                           : "the container has none",
                end.net, end.host);
}

static int fail_removed(struct link_end end, struct failure *failure)
{
    return fail(failure, -ENODEV,
                "the link for net %u, host %u was removed in the meantime; make it again with "
                "cwg_create, and wait for that",
                end.net, end.host);
}

/* A second look has to find the device of the first. */
static int look(struct target *target, struct link_end end, const struct wait *wait,
                struct link_view *view, struct failure *failure)
{
    const int64_t left = wait->end - clock_now();
    const int index = view->link.device.index;
    struct patience patience = PATIENCE;
    struct link_seen link;
    int presence = links_find(target, end, &link, failure);
    int error;

    if (presence < 0)
        return presence;
    if (presence != DEVICE_OURS || (index && link.device.index != index))
        return index ? fail_removed(end, failure) : fail_missing(end, presence, failure);
    if (!wait->once && left * 1000 * 1000 < patience.nanoseconds)
        patience.nanoseconds = (left > LOOK_MIN ? left : LOOK_MIN) * 1000 * 1000;
    error = links_look(target, &link, &patience, view, failure);
    return error == -ENODEV ? fail_removed(end, failure) : error;
}

/* With 0 seconds nothing was tried. */
static int fail_untried(const struct link_view *view, struct failure *failure)
{
    return fail(failure, -ETIMEDOUT, "%s; give cwg_wait some seconds, in which it causes one",
                view->state == STATE_STALE
                    ? "the last handshake is more than three minutes old: the link was idle, or "
                      "the peer is gone"
                    : "there was no handshake yet");
}

/* What the peer's end has to be asked, too: most of what goes wrong is there. */
static int fail_silent(const struct link_view *view, struct failure *failure)
{
    char endpoint[ENDPOINT_TEXT_SIZE], key[KEY_TEXT_LENGTH + 1], peer_key[KEY_TEXT_LENGTH + 1];

    endpoint_to_text(&view->status.endpoint, endpoint);
    key_to_text(&view->status.public_key, key);
    key_to_text(&view->status.peer_key, peer_key);
    if (view->state == STATE_STALE)
        fail(failure, -ETIMEDOUT, "no answer any more from %s; ", endpoint);
    else
        fail(failure, -ETIMEDOUT, "no answer from %s; ", endpoint);
    failure_add(
        failure,
        "see that this UDP port is the peer's and open in firewalls, that the peer's key is still "
        "%s (else cwg_connect it anew), that it was connected with this link's key %s, and that "
        "both have the same preshared key or none",
        peer_key, key);
    return -ETIMEDOUT;
}

static int fail_unknown(const struct link_view *view, struct failure *failure)
{
    char key[KEY_TEXT_LENGTH + 1];

    key_to_text(&view->status.public_key, key);
    return fail(
        failure, -ETIMEDOUT,
        "the peer's endpoint isn't known, so that the peer has to send first, and hasn't; see that "
        "it was connected there with this link's key %s, and this machine's address and UDP port "
        "%u, open in firewalls",
        key, view->status.port);
}

/* Why there is no handshake, and what to look at, by the last state: *failure is what links_look()
 * said of an engine that is lost. */
static int fail_state(const struct link_view *view, bool once, struct failure *failure)
{
    const struct failure reason = *failure;
    const char *name = view->link.device.name;

    switch (view->state) {
    case STATE_UNFINISHED:
        return fail(failure, -ETIMEDOUT,
                    "the link %s was never finished: the cwg_create that made it was killed; run "
                    "that again, for a new key",
                    name);
    case STATE_DOWN:
        return fail(failure, -ETIMEDOUT,
                    "somebody in the container has set the link %s down; set it up there, or "
                    "cwg_destroy the link, and create it again",
                    name);
    case STATE_PORT_LOST:
        return fail(failure, -ETIMEDOUT,
                    "the link %s has lost its UDP port: the network namespace that it was made "
                    "from is gone; cwg_destroy the link, and create it again",
                    name);
    case STATE_WAITING:
        return fail(failure, -ETIMEDOUT,
                    "the link %s has no peer yet; tell it with cwg_connect where that is", name);
    case STATE_NO_HANDSHAKE:
    case STATE_STALE:
        if (!view->status.endpoint.port)
            return fail_unknown(view, failure);
        return once ? fail_untried(view, failure) : fail_silent(view, failure);
    default:
        fail(failure, -ETIMEDOUT, "the link %s: ", name);
        failure_add(failure, "%s", reason.text);
        return -ETIMEDOUT;
    }
}

/* What makes WireGuard begin a handshake, if one is due and can be sent. */
static int prompt(struct target *target, const struct link_view *view, struct wait *wait,
                  struct failure *failure)
{
    const bool due = view->state == STATE_NO_HANDSHAKE || view->state == STATE_STALE;
    int error = 0;

    if (!due || !view->status.endpoint.port || clock_now() < wait->next_probe)
        return 0;
    if (wait->probe.fd < 0)
        error = probe_open(target, &view->link.device, &wait->probe, failure);
    if (error)
        return error;
    probe_send(&wait->probe);
    wait->next_probe = clock_now() + PROBE_PAUSE;
    return 0;
}

static void pause_before_next(struct wait *wait)
{
    const int64_t left = wait->end - clock_now();

    clock_pause(wait->pause < left ? wait->pause : left);
    wait->pause += wait->pause / 2;
    if (wait->pause > PAUSE_MAX)
        wait->pause = PAUSE_MAX;
}

static int await_handshake(struct target *target, struct link_end end, struct wait *wait,
                           struct failure *failure)
{
    struct link_view view = {.link.device.index = 0};

    for (;;) {
        int error = target_alive(target, failure);

        if (!error)
            error = look(target, end, wait, &view, failure);
        if (error || view.state == STATE_CONNECTED)
            return error;
        if (clock_now() >= wait->end)
            return fail_state(&view, wait->once, failure);
        error = prompt(target, &view, wait, failure);
        if (error)
            return error;
        pause_before_next(wait);
    }
}

static int run(const struct request *request, struct target *target, struct failure *failure)
{
    struct wait wait = {
        .once = request->seconds == 0,
        .end = clock_now() + (int64_t)request->seconds * 1000,
        .pause = PAUSE_MIN,
        .probe = {.fd = -1},
    };
    int error = await_handshake(target, request->end, &wait, failure);

    probe_close(&wait.probe); /* a batch goes on, and the socket would keep the container */
    return error;
}

const struct task task_wait = {
    .name = "cwg_wait",
    .summary = "wait until a link's peer has answered",
    .details =
        "Succeeds as soon as the link's last handshake is less than three minutes old, which\n"
        "may be at once. Until then it sends an empty datagram into the link each second,\n"
        "which makes WireGuard begin one. A link that isn't connected yet is waited for,\n"
        "too. When the time is over it fails, and says why and what to look at. With 0\n"
        "seconds it only looks, and sends nothing. Prints nothing, and changes nothing.\n",
    .arguments = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST, ARGUMENT_SECONDS},
    .optional = 1,
    .in_batch = true,
    .run = run,
};

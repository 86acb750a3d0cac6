/* cwg_wait: waits until a link works, as far as one end can tell. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/param.h>

#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/random.h"
#include "helper/base/text.h"
#include "helper/command/session.h"
#include "helper/command/task.h"
#include "helper/confine/deadline.h"
#include "helper/netns/path.h"
#include "helper/view/diagnosis.h"
#include "helper/view/links.h"
#include "helper/view/probe.h"

enum {
    /* In milliseconds. */
    PAUSE_MIN = 20, /* first pause between two looks */
    PAUSE_MAX = 250,
    LOOK_MIN = 200, /* an engine has at least this for its answer */
    ONCE = 1000,    /* length of a wait of 0 seconds, if an answer can come */
    /* Between two datagrams. A host answers six at once, and then one a second (icmp(7),
     * icmp_ratelimit). */
    PROBE_PAUSE = 1000,
    PROBE_SPREAD = 400, /* added at random, so that two ends aren't in step */
    /* Without a session host 1 lets host 0 begin: handshakes that cross fail both in the kernel's
     * driver, which then waits five seconds. The time suffices for a way of 100 ms, and for the
     * other end's wait to begin as much later. */
    YIELD = 300,
    YIELD_SPREAD = 300,
    YIELD_ONCE = 200,      /* in a wait of 0 seconds */
    NOTE_AFTER = 1000,     /* people see notes only on a longer wait */
    INITIATION_SIZE = 148, /* the paper, section 5.4.2 */
};

/* A wait. Times are of clock_now(). */
struct wait {
    bool once;
    bool alive; /* a keepalive is enough */
    int64_t begin;
    int64_t end;
    int64_t pause;
    int64_t next_probe; /* 0: none sent yet */
    struct probe probe;
    bool answered;

    struct findings findings;

    bool based;                /* the next three are set */
    struct key peer;           /* the peer whose counts these are */
    uint64_t dropped_before;   /* packets */
    uint64_t received_before;  /* bytes on the wire, when the peer was last heard */
    unsigned int heard;        /* how often something else than initiations came */
    unsigned int heard_enough; /* above it, the peer is alive */

    enum cause cause;
    bool noted; /* `cause` was noted for people */
};

static int fail_removed(struct link_end end, struct failure *failure)
{
    return fail_as(failure, FAILURE_REMOVED, -ENODEV,
                   "the link for net %u, host %u was removed in the meantime; make it again with "
                   "cwg_create, and wait again",
                   end.net, end.host);
}

/* Looks at the link. A second look has to find the first look's device. */
static int look(struct target *target, struct link_end end, struct wait *wait,
                struct failure *failure)
{
    struct link_view *view = &wait->findings.view;
    const int64_t left = wait->end - clock_now();
    const int index = view->link.device.index;
    struct patience patience = PATIENCE;
    struct link_seen link;
    int presence = links_find(target, end, &link, failure);
    int error;

    if (presence < 0)
        return presence;
    if (presence != DEVICE_OURS || (index && link.device.index != index))
        return index ? fail_removed(end, failure)
                     : device_fail_none(
                           end, presence, "; give the net and the host of a link",
                           "; give <host> of the end that cwg_create made in this container",
                           failure);
    if (!wait->once && left < patience.milliseconds)
        patience.milliseconds = left > LOOK_MIN ? left : LOOK_MIN;
    error = links_look(target, &link, &patience, view, failure);
    if (!error && !view->answered)
        wait->findings.lost = *failure;
    return error == -ENODEV ? fail_removed(end, failure) : error;
}

/* Takes in the counters since the last look. Initiations alone prove nothing: somebody on the way
 * may have kept them. All other bytes are of a session with this end's keys. Another peer's counts
 * begin anew. */
static void note(struct wait *wait)
{
    const struct link_view *view = &wait->findings.view;
    const uint64_t received = view->status.wire_received_bytes;
    uint64_t more;

    if (!view->answered)
        return;
    if (wait->based && !key_equal(&wait->peer, &view->status.peer_key)) {
        /* Another peer: ask it anew, and forget what the last one sent. */
        wait->based = false;
        wait->next_probe = 0;
        wait->findings.heard = false;
        wait->findings.initiated = false;
    }
    if (!wait->based) {
        wait->peer = view->status.peer_key;
        wait->dropped_before = view->link.counters.dropped_packets;
        wait->received_before = received;
        wait->based = true;
    }
    if (received < wait->received_before)
        wait->received_before = 0;
    more = received - wait->received_before;
    wait->findings.from_elsewhere = view->link.counters.dropped_packets - wait->dropped_before;
    wait->findings.initiated = wait->findings.initiated || more > 0;
    if (more % INITIATION_SIZE == 0)
        return;
    wait->received_before = received;
    wait->findings.heard = true;
    wait->heard++;
}

/* Has the peer shown since the first datagram that it is alive, and does nothing speak against
 * it? */
static bool is_alive(const struct wait *wait)
{
    return wait->next_probe && wait->heard > wait->heard_enough && !wait->findings.from_elsewhere &&
           wait->findings.view.state != STATE_WRONG_ADDRESS;
}

/* Can a datagram reach the peer? */
static bool can_be_asked(const struct wait *wait)
{
    const struct link_view *view = &wait->findings.view;

    return view->answered && view->link.up && view->link.carrier && view->link.device.finished &&
           view->status.peers > 0 && view->status.endpoint.port && !wait->findings.no_address;
}

/* Is it better to let the other end begin? Once it has begun, our datagram waits in the link for
 * the handshake's end. */
static bool yields(const struct wait *wait)
{
    const struct link_view *view = &wait->findings.view;

    return view->link.device.end.host == 1 && !status_in_session(&view->status) &&
           !wait->findings.initiated && !wait->heard;
}

/* Plans the first datagram. Without a session, the first thing heard afterwards is part of the
 * handshake. */
static void plan(struct wait *wait)
{
    int64_t pause = 0;

    if (yields(wait))
        pause = wait->once ? YIELD_ONCE : YIELD + random_below(YIELD_SPREAD);
    wait->heard_enough = wait->heard + !status_in_session(&wait->findings.view.status);
    wait->next_probe = clock_now() + pause;
}

static int open_probe(struct target *target, struct wait *wait, struct failure *failure)
{
    int error;

    if (wait->probe.fd >= 0)
        return 0;
    error = probe_open(target, &wait->findings.view.link.device, &wait->probe, failure);
    wait->findings.no_address = error == -EADDRNOTAVAIL;
    return wait->findings.no_address ? 0 : error;
}

/* Sends a datagram, if one can be sent and is due. */
static int ask(struct target *target, struct wait *wait, struct failure *failure)
{
    int error;

    wait->findings.no_address = false; /* the address may be back */
    if (!can_be_asked(wait))
        return 0;
    if (!wait->next_probe)
        plan(wait);
    else if (wait->probe.fd < 0 && !yields(wait)) /* the other end has begun */
        wait->next_probe = clock_now();
    if (clock_now() < wait->next_probe)
        return 0;
    error = open_probe(target, wait, failure);
    if (error || wait->probe.fd < 0)
        return error;
    wait->findings.refused = probe_send(&wait->probe) == -EPERM;
    wait->next_probe = clock_now() + PROBE_PAUSE + random_below(PROBE_SPREAD);
    return 0;
}

/* Finds the cause; asks the kernel for a route only while nothing was heard. */
static enum cause find_cause(struct wait *wait)
{
    enum cause cause;

    wait->findings.no_route = false;
    cause = diagnosis_cause(&wait->findings);
    if (cause != CAUSE_SILENT && cause != CAUSE_GONE && cause != CAUSE_CLOCK)
        return cause;
    wait->findings.no_route = path_is_missing(&wait->findings.view.status.endpoint);
    return diagnosis_cause(&wait->findings);
}

static int fail_in_vain(struct wait *wait, struct failure *failure)
{
    enum cause cause = find_cause(wait);

    diagnosis_fail(&wait->findings, cause, failure);
    if ((cause == CAUSE_FILTERED && wait->alive) ||
        (cause == CAUSE_GONE && clock_now() - wait->begin < STATUS_ANSWER_WITHIN))
        failure_add(failure, "\ndoes its container drop packets that it didn't ask for? give "
                             "cwg_wait --alive 12 seconds or more");
    return -ETIMEDOUT;
}

/* Tells people the cause of the wait, if it has changed. */
static void tell(struct output *output, struct wait *wait)
{
    struct text text = {.length = 0};
    struct failure failure;
    enum cause cause;

    if (clock_now() - wait->begin < NOTE_AFTER || !output_takes_notes(output))
        return;
    cause = find_cause(wait);
    if (wait->noted && cause == wait->cause)
        return;
    wait->cause = cause;
    wait->noted = true;
    diagnosis_fail(&wait->findings, cause, &failure);
    failure.text[strcspn(failure.text, "\n")] = '\0';
    text_print(&text, "net-admin-helper: waiting: %s\n", failure.text);
    output_note(output, text.bytes);
}

/* Waits for an answer, or until the next look. */
static void pause_before_next(struct wait *wait)
{
    const int64_t now = clock_now();
    int64_t pause = MIN(wait->pause, wait->end - now);

    if (wait->next_probe > now)
        pause = MIN(pause, wait->next_probe - now);
    pause = MAX(pause, 1);
    if (wait->probe.fd >= 0)
        wait->answered = probe_await(&wait->probe, pause);
    else
        clock_pause(pause);
    wait->pause = MIN(wait->pause + wait->pause / 2, PAUSE_MAX);
}

static bool is_over(const struct wait *wait)
{
    return clock_now() >= wait->end || (wait->once && !can_be_asked(wait));
}

static int await_answer(struct output *output, struct target *target, struct link_end end,
                        struct wait *wait, struct failure *failure)
{
    bool proven = false;

    for (;;) {
        int error;

        deadline_start(); /* anew in each round, so that a stopped wait keeps nothing for long */
        error = target_alive(target, failure);

        if (!error)
            error = output_is_wanted(output, failure);
        if (!error)
            error = look(target, end, wait, failure);
        if (error)
            return error;
        note(wait);
        /* Counters are read one after the other, so a second look has to confirm the first. */
        if (wait->alive && is_alive(wait) && proven)
            return 0;
        proven = wait->alive && is_alive(wait);
        if (is_over(wait) && !proven)
            return fail_in_vain(wait, failure);
        error = ask(target, wait, failure);
        if (error)
            return error;
        tell(output, wait);
        pause_before_next(wait);
        if (wait->answered)
            return 0;
    }
}

static int run(struct session *session, const struct request *request, struct target *target,
               struct failure *failure)
{
    const int64_t now = clock_now();
    struct wait wait = {
        .once = request->seconds == 0,
        .alive = request->given[OPTION_ALIVE],
        .begin = now,
        .end = now + (request->seconds ? (int64_t)request->seconds * 1000 : ONCE),
        .pause = PAUSE_MIN,
        .probe = {.fd = -1},
    };
    int error = await_answer(&session->output, target, request->end, &wait, failure);

    file_close(&wait.probe.fd); /* a batch goes on, and the socket would keep the container */
    if (!error)
        target_close(target);
    if (!error && request->given[OPTION_JSON])
        error = output_result(
            &session->output,
            wait.answered ? "{\"proof\":\"answer\"}\n" : "{\"proof\":\"keepalive\"}\n", failure);
    return error;
}

const struct task task_wait = {
    .name = "cwg_wait",
    .summary = "wait until a link works, or say why it doesn't",
    .details = "Succeeds when a packet has gone to the peer's address through the link, and "
               "another has come back. To find out, it sends small datagrams to a UDP port of "
               "the peer's address where nobody listens; the kernel of the peer's container "
               "answers at once. Only what comes after the call counts. With --alive a "
               "keepalive of the peer's is proof enough, which takes some ten seconds: for "
               "containers that drop packets that they didn't ask for. It also waits for a "
               "link that isn't connected yet. When the time is over it fails, and says why, "
               "the likeliest cause first. With 0 seconds it asks once, and waits for a second"
               " at most.\n",
    .arguments = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST, ARGUMENT_SECONDS},
    .optional = 1,
    .options = {OPTION_ALIVE, OPTION_JSON, 0},
    .in_batch = true,
    .run = run,
};

#include "helper/view/diagnosis.h"

#include <errno.h>
#include <inttypes.h>

#include "helper/base/failure.h"
#include "helper/view/moment.h"

#define ANEW "cwg_destroy the link, and create it again"

/* Faults of the device come before faults on the way, and seen causes before unseen ones. */
enum cause diagnosis_cause(const struct findings *findings)
{
    const struct link_view *view = &findings->view;

    switch (view->state) {
    case STATE_UNFINISHED:
        return CAUSE_UNFINISHED;
    case STATE_DOWN:
        return CAUSE_DOWN;
    case STATE_ENGINE_LOST:
        return CAUSE_ENGINE_LOST;
    case STATE_PORT_LOST:
        return CAUSE_PORT_LOST;
    case STATE_WAITING:
        return CAUSE_NOT_CONNECTED;
    default:
        break;
    }
    if (view->answered && !view->status.has_key)
        return CAUSE_NO_KEY;
    if (findings->no_address)
        return CAUSE_NO_ADDRESS;
    if (findings->from_elsewhere || (findings->heard && view->state == STATE_WRONG_ADDRESS))
        return CAUSE_FROM_ELSEWHERE;
    if (findings->refused)
        return CAUSE_REFUSED;
    if (findings->heard)
        return CAUSE_FILTERED;
    if (findings->initiated)
        return CAUSE_ONE_WAY;
    if (!view->status.endpoint.port)
        return CAUSE_ENDPOINT;
    if (findings->no_route)
        return CAUSE_NO_ROUTE;
    if (!view->status.has_handshake)
        return CAUSE_SILENT;
    return status_knows_age(&view->status) ? CAUSE_GONE : CAUSE_CLOCK;
}

static int fail_gone(const struct link_status *status, const char *endpoint,
                     struct failure *failure)
{
    const int64_t age = status->has_received ? status->received_age_ms : status->handshake_age_ms;
    char text[MOMENT_AGE_SIZE];

    moment_age(age, text);
    return fail_as(failure, FAILURE_SILENT, -ETIMEDOUT,
                   "no answer any more from %s: the last %s was %s ago\n"
                   "does the peer's container still run, and the link in it?\n"
                   "a link that was made again has a new key: cwg_connect both ends anew\n"
                   "is its address still the same, and UDP open in firewalls?",
                   endpoint, status->has_received ? "message" : "handshake", text);
}

static int fail_clock(const struct link_status *status, struct failure *failure)
{
    char age[MOMENT_AGE_SIZE];

    moment_age(-status->handshake_age_ms, age);
    return fail_as(failure, FAILURE_SILENT, -ETIMEDOUT,
                   "this machine's clock was set back, by %s or more\n"
                   "for that long the peer may ignore the handshakes that this end begins\n"
                   "set the clock right, or cwg_destroy the link, create and connect it again\n"
                   "if the clock is right now: does the peer's container still run?",
                   age);
}

/* Says what is wrong on the way to the peer's endpoint. Where no handshake passes it lists what
 * both sites must agree on, the likeliest mistake first. */
static int fail_way(const struct findings *findings, enum cause cause, struct failure *failure)
{
    const struct link_status *status = &findings->view.status;
    char endpoint[ENDPOINT_TEXT_SIZE], key[KEY_TEXT_LENGTH + 1], peer_key[KEY_TEXT_LENGTH + 1];

    endpoint_to_text(&status->endpoint, endpoint);
    key_to_text(&status->public_key, key);
    key_to_text(&status->peer_key, peer_key);
    switch (cause) {
    case CAUSE_ONE_WAY:
        return fail_as(failure, FAILURE_SILENT, -ETIMEDOUT,
                       "the peer's handshakes arrive here, and aren't completed\n"
                       "have both the same preshared key, or none?\n"
                       "does UDP get back to %s?",
                       endpoint);
    case CAUSE_ENDPOINT:
        return fail_as(failure, FAILURE_SILENT, -ETIMEDOUT,
                       "the peer's endpoint isn't known: the peer has to send first, and hasn't\n"
                       "was it connected there with this link's key %s?\n"
                       "and with this machine's address and UDP port %u, open in firewalls?",
                       key, status->port);
    case CAUSE_NO_ROUTE:
        return fail_as(failure, FAILURE_NO_ROUTE, -ETIMEDOUT,
                       "this machine has no route to %s\n"
                       "add one, or cwg_connect to an address that it reaches",
                       endpoint);
    case CAUSE_CLOCK:
        return fail_clock(status, failure);
    case CAUSE_GONE:
        return fail_gone(status, endpoint, failure);
    default:
        return fail_as(failure, FAILURE_SILENT, -ETIMEDOUT,
                       "no answer from %s\n"
                       "did the other site cwg_connect, with this link's key %s?\n"
                       "is that the UDP port there, and open in firewalls on the way?\n"
                       "is the peer's key still %s?\n"
                       "have both the same preshared key, or none?",
                       endpoint, key, peer_key);
    }
}

/* Says why the peer's packets don't count, or don't come, though the peer is alive. */
static int fail_peer(const struct findings *findings, enum cause cause, struct failure *failure)
{
    const struct link_end end = findings->view.link.device.end, other = link_other_end(end);
    char address[ADDRESS_TEXT_SIZE];

    link_address_to_text(other, address);
    switch (cause) {
    case CAUSE_FROM_ELSEWHERE: /* either site's numbers may be the wrong ones */
        return fail_as(
            failure, FAILURE_WRONG_ADDRESS, -ETIMEDOUT,
            "packets come from another address than the peer's, %s: %" PRIu64 " dropped\n"
            "did the other site make host %u, too? it has to be %u there\n"
            "did the other site make another net than %u?",
            address, findings->view.link.counters.dropped_packets, end.host, other.host, end.net);
    case CAUSE_REFUSED:
        return fail_as(failure, FAILURE_FILTERED, -ETIMEDOUT,
                       "a filter in this container lets no packet out to the peer's address, %s\n"
                       "let UDP out to %s by %s",
                       address, address, findings->view.link.device.name);
    case CAUSE_FILTERED:
        return fail_as(failure, FAILURE_FILTERED, -ETIMEDOUT,
                       "the peer is alive, but nothing comes back from its address, %s\n"
                       "a filter in its container? cwg_wait --alive needs no answer from there\n"
                       "or it made host %u, too, or another net than %u: see cwg_show there",
                       address, end.host, end.net);
    default:
        return fail_way(findings, cause, failure);
    }
}

/* Says what is wrong with the device itself, and leaves other causes to fail_peer(). */
int diagnosis_fail(const struct findings *findings, enum cause cause, struct failure *failure)
{
    const char *name = findings->view.link.device.name;
    const struct failure *lost = &findings->lost;
    char address[ADDRESS_TEXT_SIZE];

    link_address_to_text(findings->view.link.device.end, address);
    switch (cause) {
    case CAUSE_UNFINISHED:
        return fail_as(failure, FAILURE_UNFINISHED, -ETIMEDOUT,
                       "the link %s was never finished: the cwg_create that made it was killed\n"
                       "run cwg_create again, for a new key",
                       name);
    case CAUSE_DOWN:
        return fail_as(failure, FAILURE_DOWN, -ETIMEDOUT,
                       "somebody in the container has set the link %s down\n"
                       "set it up there, or " ANEW,
                       name);
    case CAUSE_NO_ADDRESS:
        return fail_as(failure, FAILURE_DOWN, -ETIMEDOUT,
                       "somebody in the container has taken away the address of %s, %s\n"
                       "add %s/31 there, or " ANEW,
                       name, address, address);
    case CAUSE_NO_KEY:
        return fail_as(failure, FAILURE_REMOVED, -ETIMEDOUT,
                       "somebody in the container has taken away the private key of %s\n" ANEW,
                       name);
    case CAUSE_ENGINE_LOST: /* with the code of whoever looked for it */
        return fail_as(failure, lost->code != FAILURE_SYSTEM ? lost->code : FAILURE_ENGINE_LOST,
                       -ETIMEDOUT, "the link %s: %s", name, lost->text);
    case CAUSE_PORT_LOST:
        return fail_as(failure, FAILURE_PORT_LOST, -ETIMEDOUT,
                       "the link %s has lost its UDP port: the network namespace that it was made "
                       "from is gone\n" ANEW,
                       name);
    case CAUSE_NOT_CONNECTED:
        return fail_as(failure, FAILURE_NOT_CONNECTED, -ETIMEDOUT,
                       "the link %s has no peer yet\nset its peer with cwg_connect", name);
    default:
        return fail_peer(findings, cause, failure);
    }
}

#include "helper/status.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "helper/backend.h"
#include "helper/links.h"

void allowed_ip_to_text(const struct allowed_ip *allowed, char ret_text[static NETWORK_TEXT_SIZE])
{
    char address[INET6_ADDRSTRLEN];

    (void)inet_ntop(allowed->ipv6 ? AF_INET6 : AF_INET, allowed->address, address, sizeof(address));
    (void)snprintf(ret_text, NETWORK_TEXT_SIZE, "%s/%u", address, allowed->prefix_length);
}

const char *state_text(enum link_state state)
{
    static const char *const texts[STATES] = {
        [STATE_UNFINISHED] = "unfinished",
        [STATE_DOWN] = "down",
        [STATE_ENGINE_LOST] = "engine lost",
        [STATE_PORT_LOST] = "port lost",
        [STATE_WAITING] = "waiting for connect",
        [STATE_NO_HANDSHAKE] = "no handshake yet",
        [STATE_WRONG_ADDRESS] = "wrong address",
        [STATE_SILENT] = "silent",
        [STATE_CONNECTED] = "connected",
        [STATE_IN_SESSION] = "in session",
        [STATE_IDLE] = "idle",
    };

    return texts[state];
}

bool status_knows_age(const struct link_status *status)
{
    return status->has_handshake && status->handshake_age_ms >= 0;
}

bool status_in_session(const struct link_status *status)
{
    return status_knows_age(status) && status->handshake_age_ms <= STATUS_SESSION_FOR;
}

/* An engine knows of the last packet. Of the kernel's there are but counters, from the device's
 * birth: handshakes, keepalives and good packets in one, and bad packets in the other. Handshakes
 * and keepalives are few, so that bad packets are at least half as many where all are bad. */
static bool comes_from_elsewhere(const struct link_seen *link, const struct link_status *status)
{
    if (link->device.backend == &kernel_backend)
        return link->dropped_packets > link->received_packets / 2;
    return status->from_elsewhere;
}

static bool owes_answer(const struct link_status *status)
{
    return status->has_unanswered && status->unanswered_age_ms >= STATUS_ANSWER_WITHIN;
}

/* The state of a link whose peer was heard, and owes no answer that is known of. The kernel doesn't
 * tell whether the peer was spoken to since the handshake: within the time that a peer has for its
 * answer that makes no difference. */
static enum link_state state_since(const struct link_status *status)
{
    if (status->has_received)
        return status->received_age_ms <= STATUS_LATELY ? STATE_CONNECTED : STATE_IDLE;
    if (!status_in_session(status))
        return STATE_IDLE;
    return status->handshake_age_ms < STATUS_ANSWER_WITHIN ? STATE_CONNECTED : STATE_IN_SESSION;
}

/* What is wrong with a device is said before what is wrong with the peer. */
enum link_state status_state(const struct link_seen *link, const struct link_status *status)
{
    if (!link->device.finished)
        return STATE_UNFINISHED;
    if (!link->up)
        return STATE_DOWN;
    if (!status)
        return STATE_ENGINE_LOST;
    if (!link->carrier)
        return link->device.backend->without_carrier;
    if (status->peers == 0)
        return STATE_WAITING;
    if (!status->has_handshake)
        return STATE_NO_HANDSHAKE;
    if (comes_from_elsewhere(link, status))
        return STATE_WRONG_ADDRESS;
    return owes_answer(status) ? STATE_SILENT : state_since(status);
}

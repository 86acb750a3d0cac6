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
        [STATE_UNFINISHED] = "unfinished",       [STATE_DOWN] = "down",
        [STATE_ENGINE_LOST] = "engine lost",     [STATE_PORT_LOST] = "port lost",
        [STATE_WAITING] = "waiting for connect", [STATE_NO_HANDSHAKE] = "no handshake yet",
        [STATE_CONNECTED] = "connected",         [STATE_STALE] = "stale",
    };

    return texts[state];
}

/* A clock that was set back makes no handshake older. */
int64_t status_handshake_age(const struct link_status *status, int64_t now)
{
    return now > status->handshake ? now - status->handshake : 0;
}

/* What is wrong with a device is said before what is wrong with the peer. */
enum link_state status_state(const struct link_seen *link, const struct link_status *status,
                             int64_t now)
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
    if (status->handshake == 0)
        return STATE_NO_HANDSHAKE;
    return status_handshake_age(status, now) <= STATUS_FRESH_FOR ? STATE_CONNECTED : STATE_STALE;
}

#include "helper/backend/status.h"

#include <arpa/inet.h>
#include <stdio.h>

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

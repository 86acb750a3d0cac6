#include "helper/backend/status.h"

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

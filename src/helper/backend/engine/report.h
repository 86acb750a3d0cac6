/* What an engine says of itself (engine/control/configuration.c), as text. The engine reads what
 * enemies send, and may have been taken over: nothing is believed but a text that is exactly as an
 * engine writes it. Pure. */
#pragma once

#include <stddef.h>

#include "handover/handover.h"
#include "helper/backend/status.h"

enum {
    REPORT_SIZE = HANDOVER_MESSAGE_MAX,
};

/* Reads all of `text`. Returns 0, or -EBADMSG; writes *ret_status on success only. */
int report_parse(const char *text, size_t length, struct link_status *ret_status);

/* Reads an engine's report on itself (engine/control/configuration.c), a text. The engine reads
 * what enemies send, and may have been taken over: only a text exactly as an engine writes it is
 * believed. Pure. */
#pragma once

#include <stddef.h>

#include "handover/handover.h"
#include "helper/backend/status.h"

enum {
    REPORT_SIZE = HANDOVER_MESSAGE_MAX,
};

/* Reads all of `text`. Returns 0, or -EBADMSG; writes *ret_status on success only. */
int report_parse(const char *text, size_t length, struct link_status *ret_status);

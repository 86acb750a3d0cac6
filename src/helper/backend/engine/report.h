/* Reads an engine's answers (engine/control/configuration.c), texts. The engine reads what enemies
 * send, and may have been taken over: only a text exactly as an engine writes it is believed. Pure.
 */
#pragma once

#include <stddef.h>

#include "helper/backend/status.h"

/* Reads "errno=N\n\n", the answer to a request that sets something. Returns -N, or -EPROTO for any
 * other text. */
int report_parse_errno(const char *text, size_t length);

/* Reads an engine's report on itself. Returns 0, or -EBADMSG; writes *ret_status on success only.
 */
int report_parse(const char *text, size_t length, struct link_status *ret_status);

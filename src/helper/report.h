/* What an engine says of itself (engine/configuration.c), as text. Who said it may be a process in
 * a hostile container: nothing is believed but what is exactly as an engine writes it. Pure. */
#pragma once

#include <stddef.h>

#include "helper/status.h"

enum {
    REPORT_SIZE = 4096, /* CONFIGURATION_MAX of the engine */
};

/* Reads all of `text`. Returns 0, or -EBADMSG; writes *ret_status on success only. */
int report_parse(const char *text, size_t length, struct link_status *ret_status);

/* A request in WireGuard's cross-platform configuration protocol, as a value. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/io/remote.h"
#include "link/key.h"

struct engine_request {
    bool get; /* else: set the peer, and what there is of it */
    bool has_preshared_key;
    bool has_persistent_keepalive;
    bool has_allowed;
    bool has_peer;
    struct key peer;
    struct key preshared_key;
    struct remote endpoint;        /* not known: stays */
    uint16_t persistent_keepalive; /* seconds */
    uint32_t allowed_address;      /* host byte order; 0: none any more */
};

/* Reads HANDOVER_GET, or HANDOVER_SET with the lines that follow and an empty one. Writes
 * *ret_request on success only. Returns 0, -EPROTO for what isn't of that form, or -EINVAL for a
 * key or value that is not known or not allowed. */
int request_parse(const char *text, size_t length, struct engine_request *ret_request);

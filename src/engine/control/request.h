/* A request in WireGuard's cross-platform configuration protocol, as a value. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/io/remote.h"
#include "engine/packet/allowed.h"
#include "link/key.h"

struct request {
    bool get;
    bool has_peer; /* all that follows is about it */
    bool remove;
    bool update_only;
    bool has_preshared_key;
    bool has_endpoint;
    bool has_persistent_keepalive;
    bool replace_allowed;
    bool replace_peers;
    struct key peer;
    struct key preshared_key;
    struct remote endpoint;
    uint16_t persistent_keepalive; /* seconds */
    struct allowed allowed;
};

/* Reads "get=1\n\n" or "set=1\n" with the lines that follow and an empty one. Writes *ret_request
 * on success only. Returns 0, -EPROTO for what isn't of that form, or -EINVAL for a key or value
 * that is not known or not allowed. */
int request_parse(const char *text, size_t length, struct request *ret_request);

/* Writes requests to a running engine: texts of WireGuard's cross-platform configuration protocol.
 * Pure. */
#pragma once

#include <stddef.h>

#include "link/peer.h"

enum {
    CTLMSG_SIZE = 512, /* the longest request has some 330 bytes */
};

/* Writes a request that makes `peer` the peer. An engine has one peer: another key replaces it; the
 * same key changes its settings and keeps the session. So replace_peers, which would end the
 * session, isn't sent. The text may have a preshared key: wipe it. Returns the length. */
size_t ctlmsg_set_peer(char ret_text[static CTLMSG_SIZE], const struct peer *peer);

/* What the helper says to a running engine, as text: one request of WireGuard's cross-platform
 * configuration protocol. Pure: bytes in, values out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "link/peer.h"

enum {
    CTLMSG_SIZE = 512, /* of a request; the longest has some 330 bytes */
};

/* Makes `peer` the peer. An engine has one: another key replaces it, and the same key changes the
 * rest of it and keeps the session. So there is no replace_peers, which would end that. May hold a
 * preshared key: to be wiped. Returns the length. */
size_t ctlmsg_set_peer(char ret_text[static CTLMSG_SIZE], const struct peer *peer);

/* Reads "errno=N\n\n", the whole answer to a request that sets something. Returns -N, or -EPROTO if
 * the text is no such answer. */
int ctlmsg_answer_parse(const char *text, size_t length);

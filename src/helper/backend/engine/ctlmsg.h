/* Writes requests to a running engine, and reads its answers (engine/control/configuration.c):
 * texts of WireGuard's cross-platform configuration protocol. The engine reads what enemies send,
 * and may have been taken over: only a text as an engine writes it is believed. Pure. */
#pragma once

#include <stddef.h>

#include "helper/backend/status.h"
#include "link/peer.h"

enum {
    CTLMSG_SIZE = 512, /* the longest request has some 330 bytes */
};

/* Writes a request that makes `peer` the peer. An engine has one peer: another key replaces it; the
 * same key changes its settings and keeps the session. So replace_peers, which would end the
 * session, isn't sent. The text may have a preshared key: wipe it. Returns the length. */
size_t ctlmsg_set_peer(char ret_text[static CTLMSG_SIZE], const struct peer *peer);

/* Reads "errno=N\n\n", the answer to a request that sets something. Returns -N, or -EPROTO for any
 * other text. */
int ctlmsg_parse_errno(const char *text, size_t length);

/* Reads an engine's report on itself. Returns 0, or -EBADMSG; writes *ret_status on success only.
 */
int ctlmsg_parse(const char *text, size_t length, struct link_status *ret_status);

/* The words in which the tunnel is told what to do and asked how it is: WireGuard's cross-platform
 * configuration protocol, one request a message, one answer. What is not WireGuard's own:
 *
 * - get tells no private_key and no preshared_key, but own_public_key=HEX and
 *   has_preshared_key=true;
 * - in the place of last_handshake_time_sec and _nsec it tells last_handshake_age_ms, by a clock
 *   that nobody sets (CLOCK_BOOTTIME); not before there was a handshake. In the same way,
 *   last_received_age_ms: the last authentic message but an initiation; and unanswered_age_ms: the
 *   first data or initiation that was sent since then;
 * - from_elsewhere=true: the last packet of the peer's was dropped, for its source address;
 * - set takes no private_key, listen_port or fwmark: the engine made its key itself, and the socket
 *   was given to it;
 * - there is one peer, the first key of each set: another public_key replaces it, the same one
 * keeps the session. It has one allowed_ip, an IPv4 address and "/32". The keys remove,
 * update_only, replace_peers and protocol_version are not known; get tells protocol_version=1.
 *
 * A request is read wholly before anything of it is done. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "handover/handover.h"

struct tunnel;

enum { CONFIGURATION_MAX = HANDOVER_MESSAGE_MAX };

/* Answers a request of `length` bytes, which may hold anything, with "...errno=N\n\n". Returns the
 * answer's length. */
size_t configuration_answer(struct tunnel *tunnel, const char *request, size_t length,
                            char ret_answer[static CONFIGURATION_MAX]);

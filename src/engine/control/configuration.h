/* The language of the control socket: WireGuard's cross-platform configuration protocol, one
 * request a message, one answer. It differs from WireGuard's own:
 *
 * - get tells own_public_key=HEX and has_preshared_key=true, and neither private_key nor
 *   preshared_key;
 * - get tells ages in milliseconds of CLOCK_BOOTTIME, which nobody can set, in the place of
 *   last_handshake_time_sec and _nsec: last_handshake_age_ms; last_received_age_ms, of the last
 *   authentic message that was no initiation; and unanswered_age_ms, of the first data or
 * initiation that was sent since then. A line is missing as long as there was no such event;
 * - get tells from_elsewhere=true if the last packet of the peer's was dropped for its source
 * address;
 * - set takes no private_key, listen_port or fwmark: the engine makes its key itself, and is given
 * its sockets;
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

/* Does a request of `length` bytes, which may hold anything, and writes the answer, which ends in
 * "errno=N\n\n". Returns the answer's length. */
size_t configuration_answer(struct tunnel *tunnel, const char *request, size_t length,
                            char ret_answer[static CONFIGURATION_MAX]);

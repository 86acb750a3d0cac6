/* One end of a link: the container's packets on one side, the peer's datagrams on the other, and
 * the state between them. Single-threaded; all times are clock_nanoseconds()'s.
 *
 *     container                                                      network
 *     TUN device  -- outbound: split, seal, gather datagrams -->  UDP sockets
 *                 <-- inbound: open, check, gather packets ----
 *                        handshake: messages 1 to 3
 *                        timers: keepalives, retries, the end of keys
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/io/remote.h"
#include "engine/io/staging.h"
#include "engine/io/tun.h"
#include "engine/io/udp.h"
#include "engine/packet/merge.h"
#include "engine/protocol/cookie.h"
#include "engine/protocol/noise.h"
#include "engine/protocol/ratelimit.h"
#include "engine/protocol/session.h"
#include "engine/protocol/timers.h"

/* Packets are padded up to this length, or to the longest that the container has sent lately:
 * padding must not make a packet too long for the path. */
enum { TUNNEL_PAD_TO = 1280 };

struct tunnel {
    int64_t now; /* when the loop last looked at the clock */

    struct noise *noise;
    struct aead *scratch;
    struct sessions sessions;
    struct cookie_checker checker;
    struct cookie_maker maker;
    struct timers timers;
    struct ratelimit ratelimit;
    uint64_t last_timestamp; /* of an initiation that was sent */
    int64_t last_consumed;   /* when an initiation of the peer's was last taken; 0: never */
    int64_t handshaken;      /* when the last handshake was completed; 0: never */

    struct remote remote;
    int64_t asked; /* when datagrams were last made to tell by which device they leave */
    /* The peer's address within the link, in host byte order; 0: not known. Nothing is sent to
     * another, or taken from another. */
    uint32_t allowed_address;
    bool from_elsewhere; /* the last packet that came had another source */
    uint64_t received_bytes;
    uint64_t sent_bytes;

    struct tun tun;
    struct udp udp;
    struct merge merge;
    size_t longest;        /* packet that the container has sent since `longest_since` */
    size_t longest_before; /* in the second before that */
    int64_t longest_since;
    bool device_gone;
    struct staging staging;
    uint8_t frame[TUN_FRAME_MAX + 64]; /* from the device */
    uint8_t datagrams[UDP_BATCH_BYTES + 1];
};

/* Makes a new key pair, and takes the descriptors. Returns false without memory or randomness. */
bool tunnel_init(struct tunnel *tunnel, int tun, int udp4, int udp6);
/* Wipes all keys. */
void tunnel_end(struct tunnel *tunnel);

/* Makes this the one peer, and forgets all of another peer before it. The same peer again changes
 * nothing. Returns false, and changes nothing, if no session can be made with the key. */
bool tunnel_set_peer(struct tunnel *tunnel, const struct key *peer);
/* Notes where the peer is from now on. */
void tunnel_set_remote(struct tunnel *tunnel, const struct remote *remote);

/* Runs the timers that are due. */
void tunnel_run_timers(struct tunnel *tunnel);
/* Returns when tunnel_run_timers() is to be called again at the latest; INT64_MAX: never. */
int64_t tunnel_next(const struct tunnel *tunnel);

/* Reads from the device, or from a socket, until nothing is left or the turn is over. Returns
 * whether there may be more. */
bool outbound_run(struct tunnel *tunnel);
bool inbound_run(struct tunnel *tunnel, int fd);

/* Sends the frames that have waited for a session. Returns false if nothing went out. */
bool outbound_send_staged(struct tunnel *tunnel);
/* Sends an empty packet; or begins a handshake if there is no session. */
void outbound_keepalive(struct tunnel *tunnel);

/* Begins a handshake, unless one was begun within five seconds. A `retry` doesn't count as a new
 * wish for a session (timers_may_initiate()). */
void handshake_initiate(struct tunnel *tunnel, bool retry);
/* Reads a datagram that isn't data. */
void handshake_read(struct tunnel *tunnel, const uint8_t *bytes, size_t length,
                    struct remote *from);
/* Notes that the peer has confirmed a session. */
void handshake_complete(struct tunnel *tunnel);

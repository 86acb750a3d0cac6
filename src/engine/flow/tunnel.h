/* One end of a link: the container's packets on one side, the peer's datagrams on the other, and
 * what has to be remembered between them. Single-threaded; all times are clock_now()'s.
 *
 *     container                                                      network
 *     TUN device  -- outbound: split, seal, gather datagrams -->  UDP sockets
 *                 <-- inbound: open, check, gather packets ----
 *                        handshake: messages 1 to 3
 *                        timers: when to say something unasked
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
#include "engine/protocol/load.h"
#include "engine/protocol/noise.h"
#include "engine/protocol/session.h"
#include "engine/protocol/timers.h"

/* Padding goes up to this length of packet, or up to the longest that the container has sent
 * lately: a packet that fits the path must not be made too long for it. */
enum { TUNNEL_PAD_TO = 1280 };

struct tunnel {
    int64_t now; /* as of the last round of the loop */

    struct noise *noise;
    struct aead *scratch;
    struct sessions sessions;
    struct cookie_checker checker;
    struct cookie_maker maker;
    struct timers timers;
    struct load load;
    uint64_t last_timestamp; /* that we sent */
    int64_t last_consumed;   /* initiation of the peer's */
    int64_t handshaken;      /* when the last handshake was completed; 0: never */

    struct remote remote;
    int64_t asked; /* by which way datagrams go there */
    /* The peer's address within the link, in host byte order; 0: not known. Nothing is sent to
     * another, or taken from another. */
    uint32_t allowed_address;
    bool from_elsewhere; /* the last packet that came had another source */
    uint64_t received_bytes;
    uint64_t sent_bytes;
    uint64_t received_packets;
    uint64_t sent_packets;

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

/* Makes a new key pair. Takes the descriptors. Returns false without memory or randomness. */
bool tunnel_init(struct tunnel *tunnel, int tun, int udp4, int udp6);
/* Wipes all keys. */
void tunnel_end(struct tunnel *tunnel);

/* Makes this the one peer, with nothing known of the one before, unless it is the same. Returns
 * false if the key is useless, and then changes nothing. */
bool tunnel_set_peer(struct tunnel *tunnel, const struct key *peer);
void tunnel_set_persistent_keepalive(struct tunnel *tunnel, uint16_t seconds);
/* Where the peer is from now on. */
void tunnel_set_remote(struct tunnel *tunnel, const struct remote *remote);

/* The device's MTU may be another from now on: see TUNNEL_PAD_TO. */
void tunnel_forget_lengths(struct tunnel *tunnel);

/* Does what is due by time. */
void tunnel_run_timers(struct tunnel *tunnel);
/* When it is to be called again, at the latest; INT64_MAX: never. */
int64_t tunnel_next(const struct tunnel *tunnel);

/* Reads what there is, but not for ever. Returns whether there may be more. */
bool outbound_run(struct tunnel *tunnel);
bool inbound_run(struct tunnel *tunnel, int fd);

/* Sends what was staged while there was no session. Returns false if nothing went out. */
bool outbound_send_staged(struct tunnel *tunnel);
/* Sends an empty packet; or begins a handshake, where there is no session for it. */
void outbound_keepalive(struct tunnel *tunnel);

/* Begins a handshake, unless one was begun within the last seconds. */
void handshake_initiate(struct tunnel *tunnel, bool retry);
/* Takes in a datagram that isn't data. */
void handshake_read(struct tunnel *tunnel, const uint8_t *bytes, size_t length,
                    struct remote *from);
/* After a session has been confirmed by the peer. */
void handshake_complete(struct tunnel *tunnel);

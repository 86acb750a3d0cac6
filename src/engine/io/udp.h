/* The UDP sockets: datagrams in batches, as the kernel can take and give them (UDP_SEGMENT and
 * UDP_GRO, Linux 4.18 and 5.0), and one by one where it can't. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/io/remote.h"

enum {
    UDP_BATCH_BYTES = 65535,
    UDP_BATCH_MAX = 64, /* datagrams: UDP_MAX_SEGMENTS, include/linux/udp.h */
    UDP_PAYLOAD_MAX = 65535 - 20 - 8,
};

struct udp {
    int fd4; /* -1: none */
    int fd6;
    /* The next datagram to the peer is to tell by which device it leaves, which costs two system
     * calls. The address of ours that the peer has written to is not sent from any more if that
     * isn't the device that this came in by (IPv4, as send4() of drivers/net/wireguard/socket.c has
     * it), or if datagrams have left by another one before (IPv6). Then `refused` has that address,
     * and the device by which it is good again; until the path is forgotten. */
    bool ask;
    bool waits;          /* for the answer */
    bool answers;        /* some have come: they don't where net.core.tstamp_allow_data is 0 */
    struct remote asked; /* where the datagram went that asked, and from where */
    struct remote refused;
    unsigned int way;   /* the device that the address of ours is good by; 0: not known yet */
    bool batches;       /* the kernel has them */
    size_t segment_max; /* the longest datagram that they are made of, on this path; 0: none */
    /* The batch that is being gathered: `count` datagrams of `segment` bytes, but the last, which
     * may be shorter and is then the last. */
    size_t bytes;
    size_t segment;
    unsigned int count;
    bool ended;
    uint8_t traffic_class;
    uint8_t batch[UDP_BATCH_BYTES];
};

/* Takes two bound or unbound, non-blocking sockets, and sets what it needs on them. */
void udp_init(struct udp *udp, int fd4, int fd6);

/* The path to the peer may be another by now: which batches it takes, and which address of ours, is
 * found out anew. */
void udp_forget_path(struct udp *udp);

/* What one call has brought: `length` bytes of datagrams of `segment` bytes each, the last may be
 * shorter. All of one sender. */
struct udp_received {
    uint8_t *bytes;
    size_t length;
    size_t segment;
    uint8_t traffic_class;
    struct remote from;
};

/* Reads from `fd`, one of the two, into `buffer`. Returns false if there is nothing. */
bool udp_receive(int fd, uint8_t *buffer, size_t size, struct udp_received *ret_received);

/* Room for one more datagram of that length, which the caller then fills: what is gathered goes out
 * before if they don't go together. */
uint8_t *udp_reserve(struct udp *udp, struct remote *to, size_t length, uint8_t traffic_class);
/* Sends what is gathered. An address of ours in `to` that is none any more is forgotten, and so it
 * is by udp_send(). What can't be sent is lost. */
void udp_flush(struct udp *udp, struct remote *to);

/* Sends a single datagram to the peer, behind what is gathered. */
void udp_send(struct udp *udp, struct remote *to, const void *bytes, size_t length,
              uint8_t traffic_class);
/* Sends a single datagram to whomever, before what is gathered. */
void udp_reply(const struct udp *udp, struct remote *to, const void *bytes, size_t length,
               uint8_t traffic_class);

/* Takes in answers of `fd`, one of the two, to what was asked with a datagram to the peer at `to`:
 * poll() says POLLERR until then. Returns whether the address of ours in `to` is refused by that.
 */
bool udp_read_answers(struct udp *udp, int fd, struct remote *to);

/* The port that the sockets are bound to; 0 if they aren't. */
uint16_t udp_port(const struct udp *udp);

/* The UDP sockets. Datagrams go and come in batches (UDP_SEGMENT and UDP_GRO, Linux 4.18 and 5.0),
 * or one by one where the kernel or the path has no batches. */
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
    /* Datagrams are sent from the address that the peer has written to, as long as that address
     * fits the device that they leave by: the device by which the peer's datagram came in (IPv4, as
     * send4() of drivers/net/wireguard/socket.c has it), or the one by which they have left so far
     * (IPv6). Else the address goes into `refused`, with the device for which it is good, until the
     * path is forgotten. To have a datagram tell its device costs two system calls. */
    bool ask;            /* the next datagram to the peer is to tell its device */
    bool waits;          /* an answer is to come */
    bool answers;        /* some have come; none do if net.core.tstamp_allow_data is 0 */
    struct remote asked; /* where the datagram that asked went, and from where */
    struct remote refused;
    unsigned int way;   /* the device that fits the address to send from; 0: not known yet */
    bool batches;       /* the kernel can send batches */
    size_t segment_max; /* the longest datagram of which this path takes batches; 0: none */
    /* The batch that is being gathered: `count` datagrams of `segment` bytes. A shorter one ends
     * it.
     */
    size_t bytes;
    size_t segment;
    unsigned int count;
    bool ended;
    uint8_t traffic_class;
    uint8_t batch[UDP_BATCH_BYTES];
};

/* Takes two non-blocking sockets, bound or not, and sets their options. *udp is all zeros before.
 */
void udp_init(struct udp *udp, int fd4, int fd6);

/* Forgets which batches and which address of this end the path takes: it may be another path now.
 */
void udp_forget_path(struct udp *udp);

/* The datagrams that one call has brought, all of one sender: `length` bytes in datagrams of
 * `segment` bytes each, of which the last may be shorter. */
struct udp_received {
    uint8_t *bytes;
    size_t length;
    size_t segment;
    uint8_t traffic_class;
    struct remote from;
};

/* Reads from `fd`, one of the two, into `buffer`. Returns false if there is nothing. */
bool udp_receive(int fd, uint8_t *buffer, size_t size, struct udp_received *ret_received);

/* Returns room for one more datagram of that length, for the caller to fill. Sends what is gathered
 * first, if the new datagram doesn't fit into that batch. */
uint8_t *udp_reserve(struct udp *udp, struct remote *to, size_t length, uint8_t traffic_class);
/* Sends what is gathered; datagrams that can't be sent are lost. If this end's address in `to` no
 * longer exists it is forgotten; udp_send() does the same. */
void udp_flush(struct udp *udp, struct remote *to);

/* Sends a single datagram to the peer, behind the batch that is gathered. */
void udp_send(struct udp *udp, struct remote *to, const void *bytes, size_t length,
              uint8_t traffic_class);
/* Sends a single datagram to any address, ahead of the batch that is gathered. */
void udp_reply(const struct udp *udp, const struct remote *to, const void *bytes, size_t length,
               uint8_t traffic_class);

/* Reads the answers of `fd`, one of the two, that tell by which device datagrams to the peer at
 * `to` have left: poll() says POLLERR until then. Returns whether this end's address in `to` is
 * refused for that. */
bool udp_read_answers(struct udp *udp, int fd, struct remote *to);

/* Returns the port that the sockets are bound to; 0 if they aren't. */
uint16_t udp_port(const struct udp *udp);

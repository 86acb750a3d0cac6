/* Two ends of a link in one process, and all that is around them: the time, randomness, the network
 * and the containers. It stands in for clock.c, random.c, udp.c and tun.c of src/engine, which are
 * not to be linked with it; the rest is the engine as it is. Also for the fuzz targets.
 *
 *     container 0 -- read, delivered -- end 0 -- sent, arrived -- end 1 -- ... -- container 1
 *
 * Nothing happens by itself: the tests let datagrams arrive and time pass. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/flow/tunnel.h"

enum {
    WORLD_ENDS = 2,
    WORLD_QUEUE = 1024, /* of datagrams the newest, of packets the oldest are lost when it's full */
    WORLD_TYPES = 5,    /* of messages; [0]: none of them */
};

struct world_datagram {
    uint8_t *bytes;
    size_t length;
    uint8_t traffic_class;
    int64_t due; /* when it arrives */
    struct remote from;
    struct remote to;
};

struct world_packet {
    uint8_t *bytes;
    size_t length;
};

struct world_datagrams {
    size_t count;
    struct world_datagram item[WORLD_QUEUE];
};

struct world_packets {
    size_t count;
    struct world_packet item[WORLD_QUEUE];
};

struct world_end {
    struct tunnel tunnel;
    struct key private_key;
    struct remote address;          /* from where the network sees it send */
    struct world_datagrams sent;    /* by it, and on its way */
    struct world_datagrams arrived; /* and not yet read */
    struct world_packets offered;   /* frames of the container's, not yet read */
    struct world_packets delivered; /* packets for the container */
    int64_t delay_min;              /* of what it sends, in nanoseconds: a random time between */
    int64_t delay_max;              /* the two, so that datagrams may overtake each other */
    bool cut;                       /* what it sends is lost */
    int write_error;                /* what its device says to frames that are still to be cut */
    uint8_t write_refused;          /* of this virtio type alone; 0: of all */
    bool gone;                      /* its device */
    unsigned int writes;            /* to the device */
    unsigned int errors;            /* that its device has counted */
    uint64_t count[WORLD_TYPES];    /* of messages it has sent */
    size_t last_length;             /* of the last one */
};

extern struct world {
    bool begun;
    int64_t now;
    int64_t wall;
    bool batches; /* datagrams arrive as UDP_GRO brings them */
    struct world_end end[WORLD_ENDS];
} world;

/* Makes both ends, which know each other, in the place of those before: end 0 is 10.0.0.0 at
 * 192.0.2.1:1000, end 1 is 10.0.0.1 at 192.0.2.2:2000. What is random depends on `seed`. */
void world_begin(uint64_t seed);
void world_stop(void); /* which the end of the program does as well */

/* An end begins anew, with the key it had, and knows nobody; or knows the other again. */
void world_renew(unsigned int number);
void world_restart(unsigned int number);

/* A request to an end. Returns the errno of the answer. */
int world_configure(unsigned int number, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Tells an end all about the other. */
void world_introduce(unsigned int number);

/* The container sends. */
void world_offer(unsigned int number, const uint8_t *packet, size_t length);
void world_offer_frame(unsigned int number, const uint8_t *frame, size_t length);
/* An IPv4 packet of a length and with a mark, of a protocol that isn't looked into. */
enum { WORLD_PACKET_MIN = 24 };
size_t world_packet(unsigned int from, uint32_t mark, size_t length, uint8_t *ret_packet);
void world_offer_mark(unsigned int number, uint32_t mark, size_t length);
/* How often a packet with that mark is among those that last came to an end's container. */
unsigned int world_delivered(unsigned int number, uint32_t mark);
void world_forget(unsigned int number); /* what has come to it */

/* One round of an end, as main.c's; and rounds until there is nothing to do. */
bool world_round(unsigned int number);
void world_run(unsigned int number);

/* What is on its way arrives, if its time has come, is answered, and so on. */
void world_pass(void);
/* The same, while time passes. */
void world_advance(int64_t nanoseconds);
/* Until `to`, which has to be later. */
void world_advance_to(int64_t time);

/* A datagram of whomever's arrives at an end, without being read. */
void world_arrive(unsigned int number, const struct remote *from, const uint8_t *bytes,
                  size_t length, uint8_t traffic_class);
/* One of those on their way from `number`: to its end, and no longer on its way; or lost. */
void world_let(unsigned int number, size_t place);
void world_lose(unsigned int number, size_t place);
void world_lose_all(unsigned int number);

struct remote world_address(uint8_t last, uint16_t port);

/* How a link is: what its backend and its device tell, and the word for it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/endpoint.h"
#include "link/key.h"

enum {
    STATUS_ALLOWED_MAX = 16, /* that are told; root in the container can make more */
    STATUS_FRESH_FOR = 180,  /* seconds that a session lasts after its handshake (REJECT_AFTER_TIME,
                                drivers/net/wireguard/messages.h) */
};

enum {
    NETWORK_TEXT_SIZE = 52, /* the longest address, "/128", and a NUL */
};

struct allowed_ip {
    bool ipv6;
    uint8_t address[16]; /* as it is on the wire; of IPv4 the first four */
    uint8_t prefix_length;
};

/* What a link's backend knows. Nothing in it is secret. */
struct link_status {
    bool has_key;
    struct key public_key; /* if has_key */
    uint16_t port;         /* host byte order; 0 if it has none */
    unsigned int peers; /* 0 before it is connected; more than one only if somebody else was here */
    /* Of the first peer, if there is one: */
    struct key peer_key;
    struct endpoint endpoint; /* as it is now; port 0: not known */
    bool has_preshared_key;
    uint16_t keepalive; /* seconds; 0: off */
    size_t allowed_count;
    struct allowed_ip allowed[STATUS_ALLOWED_MAX];
    bool allowed_more;
    bool has_handshake; /* whether there ever was one */
    /* How long ago that was: of an engine by CLOCK_BOOTTIME, which nobody sets; of the kernel by
     * the wall clock: negative if that was set back since. */
    int64_t handshake_age_ms;
    int64_t handshake; /* when the last one was, in seconds since 1970; 0: never */
    /* All that crossed the network for the peer: data, keepalives and handshakes. */
    uint64_t wire_received_bytes;
    uint64_t wire_sent_bytes;
};

/* What a person can act on. */
enum link_state {
    STATE_UNFINISHED,  /* the cwg_create that made it was killed */
    STATE_DOWN,        /* somebody set the device down */
    STATE_ENGINE_LOST, /* its engine can't be found, or doesn't answer */
    STATE_PORT_LOST,   /* it has no UDP socket any more: the namespace that this was in has gone */
    STATE_WAITING,     /* for cwg_connect */
    STATE_NO_HANDSHAKE,
    STATE_CONNECTED,
    STATE_STALE, /* the last handshake is too old for a session */
    STATES,
};

/* 10.0.0.15/32 or 2001:db8::/32. */
void allowed_ip_to_text(const struct allowed_ip *allowed, char ret_text[static NETWORK_TEXT_SIZE]);

/* Its word, as it is printed. */
const char *state_text(enum link_state state);

struct link_seen;

/* The state of a link at the time `now`, in seconds since 1970; `status` is NULL if what carries it
 * can't be found or doesn't answer. Pure. */
enum link_state status_state(const struct link_seen *link, const struct link_status *status,
                             int64_t now);

/* How many seconds ago the last handshake was. */
int64_t status_handshake_age(const struct link_status *status, int64_t now);

/* How a link is: what its backend and its device tell, and the word for it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/endpoint.h"
#include "link/key.h"

enum {
    STATUS_ALLOWED_MAX = 16, /* that are told; root in the container can make more */
    /* In milliseconds. A session lasts 180 seconds from its handshake (REJECT_AFTER_TIME,
     * drivers/net/wireguard/messages.h). Data is answered within ten, by a keepalive if by nothing
     * else (KEEPALIVE_TIMEOUT, the same); two more are for the way. */
    STATUS_SESSION_FOR = 180 * 1000,
    STATUS_ANSWER_WITHIN = 12 * 1000,
    STATUS_LATELY = 30 * 1000, /* a peer that sends a keepalive every 25 seconds is heard lately */
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
    /* What engines alone tell, by the same clock: how long ago the last authentic message of the
     * peer's came that was no initiation, and the first data or initiation was sent that nothing
     * came back for since; and whether the last packet of the peer's was dropped, for its source
     * address. */
    bool has_received;
    int64_t received_age_ms;
    bool has_unanswered;
    int64_t unanswered_age_ms;
    bool from_elsewhere;
    int engine_process; /* that is proven to carry it; 0: none is */
    /* All that crossed the network for the peer: data, keepalives and handshakes. */
    uint64_t wire_received_bytes;
    uint64_t wire_sent_bytes;
};

/* What one look proves about a link, and a person can act on. The argument for each state:
 * doc/decisions/0024-a-state-says-what-one-look-proves.md */
enum link_state {
    STATE_UNFINISHED,    /* the cwg_create that made it was killed */
    STATE_DOWN,          /* somebody set the device down */
    STATE_ENGINE_LOST,   /* its engine can't be found, or doesn't answer */
    STATE_PORT_LOST,     /* it has no UDP socket any more: its namespace has gone */
    STATE_WAITING,       /* for cwg_connect */
    STATE_NO_HANDSHAKE,  /* with this peer, ever */
    STATE_WRONG_ADDRESS, /* what comes from the peer has another source address than the peer's */
    STATE_SILENT,        /* the peer owes an answer, and had the time for it */
    STATE_CONNECTED,     /* the peer was heard lately, and owes no answer */
    STATE_IN_SESSION, /* the kernel's: keys were agreed on within three minutes; it tells no more */
    STATE_IDLE,       /* the peer was heard, but not lately, and owes no answer that we know of */
    STATES,
};

/* 10.0.0.15/32 or 2001:db8::/32. */
void allowed_ip_to_text(const struct allowed_ip *allowed, char ret_text[static NETWORK_TEXT_SIZE]);

/* Its word, as it is printed. */
const char *state_text(enum link_state state);

/* Whether it is known how long ago the last handshake was: there was one, and it isn't in the
 * future of a wall clock that was set back. */
bool status_knows_age(const struct link_status *status);

/* Whether keys that were agreed on with the peer may still be in use. */
bool status_in_session(const struct link_status *status);

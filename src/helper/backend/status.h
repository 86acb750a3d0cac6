/* The status of a link as its backend and its device tell it, and the link's state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/endpoint.h"
#include "link/key.h"
#include "link/network.h"

enum {
    STATUS_ALLOWED_MAX = 16, /* root in the container can add more */
    /* In milliseconds. A session lasts 180 seconds from its handshake (REJECT_AFTER_TIME,
     * drivers/net/wireguard/messages.h). A peer answers data within ten seconds, at least by a
     * keepalive (KEEPALIVE_TIMEOUT, there); two more are for the way. */
    STATUS_SESSION_FOR = 180 * 1000,
    STATUS_ANSWER_WITHIN = 12 * 1000,
    STATUS_LATELY = 30 * 1000, /* longer than the usual keepalive of 25 seconds */
};

/* A link's status, from its backend. It has no secret. */
struct link_status {
    bool has_key;
    struct key public_key; /* if has_key */
    uint16_t port;         /* host byte order; 0: none */
    unsigned int peers; /* 0 before cwg_connect; more than one only if somebody else added peers */
    /* The first peer, if any: */
    struct key peer_key;
    struct endpoint endpoint; /* the current one; port 0: not known */
    bool has_preshared_key;
    uint16_t keepalive; /* seconds; 0: off */
    size_t allowed_count;
    struct network allowed[STATUS_ALLOWED_MAX];
    bool allowed_more;
    bool has_handshake; /* there ever was a handshake */
    /* The age of the last handshake. An engine tells it by CLOCK_BOOTTIME, which nobody can set.
     * The kernel tells it by the wall clock: negative if that was set back since. */
    int64_t handshake_age_ms;
    int64_t handshake; /* time of the last handshake, in seconds since 1970; 0: never */
    /* Only engines tell the rest, by the same clock. received: the peer's last authentic message
     * that was no initiation. unanswered: the first data or initiation sent after which nothing
     * came back. from_elsewhere: the peer's last packet was dropped for its source address. */
    bool has_received;
    int64_t received_age_ms;
    bool has_unanswered;
    int64_t unanswered_age_ms;
    bool from_elsewhere;
    int engine_process; /* the proven engine; 0: none */
    /* All bytes to and from the peer: data, keepalives and handshakes. */
    uint64_t wire_received_bytes;
    uint64_t wire_sent_bytes;
};

/* A link's state: what one look proves, and a person can act on.
 * doc/decisions/0024-a-state-says-what-one-look-proves.md has the reason for each. */
enum link_state {
    STATE_UNFINISHED,    /* its cwg_create was killed */
    STATE_DOWN,          /* somebody set the device down */
    STATE_ENGINE_LOST,   /* the engine can't be found, or doesn't answer */
    STATE_PORT_LOST,     /* its UDP socket is gone, with the socket's namespace */
    STATE_WAITING,       /* for cwg_connect */
    STATE_NO_HANDSHAKE,  /* never yet with this peer */
    STATE_WRONG_ADDRESS, /* the peer's packets have another source address than the peer's */
    STATE_SILENT,        /* the peer owes an answer, and had time for it */
    STATE_CONNECTED,     /* the peer was heard lately, and owes no answer */
    STATE_IN_SESSION, /* kernel only: a handshake within three minutes; the kernel tells no more */
    STATE_IDLE,       /* the peer was heard, but not lately, and owes no known answer */
    STATES,
};

/* The state's word, as it is printed. */
const char *state_text(enum link_state state);

/* Is the last handshake's age known? There was one, and the wall clock wasn't set back behind
 * it. */
bool status_knows_age(const struct link_status *status);

/* May the keys of the last handshake still be in use? */
bool status_in_session(const struct link_status *status);

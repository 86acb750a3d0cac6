/* What an end of a declared link needs next. Nothing here asks or changes anything. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/key.h"

/* The device in the container, as cwg_show tells of it. */
enum decide_device {
    DEVICE_NONE,
    DEVICE_SPOILED, /* unfinished, or its port is lost: it has to be made anew */
    DEVICE_UNSEEN,  /* its engine can't be asked: it may work */
    DEVICE_SOUND,
};

/* Whether packets pass. */
enum decide_health {
    HEALTH_NONE,    /* no handshake yet, or no peer */
    HEALTH_STALE,   /* packets have passed, and may not pass any more */
    HEALTH_IDLE,    /* the same, and no answer is overdue */
    HEALTH_SESSION, /* of a kernel's link: keys were agreed on within the last three minutes */
    HEALTH_GOOD,
};

struct facts {
    bool wanted;  /* the link is declared, and not as off */
    bool running; /* the container */
    bool blind;   /* the last look at the device, or for the container, failed: nothing is known */
    bool no_engine; /* it is so since the container's engine isn't installed */
    bool refused; /* the helper refused the last create or connect, and it is early to try again */
    enum decide_device device;
    enum decide_health health;
    bool in_doubt;   /* it was connected until it was idle: the other end has time to answer yet */
    struct key key;  /* of the device; zero without one */
    struct key peer; /* which the device has; zero without one */

    bool secret_due; /* the peer is to have another preshared key than it has, or its first one */

    bool told_up;         /* the other site was told of a device here */
    struct key told_key;  /* and of this key */
    struct key told_peer; /* and that this is the device's peer; zero for none */
    bool told_lost;       /* what it was told may not have come to it, and is lost */
    bool told_moved;      /* this machine's addresses are others than those that it was told */

    bool heard;           /* the other site has told of its end */
    bool heard_up;        /* and its device is there */
    struct key heard_key; /* and has this key */
    bool may_move;        /* a probe was in vain, and the other end has another endpoint */
    bool may_probe;       /* it is time for a probe */
};

enum decision {
    DO_NOTHING,
    DO_CREATE,
    DO_REMAKE, /* destroy, and create */
    DO_DESTROY,
    DO_TELL,    /* publish the key and the endpoints, or that the device is gone */
    DO_CONNECT, /* to heard_key, at its next endpoint */
    DO_PROBE,   /* cwg_wait; if no answer comes, connect to the next endpoint */
};

/* An end's state for people, and for the other site's table. */
enum end_state {
    END_OFF,
    END_NO_CONTAINER,
    END_REFUSED,
    END_CREATING,
    END_UNHEARD, /* waits until the other site tells of its end */
    END_PEER_DOWN,
    END_CONNECTING,
    END_IN_SESSION, /* as HEALTH_SESSION: left alone, and not called connected */
    END_CONNECTED,
    END_STALE,
    END_STATES, /* their number */
};

struct verdict {
    enum decision decision;
    enum end_state state;
};

/* Is too little known for a decision? If an engine isn't installed nobody will ever know more: an
 * end that isn't wanted any more doesn't wait for that. */
bool decide_is_blind(const struct facts *facts);

/* A link that works is never touched: neither the other site's word nor its silence changes it. */
struct verdict decide(const struct facts *facts);

/* "connected", "waiting for its container" and so on. */
const char *end_state_text(enum end_state state);

/* Says why a link doesn't work: from a wait's findings, the likeliest cause first. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/failure.h"
#include "helper/view/links.h"

/* The findings since the wait began. */
struct findings {
    struct link_view view;   /* the last look */
    struct failure lost;     /* the reason, if the last look had no answer */
    uint64_t from_elsewhere; /* packets dropped for their source address */
    bool initiated;          /* the peer has at least begun handshakes */
    bool heard;              /* the peer also sent something else: it is alive */
    bool no_address;         /* somebody took this end's address away */
    bool refused;            /* a filter in the container lets nothing out to the peer */
    bool no_route;           /* no route from home to the peer's endpoint */
};

enum cause {
    CAUSE_UNFINISHED,
    CAUSE_DOWN,
    CAUSE_NO_ADDRESS,
    CAUSE_NO_KEY, /* root in the container can remove a kernel link's key */
    CAUSE_ENGINE_LOST,
    CAUSE_PORT_LOST,
    CAUSE_NOT_CONNECTED,
    CAUSE_FROM_ELSEWHERE,
    CAUSE_REFUSED,  /* a filter on this side */
    CAUSE_FILTERED, /* the peer is alive, but its address is silent */
    CAUSE_ONE_WAY,  /* the peer's handshakes arrive, and aren't completed */
    CAUSE_ENDPOINT, /* not known */
    CAUSE_NO_ROUTE,
    CAUSE_CLOCK, /* the clock was set back: a kernel's link can't begin */
    CAUSE_GONE,  /* the peer was there once */
    CAUSE_SILENT,
    CAUSES,
};

enum cause diagnosis_cause(const struct findings *findings);

/* Sets the text: the first line says what is wrong, the next lines what to check. Returns
 * -ETIMEDOUT. */
int diagnosis_fail(const struct findings *findings, enum cause cause, struct failure *failure);

/* Why a link doesn't work: what a wait has found out, and what to say of it, the likeliest cause
 * first. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/view/links.h"

struct failure;

/* What was seen since the wait began. */
struct findings {
    struct link_view view;   /* the last look */
    struct failure *lost;    /* where that was without answer: why */
    uint64_t from_elsewhere; /* packets that were dropped for their source address */
    bool initiated;          /* the peer has begun handshakes, at the least */
    bool heard;              /* something else came from the peer, too: it is alive */
    bool no_address;         /* the container has taken this end's address away */
    bool refused;            /* a filter in the container lets nothing out to the peer */
    bool no_route;           /* from this machine to the peer's endpoint */
};

enum cause {
    CAUSE_UNFINISHED,
    CAUSE_DOWN,
    CAUSE_NO_ADDRESS,
    CAUSE_NO_KEY, /* root in the container can take that of a kernel's link away */
    CAUSE_ENGINE_LOST,
    CAUSE_PORT_LOST,
    CAUSE_NOT_CONNECTED,
    CAUSE_FROM_ELSEWHERE,
    CAUSE_REFUSED,  /* by a filter on this side */
    CAUSE_FILTERED, /* alive, but nothing from its address */
    CAUSE_ONE_WAY,  /* its handshakes come here, and aren't completed */
    CAUSE_ENDPOINT, /* not known */
    CAUSE_NO_ROUTE,
    CAUSE_CLOCK, /* was set back: a kernel's link can't begin */
    CAUSE_GONE,  /* it was there once */
    CAUSE_SILENT,
    CAUSES,
};

enum cause diagnosis_cause(const struct findings *findings);

/* Sets the text: what is wrong, in the first line, and what to look at in those that follow.
 * Returns -ETIMEDOUT. */
int diagnosis_fail(const struct findings *findings, enum cause cause, struct failure *failure);

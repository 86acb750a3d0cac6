/* Ends that containers claim by their labels, and which of the claims hold. A label has no more
 * weight than this: whoever starts a container writes it. */
#pragma once

#include "cwg/agent/end/end.h"

struct claim {
    struct want want;
    bool by_network; /* and not by a label of the container's */
    bool unproven;   /* the engine tells nothing of the container's image */
    bool held;       /* before, by the same container's label */
    bool single;     /* nothing but other claims stands against it */
    bool holds;
    char reason[END_REASON_SIZE]; /* why it doesn't; "" also if the store declares just the same */
};

/* Judges claims by the ends that there are, and by the other sites that are known:
 * - What is declared in the store counts before all labels: its ends, its names and its nets.
 * - Who has an end by a label keeps it, as long as the label says so.
 * - Of two containers that claim the same, and have nothing yet, neither gets it.
 * - Of an unproven label, and beside a site that isn't known, nothing is new: who has just what the
 *   label says keeps it, since no failed look ends a link. */
void claims_judge(struct claim *claims, size_t count, struct agent_end *const *ends,
                  size_t end_count, const struct trust *trust);

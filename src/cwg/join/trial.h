/* A trial of UDP between two machines: a link between two scratch containers, by the steps of a
 * join. Nothing of it is committed, so the sites remove it when their sessions end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/site/site.h"
#include "link/endpoint.h"

struct trial {
    char endpoint[2][ENDPOINT_TEXT_SIZE]; /* at which each was reached; "-": behind a NAT */
    int mtu[2];                           /* of the link's ends; 0: not known */
    int milliseconds;                     /* from the start to packets both ways */
    bool second_began;                    /* packets passed only after `other` had begun, too */
    bool tried;                           /* packets were sent; false: it failed before */
};

/* Tries. `one` begins, unless `other` is behind a NAT. The failure tells the direction in which
 * packets don't pass, if that is known. Returns 0 if packets pass both ways, or else -1. */
int trial_run(struct site *one, struct site *other, struct trial *ret_trial,
              struct failure *failure);

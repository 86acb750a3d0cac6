/* What an agent knows of itself, in the text format of Prometheus, version 0.0.4. */
#pragma once

#include <stdio.h>

#include "cwg/agent/carrier/carrier.h"
#include "cwg/agent/end/end.h"

/* What there is to tell of. All of it is lent. */
struct exposition {
    const struct household *house;
    struct agent_end *const *ends;
    size_t count;
    struct carrier *const *carriers;
    size_t carrier_count;
    int64_t started; /* seconds since 1970 */
    uint64_t turns;  /* of the loop */
};

/* Writes all of it. `exposition` is a struct exposition. */
void exposition_write(FILE *stream, const void *exposition);

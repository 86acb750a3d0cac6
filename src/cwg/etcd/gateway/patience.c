#include "cwg/etcd/gateway/patience.h"

#include <stdlib.h>

enum {
    FIRST_MS = 30000, /* twice as long each time, */
    DOUBLINGS = 2,    /* so often */
    SPREAD_FIRST_MS = 1000,
};

int patience_of(const struct patience *patience)
{
    return FIRST_MS << patience->misses;
}

void patience_miss(struct patience *patience)
{
    if (patience->misses < DOUBLINGS)
        patience->misses++;
}

void patience_forget(struct patience *patience)
{
    patience->misses = 0;
}

int64_t patience_spread(const struct patience *patience)
{
    int64_t most = SPREAD_FIRST_MS;

    if (patience->misses > 0)
        most = (FIRST_MS << (patience->misses - 1)) / 2;
    return random() % most;
}

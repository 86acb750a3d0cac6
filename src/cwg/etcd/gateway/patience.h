/* How long a login may take, and how long nobody logs in after one. etcd works on a login for 0.1 s
 * of its processor, and goes on with it when who asked has gone. So many sites that begin at once
 * and give up early keep it busy, and none gets in. */
#pragma once

#include <stdint.h>

struct patience {
    int misses; /* logins without an answer in time, one after the other */
};

/* Returns how many milliseconds the next login may take. */
int patience_of(const struct patience *patience);

/* A login got no answer in time. */
void patience_miss(struct patience *patience);

/* A login succeeded. */
void patience_forget(struct patience *patience);

/* Returns a wait in milliseconds before the next login: a random one, so that those who ask at once
 * don't again. It is up to a second at first, and up to half a minute after two in vain. */
int64_t patience_spread(const struct patience *patience);

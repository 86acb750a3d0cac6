/* How the carrier fares, for people: the store's carrier/etcd, and a line on standard error for
 * each change of it, and each new reason.
 *
 *   {"carrier":"etcd","state":"connected","since":1764200000,"server":"https://...","reason":"",
 *    "waiting":0}
 *
 * `state` is connected, unreachable, another-machine (of this site), full, or refused; `since` is
 * the time, in seconds since 1970, at which it began; `waiting` is how many lines are to be put. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cwg/base/said.h"
#include "cwg/etcd/gateway/client.h"
#include "cwg/store/store.h"

struct tale {
    const struct store *store;
    char state[32];
    char server[CLIENT_URL_SIZE];
    char text[FAILURE_TEXT_SIZE];
    long long since;
    size_t waiting;
    bool unwritten; /* the store had no room for it */
    struct said said;
};

/* Tells it, if anything of it has changed, or couldn't be written before. */
void tale_tell(struct tale *tale, const char *state, const char *server, const char *reason,
               size_t waiting);

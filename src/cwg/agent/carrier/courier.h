/* `cwg etcd` as a child of the agent's: it is started if the configuration names etcd, and again
 * after it has ended, whatever the reason. What it says goes to the agent's standard error. If it
 * failed, its last line is the reason in the store's carrier/etcd: `cwg etcd` tells no more then.
 */
#pragma once

#include <stdint.h>

#include "cwg/agent/carrier/reach.h"
#include "cwg/agent/loop/loop.h"
#include "cwg/agent/settings/config.h"
#include "cwg/base/process.h"

struct courier {
    struct loop *loop;
    const struct store *store;
    const struct config *config;
    const char *file; /* of the configuration; NULL: where it is looked for */
    struct process process;
    struct watch said, ended;
    char last[1024]; /* what it said last */
    struct reach reach;
    int misses;
    int64_t begun, due;
};

void courier_open(struct courier *courier, struct loop *loop, const struct store *store,
                  const struct config *config, const char *file);

/* Starts it if that is due. Returns when it wants to be called again (clock_now()). */
int64_t courier_run(struct courier *courier);

/* Ends it: it is started anew, with the settings as they are now. */
void courier_renew(struct courier *courier);

/* Has it try at once what was in vain. */
void courier_retry(struct courier *courier);

void courier_close(struct courier *courier);

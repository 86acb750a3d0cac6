/* `cwg etcd`: carries records between the store's directory and etcd. The agent knows nothing of
 * it: when etcd is away, the directory is all that there is, and links live on. */
#pragma once

#include "cwg/etcd/carry/orders.h"
#include "cwg/etcd/gateway/client.h"

struct etcd_options {
    struct client_settings client;
    struct orders orders; /* with the operators alone */
    const char *site;     /* this one's name */
    const char *state;    /* the directory with the store and the id */
    bool takeover;        /* this machine is the site from now on */
};

/* Runs until SIGTERM or SIGINT. Returns 0, or -1 with why it can't begin. */
int etcd_run(const struct etcd_options *options, struct failure *failure);

/* What etcd has for this site, under PREFIX/site/OWN/, and its way into the store's directory. */
#pragma once

#include <stdbool.h>

#include "cwg/etcd/carry/orders.h"
#include "cwg/etcd/carry/presence.h"
#include "cwg/etcd/carry/telling.h"

struct hearing {
    const char *site;
    const struct store *store;
    const struct client *client;
    struct orders *orders;
    struct presence *presence;
    struct telling *telling;
    struct heard_site *sites; /* those that have told something */
    size_t count;
    bool listing;                    /* what comes is of a list, and no change */
    bool quiet;                      /* refusals were said before */
    bool missed;                     /* something couldn't be stored */
    char refusal[FAILURE_TEXT_SIZE]; /* the last one; "" if there was none since `listing` began */
};

/* Takes a key with its value. Returns 0: nothing in it ends the connection. */
int hearing_take(void *hearing, const struct gateway_entry *entry, struct failure *failure);

void hearing_end(struct hearing *hearing);

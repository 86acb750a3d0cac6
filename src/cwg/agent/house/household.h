/* What all ends of a site share. */
#pragma once

#include "cwg/agent/loop/due.h"
#include "cwg/agent/loop/lookup.h"
#include "cwg/agent/loop/sockets.h"
#include "cwg/agent/loop/tasks.h"
#include "cwg/agent/settings/config.h"
#include "cwg/base/journal.h"
#include "cwg/record/news.h"
#include "cwg/record/sitekey.h"
#include "cwg/store/store.h"
#include "cwg/store/trust.h"

enum {
    PROBES_AT_ONCE = 8,
};

struct household {
    struct loop loop;
    struct config config;
    struct store store;
    struct sitekey key;
    struct trust trust;                  /* the other sites */
    const char *site;                    /* the settings' */
    int64_t settings_time;               /* of their file, when it was read: config_stamp() */
    const char *kept;                    /* a setting that counts from the next start on; or NULL */
    struct tasks work;                   /* all tasks but waits */
    struct tasks probes[PROBES_AT_ONCE]; /* cwg_wait holds up the tasks behind it for seconds */
    struct dues dues;                    /* when each end is to be visited */
    struct lookups lookups;
    struct endpoint address[NEWS_ENDPOINTS_MAX]; /* this machine's, without a port */
    int addresses;
    /* A record for another site was stored: carries it there. */
    void (*carry)(struct household *house, const char *site, const char *path);
    void *owner;             /* for that */
    struct sockets *sockets; /* are told of the ports of this machine's ends; may be NULL */
    struct journal journal;
    uint64_t changes; /* of ends' states */
    uint64_t refused; /* records of other sites */
    bool ending;      /* nothing new is begun */
};

/* Takes the addresses with which ends tell the other site where they are reached: those of the
 * settings, or this machine's own. */
void household_take_addresses(struct household *house);

/* Reads the settings at the start. Returns 0, or -1. */
int household_read(struct household *house, const struct config_options *options,
                   struct failure *failure);

/* Takes over what the settings say now. What is wrong with them is told on standard error, and they
 * stay. A change that an agent at work can't take over is told, too. */
void household_reread(struct household *house, const struct config_options *options);

/* Lets this process have as many descriptors as it may: each end has one of its container's
 * process. */
void household_raise_limit(void);

/* Carries records to another site, and from there: ssh runs `cwg inbox` at the other end. */
#pragma once

#include "cwg/agent/carrier/reach.h"
#include "cwg/agent/loop/loop.h"
#include "cwg/base/lines.h"
#include "cwg/base/process.h"
#include "cwg/store/post.h"
#include "cwg/store/trust.h"

struct carrier {
    struct loop *loop;
    const struct store *store;
    char own[WANT_SITE_SIZE];  /* this site */
    char site[WANT_SITE_SIZE]; /* the other one */
    char host[END_HOST_SIZE];  /* for ssh */
    struct process ssh;        /* pid is -1 if it doesn't run */
    struct lines input;
    struct watch watch;
    struct watch room; /* at its input, while something is left to be sent */
    struct post post;
    bool news;            /* a record of the other site was stored */
    int misses;           /* sessions in a row that didn't last */
    int64_t begun;        /* clock_now(), of the last one */
    int64_t due;          /* clock_now(): not started before */
    uint64_t sent, taken; /* records, in all sessions before; in all */
    struct reach reach;
    struct failure failure; /* why the last one ended; "" while one works */
    struct failure trouble; /* what this agent finds wrong with this one */
};

/* Goes on. To be called in each turn of the loop. Returns when it wants to be called at the latest
 * (clock_now()). */
int64_t carrier_run(struct carrier *carrier);

/* Tells the store whether the site is reached. Returns whether that has changed. */
bool carrier_tell(struct carrier *carrier);

/* Those of an agent. */
struct carriers {
    struct carrier **one;
    size_t count;
};

/* Carries to a site from now on, if ssh reaches it: else it calls this one. `site` may be NULL, and
 * may be known already, then by another host. */
void carriers_add(struct carriers *carriers, struct loop *loop, const struct store *store,
                  const char *own, const struct site_record *site);

/* Is something to be told to a site, which ssh reaches and nobody carries to yet? What it is told
 * stays in the store until it has told the same. */
bool carriers_lack(const struct carriers *carriers, const struct store *store,
                   const struct site_record *site);

/* Takes over how the sites are reached now. The session with a site ends if the site isn't known
 * any more, or isn't called any more, or is called another way. */
void carriers_match(struct carriers *carriers, const struct trust *trust);

/* A record for a site has changed: sends it, if there is a carrier to the site. */
void carriers_send(struct carriers *carriers, const char *site, const char *path);
void carriers_free(struct carriers *carriers);

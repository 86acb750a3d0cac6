/* The ends of all links of which etcd knows, and how each one is: what `cwg status --etcd` shows.
 *
 * An operator's record declares an end (orders.h). Its site's own record tells how it is:
 * PREFIX/site/SITE/status/LINK.HOST, signed for operators. It is believed by the site's key, which
 * is that of the newest record of an operator's, PREFIX/site/PEER/site/SITE; or else the key that
 * this machine's own store has of the site. If the site has a newer key since, it tells so itself,
 * by a record that the older key signs, PREFIX/site/PEER/in/SITE/key (rotation.h).
 * PREFIX/site/SITE/ agent is there as long as the site's machine tells etcd so (presence.h):
 * without that key a state is one of before.
 *
 * etcd, and whoever may write to it, can show an older state of a site, or withhold one, and can
 * say that a site is there. It can't make a state up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cwg/etcd/carry/orders.h"
#include "cwg/etcd/carry/presence.h"
#include "cwg/etcd/gateway/client.h"
#include "cwg/store/standing.h"

enum {
    OVERVIEW_BYTES_MAX = 256 << 20, /* of memory for what etcd has: some 100,000 ends */
};

struct overview_site {
    struct site_record record; /* its name, and the key that is believed */
    int64_t declared; /* the serial of the operator's record with the key; 0: none is there */
    bool known;       /* the key is */
    bool there;       /* its machine is at etcd, and says: */
    enum presence_word word;
    struct overview_rotation *rotations;
};

struct overview_end {
    const struct overview_site *site; /* the end's own; link.site is that of the other end */
    bool declared;                    /* by an operator */
    char *line;                       /* that the site has told; NULL: none */
    struct standing_link link;        /* its state: after overview_judge() */
};

struct overview {
    struct orders orders;          /* the operators; their store isn't used */
    struct site_record own;        /* this machine's site with its key; the name is "" if none is */
    char prefix[GATEWAY_KEY_SIZE]; /* of the keys of all sites */
    struct overview_site **sites;  /* sorted by their names */
    size_t site_count;
    struct overview_end **ends; /* after overview_judge() sorted by link, host and site */
    size_t count, room;
    const struct overview_site *now; /* the site whose keys come; of its ends */
    size_t first, told_end;          /* are the first, and the one after those that it has told */
    size_t foreign;                  /* declarations that none of these operators has signed */
    size_t bytes;
};

/* Takes a key with its value; in the order of the keys. `overview` is a struct overview. Returns 0,
 * or -1: there is more than OVERVIEW_BYTES_MAX of them. */
int overview_take(void *overview, const struct gateway_entry *entry, struct failure *failure);

/* Decides how each end is, when all keys have come. `store` has the sites that this machine knows;
 * its directory may be -1. A state is as the site's agent has told; "not told yet"; "not believed",
 * with the reason; "agent is silent" or "unconfirmed", which its machine says (presence.h); or
 * "site is silent": nobody is at etcd for the site. link.last is the one before that. link.since is
 * by the site's clock. */
void overview_judge(struct overview *overview, const struct store *store);

/* Sets the prefix, lists all of etcd's keys of sites, and takes them. Returns 0, or -1. */
int overview_read(struct overview *overview, struct client *client, struct failure *failure);

/* Frees all that was taken. The operators and the own site stay. */
void overview_clear(struct overview *overview);

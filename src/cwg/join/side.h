/* A join at work: two sides, and the machines that they are on. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cwg/container/container.h"
#include "cwg/join/candidates.h"
#include "cwg/join/join.h"
#include "cwg/site/calls.h"
#include "cwg/state/joined.h"
#include "link/endpoint.h"
#include "link/key.h"
#include "link/link.h"

/* One end of the link: side 0 is host 0, and side 1 host 1, unless an older link is `swapped`. */
struct side {
    struct site *site;
    int container; /* the number that the site gave it */
    struct joined_end *end;
    json_t *links;   /* that the container had before; cwg_show's JSON */
    bool made;       /* it may be there */
    bool kept;       /* its site may have been told to keep what it made */
    bool was_kept;   /* its agent kept it before, for all that is known */
    bool newly_kept; /* its agent may keep it since this join, and didn't before */
    char address[ADDRESS_TEXT_SIZE];
    char key[KEY_TEXT_LENGTH + 1];
    uint16_t port;
    struct addresses candidates;
    char endpoint[ENDPOINT_TEXT_SIZE]; /* at which the other side looks for it; "-": unknown */
    bool behind_nat;
    bool behind_firewall; /* which lets nobody begin with it */
    char state[32];       /* of a link that was there before; "" for a new one */
    char warning[256];    /* of the helper's; "" if there is none */
    char agent_site[64];  /* of its machine's agent, which is to keep the link; "": not asked */
    char agent_key[KEY_TEXT_LENGTH + 1];
};

struct work {
    const struct join_options *options;
    struct site sites[2]; /* the second isn't used if both ends are on one machine */
    size_t site_count;
    struct side side[2];
    struct dialled dialled; /* of the machine that isn't this one */
    struct joined joined;
    int lock;             /* of both ends */
    bool noted;           /* joined_write() has written it */
    bool was_noted;       /* and before this join the net was, too, of the same ends */
    bool had_net;         /* these two ends had a link before, as these hosts, ... */
    uint32_t last_net;    /* ... of this net */
    bool swapped;         /* a link was found of which the first side is host 1 */
    bool found_psk;       /* a link was found that has a preshared key */
    int64_t begun;        /* clock_now() */
    bool second_began;    /* work_first() got no answer, so the other side began as well */
    int64_t milliseconds; /* from then until it was connected */
    char psk[KEY_TEXT_LENGTH + 1];
};

/* Looks both containers up, and finds a link that they have already. *ret_joined says so. */
int work_look(struct work *work, bool *ret_joined, struct failure *failure);

/* Fails if the link that was found isn't what was asked for: of another net, or without a preshared
 * key. */
int work_compare(const struct work *work, struct failure *failure);

/* Removes ends of links that these two containers had, and of which the other end is gone: that
 * container was started again. Only what is remembered counts, and only by its key. Notes the last
 * net, so that the new link has the old one's addresses. */
int work_remove_dead(struct work *work, struct failure *failure);

/* Finds out which side is behind a NAT, and refuses two. */
int work_judge_nat(struct work *work, struct failure *failure);

/* Creates both ends, on a net that is free at both, and finds the candidates. */
int work_create(struct work *work, struct failure *failure);

/* Returns the side that begins: 0 or 1. */
int work_first(const struct work *work);

/* Connects both ends, and tries the candidates until packets pass. */
int work_connect(struct work *work, struct failure *failure);

/* Waits until packets pass over a link that was there before. If the peer is alive and doesn't
 * answer, that is the first side's warning. */
int work_check(struct work *work, struct failure *failure);

/* Asks the agents of both machines who they are. Fails if one doesn't run. Names the link. */
int work_ask_agents(struct work *work, struct failure *failure);

/* Tells both agents to keep the link. It counts from work_commit() on. */
int work_keep(struct work *work, struct failure *failure);

/* Tells both sides to keep what they made. After a failure one of them may have done so. */
int work_commit(struct work *work, struct failure *failure);

/* Removes what may be left where a session was lost, by a new session. A side that couldn't be
 * cleaned stays `made`, or `newly_kept`. */
void work_clean(struct work *work);

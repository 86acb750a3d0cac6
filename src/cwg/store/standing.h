/* How declared links stand: what an agent has told of them in its store, and whether it is there to
 * tell. Nothing here changes the store. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cwg/store/store.h"
#include "cwg/store/want.h"
#include "link/address.h"

enum {
    STANDING_STATE_SIZE = 32,
    STANDING_REASON_SIZE = 768,
    STANDING_FILE_SIZE = 512,
    STANDING_SILENCE = 180, /* seconds without a word of an agent's that tells each minute */
};

struct standing_link {
    char link[WANT_LINK_SIZE];
    uint32_t net, host;
    char container[END_ENGINE_SIZE + END_NAME_SIZE + 1];
    char address[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
    char site[WANT_SITE_SIZE];       /* of the other end */
    char state[STANDING_STATE_SIZE]; /* as it is now; see standing_read() */
    char last[STANDING_STATE_SIZE];  /* that of an agent that doesn't tell any more; "" for none */
    char reason[STANDING_REASON_SIZE];
    bool labelled; /* a label of the container declares it, and nothing in the store */
    int64_t since; /* seconds since 1970, of `state`; 0: not known */
};

/* The way to another site that this one calls; to one that calls this one; or to etcd, which leads
 * to all others. */
struct standing_site {
    char site[WANT_SITE_SIZE];
    char by[16]; /* the kind of carrier; "inbox": the site calls */
    char host[END_HOST_SIZE];
    char state[STANDING_STATE_SIZE], last[STANDING_STATE_SIZE];
    char reason[STANDING_REASON_SIZE];
    int64_t since;
};

struct standing {
    char own[WANT_SITE_SIZE]; /* this site; "" if no agent has ever told */
    bool runs;                /* an agent holds the store on this machine */
    int64_t started, seen;    /* seconds since 1970; 0: never. `seen`: it told that it was there */
    char settings[STANDING_FILE_SIZE]; /* the file of the agent's settings; "": it doesn't tell */
    int64_t settings_time; /* when the file was changed, of which the agent knows; nanoseconds */
    char kept[32];         /* a setting that counts from the agent's next start on; or "" */
    struct standing_link *link;
    size_t links;
    struct standing_site *site;
    size_t sites;
};

/* Reads it from an agent's state directory. A state is as the agent tells; "not looked at yet"; or
 * "no agent runs" or "agent is silent", with the last one that was told in `last`. The state of a
 * site that calls is "calls here", or "doesn't call" since it was heard last: no agent is needed to
 * tell. A site that isn't known any more, and doesn't call, is left out. One to which no way was
 * tried is "no link yet", "not called yet" or "hasn't called yet"; unless etcd leads to it.
 * Returns 0; 1 if there is no store; or -1. */
int standing_read(const char *state, struct standing *ret_standing, struct failure *failure);

/* Returns whether an agent holds the store, and has told within STANDING_SILENCE. */
bool standing_is_told(const struct store *store);

/* Takes what an agent has told of an end, the body of status/LINK.HOST: state and since, and what
 * it has of reason and container. What a terminal would take for something else becomes '?'. */
void standing_take(struct standing_link *link, const json_t *told);

/* Returns whether a state is that of an end that works, or isn't to be there. */
bool standing_is_well(const char *state);

/* Returns whether a link is the one of a name, or of a net's number. */
bool standing_is_meant(const struct standing_link *link, const char *text);

void standing_free(struct standing *standing);

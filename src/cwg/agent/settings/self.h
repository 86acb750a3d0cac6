/* This machine's agent, as the other commands see it: its directory, its site, and whether it runs.
 */
#pragma once

#include "cwg/agent/settings/config.h"
#include "cwg/store/store.h"
#include "link/key.h"

struct self {
    struct store store;
    char state[CONFIG_PATH_SIZE];
    char site[WANT_SITE_SIZE]; /* of the agent that runs, or ran last; else the settings', or "" */
    struct key key;            /* the site's; zero before the agent's first start */
};

/* Writes the name with which the agent of a store has started, be it from its command line; else
 * the settings', or "". */
void self_find_site(const struct store *store, const struct config *config,
                    char ret_site[static WANT_SITE_SIZE]);

/* Opens the store of a state directory, and makes both if they aren't there. Where only the agent's
 * first start makes the directory, user cwg's, it says so. Returns 0, or -1. */
int self_make_store(const char *state, struct store *store, struct failure *failure);

/* Says who the site of a store and of its state directory is, as far as that can be read: the rest
 * is "" or zero. ret_self->store isn't open. */
void self_identify(const struct store *store, const char *state, struct self *ret_self);

/* Opens the directory of this user's agent: the given one, or NULL. Returns 0, or -1. The caller
 * closes it by self_close(). */
int self_open(const char *state, struct self *ret_self, struct failure *failure);
void self_close(struct self *self);

/* Returns 0 if an agent runs on it; or -1: what to do. */
int self_need_agent(const struct self *self, struct failure *failure);

/* Says how this user's agent is started, for messages: "start it by systemctl ...". */
const char *self_start(void);

/* An agent has begun: it writes down who it is. Returns 0, or -1. */
int self_note(const struct store *store, const char *site, struct failure *failure);

/* A site is one machine. The key PREFIX/site/OWN/agent says which: it is made if it isn't there,
 * and has a lease, so that it goes with its machine. Whoever doesn't have it publishes nothing. It
 * is written anew in each beat, and has
 *
 *   {"agent":"<id>","boot":"<id>","host":"site1.example","version":"0.1.0","beat":7,"told":true,
 *    "behind":false}
 *
 * `told` is whether the agent on its machine has told within STANDING_SILENCE: this process lives
 * on while the agent hangs. `behind` is whether etcd may have a state of this site's ends that is
 * one of before (telling_is_behind()). Nobody signs the key: whoever may write to etcd can make it
 * say so.
 *
 * An etcd that is full takes no put and grants no lease, but it keeps leases and ends them. So a
 * key that says something that is true no longer, and can't be written anew, is given back: the
 * site is silent until there is room. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/etcd/gateway/client.h"
#include "cwg/store/store.h"

enum {
    PRESENCE_BEAT_MS = 60000, /* between two beats */
    PRESENCE_ID_SIZE = 33,
    PRESENCE_HOST_SIZE = 65,
};

struct presence {
    struct client *client;
    const char *site;
    const struct store *store; /* where the agent tells */
    char id[PRESENCE_ID_SIZE]; /* of this directory */
    char boot[48];             /* of this machine's start */
    bool takeover;             /* take the place of another machine, once */
    int64_t lease;             /* 0: none */
    int64_t revision;          /* of the key when this machine changed it last; 0: it isn't ours */
    int64_t known;             /* the same, also when it isn't ours any more */
    bool lost;                 /* the key wasn't as this machine had left it */
    char other[PRESENCE_HOST_SIZE]; /* the machine that has it; "" if none has */
    bool behind;                    /* is to be said */
    bool said_well;                 /* the last beat said "told", and not "behind" */
    char full[FAILURE_TEXT_SIZE];   /* etcd has no room for the key, in its words; or "" */
    int64_t beats, beat_due, kept_due, claim_due;
};

/* Reads the directory's id, or makes it. The descriptor that keeps other processes from using it is
 * left open. Returns 0, or -1. */
int presence_open(struct presence *presence, struct client *client, const struct store *store,
                  const char *site, const char *state, struct failure *failure);

/* Makes the key, or finds whose it is. To be called when a connection begins. Returns 0, or -1: the
 * server isn't reached. */
int presence_claim(struct presence *presence, struct failure *failure);

/* Does what is due: keeps the lease, beats, claims. *ret_beat is the revision of a beat, which has
 * to come by the watch as well; or 0. Returns 0, or -1. */
int presence_run(struct presence *presence, int64_t *ret_beat, struct failure *failure);
int64_t presence_due(const struct presence *presence);

/* Says from now on whether etcd may have a state of before: by a beat, which is due at once if that
 * has changed. */
void presence_say(struct presence *presence, bool behind);

/* What the value of such a key says. */
enum presence_word {
    PRESENCE_WELL,
    PRESENCE_SILENT, /* the agent doesn't tell any more; or the value says nothing */
    PRESENCE_BEHIND, /* etcd may have a state of before */
};
enum presence_word presence_read(const char *value);

/* Claims or beats at once, if the last attempt found another machine's key, or no room. */
void presence_retry(struct presence *presence);

/* The watch tells of a change of the key at a revision. */
void presence_see(struct presence *presence, int64_t revision, bool deleted);

/* Gives the lease back: another machine need not wait for its end. */
void presence_end(struct presence *presence);

/* Carrying records between the stores of two sites. Two programs speak, each beside its own store:
 * the agent of the site that calls, and `cwg inbox` at the other one, run by ssh. Each sends what
 * its site tells the other one, and stores what it gets. Lines of JSON, the same both ways:
 *
 *   {"cwg-post":1,"to":"s1"}              the first line, and for which site the others are
 *   {"path":"l-7f3a.0","record":"..."}    a record; the reader stores it as in/SITE/PATH
 *   {}                                    nothing new: after POST_PAUSE_MS without another line
 *
 * A record's signature is the agent's matter, when it reads the store. Nothing here waits: both
 * programs may have thousands of records for each other, and the other one may not read at all. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cwg/store/store.h"
#include "cwg/store/want.h"

enum {
    POST_PAUSE_MS = 20000,
    POST_SILENCE_MS = 60000, /* without a line, or a reader: the other program is gone */
    POST_LOOK_MS = 60000,    /* between two looks at all of out/SITE */
    POST_UNSENT_SIZE = 32768,
};

struct post {
    const struct store *store;
    char site[WANT_SITE_SIZE]; /* the other one */
    const char *own;           /* this one, if the other program has to know it; or NULL */
    int out;                   /* the descriptor to it */
    bool greeted;              /* by it */
    struct post_told *told;    /* what out/SITE has, sorted */
    size_t told_count;
    bool unlooked;        /* some of them may have changed */
    uint64_t sent;        /* records, in this session */
    size_t kept;          /* records in in/SITE; 0: not counted yet */
    size_t unsent_length; /* bytes in `unsent`: */
    int64_t heard;        /* clock_now() of the last line from there, */
    int64_t said;         /* of the last byte to there, */
    int64_t looked;       /* and of the last look at all of out/SITE */
    char unsent[POST_UNSENT_SIZE];
};

/* Begins: greets, and sends all that is told to the site. Returns 0, or -1: nobody reads. */
int post_begin(struct post *post, const struct store *store, const char *site, int out,
               struct failure *failure);

/* A record of out/SITE has changed, or any of them may have, with NULL: sends what is new. Returns
 * 0, or -1. */
int post_send(struct post *post, const char *path, struct failure *failure);

/* Returns whether something is left to be sent: post_flush() is to be called when the descriptor
 * can be written to. */
bool post_waits(const struct post *post);
int post_flush(struct post *post, struct failure *failure);

/* Takes a line of the other program's. Returns 0; 1 if a record was stored that is new; or -1 for a
 * line that isn't as it should be, or can't be stored. */
int post_take(struct post *post, const char *line, struct failure *failure);

/* To be called now and then: says that there is nothing new. Returns when it wants to be called at
 * the latest (clock_now()), or -1: the other program is gone. */
int64_t post_run(struct post *post, struct failure *failure);

void post_end(struct post *post);

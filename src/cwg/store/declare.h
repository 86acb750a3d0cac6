/* Declarations: a file that says what a site wants, in the form of cwg-links(5), and its way into
 * the store. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cwg/store/store.h"
#include "link/key.h"

struct declared {
    size_t sites, links;
};

struct declare_options {
    bool check;                /* write nothing */
    const char *own;           /* this site's name; NULL or "": not known */
    const struct key *own_key; /* this site's public key; NULL: not known */
    /* Is told of each line that is new, or another than before, at "site/NAME" or "want/LINK.HOST".
     * `before` is NULL if there was none, and "" if it couldn't be read. */
    void (*changed)(const char *path, const char *before, const char *line);
};

/* Reads a file's text, and puts all that it declares into the store: nothing, if anything in it is
 * wrong: also a key of two sites, or this site's own name or key for another one. What is declared
 * already under the same name is replaced. `options` may be NULL. Returns 0, or -1. */
int declare(const struct store *store, const char *text, const struct declare_options *options,
            struct declared *ret_declared, struct failure *failure);

/* Ends one declared end, of which `line` stands at a path: the agent removes the end first, and
 * then the want. So none is left behind if no agent runs. Returns 0, or -1. */
int declare_forget_end(const struct store *store, const char *path, const char *line,
                       struct failure *failure);

/* The same, but the end stays as it is: somebody else has made it, and it was never to be kept. */
int declare_release_end(const struct store *store, const char *path, const char *line,
                        struct failure *failure);

/* Ends what is declared of a link: an agent that runs removes it, and the other site learns of it.
 * Returns 0; 1 if nothing is declared of it; or -1. */
int declare_forget(const struct store *store, const char *link, struct failure *failure);

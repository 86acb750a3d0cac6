/* What containers declare by their labels, and networks for their containers: looked for now and
 * then, by a child process, at the engines that the settings allow. An end whose claim holds
 * (claim.h) is written into the store, as label/LINK.HOST, and taken from there like any other. It
 * goes when two looks in a row have found the engine's containers, and none of them with that
 * label. A look that fails changes nothing. */
#pragma once

#include "cwg/agent/ends/ends.h"
#include "cwg/agent/loop/child.h"
#include "cwg/container/labels.h"

/* An engine of the settings. */
struct labels_engine {
    char name[END_ENGINE_SIZE];
    struct labelled *said; /* its containers with the label, at the last look that succeeded */
    size_t count;
    bool known; /* there was such a look */
};

struct labels {
    struct household *house;
    const struct ends *ends;
    /* The store has something else under label/NAME than before, or nothing. */
    void (*changed)(void *owner, const char *name);
    void *owner;
    bool reread; /* the settings */
    struct labels_engine engine[CONFIG_LABELS_MAX];
    int engines;
    int next;    /* engine to be asked in this round */
    int looking; /* engine that is asked, if `asking` */
    bool asking;
    bool hurried;  /* that look, or the last one, is of no round: it finds what is new, and misses
                      nothing */
    int64_t hurry; /* clock_now(): of such a look; INT64_MAX: none is due */
    struct child child;     /* that asks; if `asking`, and ... */
    int64_t begun;          /* ... clock_now() */
    struct labelled *heard; /* from it; LABELLED_MAX */
    size_t heard_count;
    int64_t due; /* clock_now(): of the next round */
};

void labels_open(struct labels *labels, struct household *house, const struct ends *ends);

/* Takes the engines from the settings, at the next labels_run(), and looks at once. */
void labels_reread(struct labels *labels);

/* What networks say has changed: it is looked at soon. */
void labels_hurry(struct labels *labels);

/* To be called in each turn of the loop. Returns when it wants to be called at the latest
 * (clock_now()): never, if no labels are allowed. */
int64_t labels_run(struct labels *labels);

void labels_close(struct labels *labels);

/* Returns whether the store's folder of labels says what labels declare. One that somebody has
 * removed says nothing: the next look makes it anew. */
bool labels_are_kept(const struct labels *labels);

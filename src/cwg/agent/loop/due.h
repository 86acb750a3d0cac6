/* When each of many things is to be visited: a heap of times. A visit costs by those that are due,
 * and not by all that there are. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A thing's time. It is its owner's memory. */
struct due {
    int64_t at;   /* clock_now(); INT64_MAX: not by itself */
    size_t place; /* in the heap, counted from 1; 0: in none */
    void *owner;
};

struct dues {
    struct due **heap;
    size_t count, room;
};

/* Puts a thing in, with its time. Returns 0, or -1 if there is no memory. */
int dues_add(struct dues *dues, struct due *due, int64_t at);

/* Gives another time to a thing that is in. */
void dues_set(struct dues *dues, struct due *due, int64_t at);

/* Takes a thing out, if it is in. */
void dues_remove(struct dues *dues, struct due *due);

/* Returns the one with the earliest time, or NULL if there is none. */
struct due *dues_first(const struct dues *dues);

/* Forgets all of them. */
void dues_close(struct dues *dues);

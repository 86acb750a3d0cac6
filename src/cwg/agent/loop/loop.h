/* Waiting for descriptors, for any number of them: epoll(7). */
#pragma once

#include <stdint.h>

struct loop {
    int epoll;
};

/* A descriptor that is waited for. It belongs to its owner, and may be removed or freed in any
 * call of `ready`. */
struct watch {
    int fd; /* -1 while it isn't waited for */
    void (*ready)(struct watch *watch, uint32_t events);
    void *owner;
};

/* Returns 0, or a negative errno. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/* Waits for `events` of epoll(7) at watch->fd from now on. Returns 0, or a negative errno. */
int loop_add(struct loop *loop, struct watch *watch, uint32_t events);

/* Waits for it no longer. Its descriptor stays open, and becomes -1 in the watch. */
void loop_remove(struct loop *loop, struct watch *watch);

/* Waits until `deadline` (clock_now()), or for one descriptor: then calls its `ready`. One at a
 * time, since a call may remove others. */
void loop_turn(struct loop *loop, int64_t deadline);

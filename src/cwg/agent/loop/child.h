/* A child process of the agent's, which answers by messages over a socket. */
#pragma once

#include <sys/types.h>

#include "cwg/agent/loop/loop.h"

struct child {
    struct watch watch; /* of the socket, SOCK_SEQPACKET; at its end the child is through */
    pid_t pid;
};

/* Starts a child, which calls run(context, socket) and ends. It has no other descriptor of the
 * agent's but 0 to 2. `ready` is called with the watch, whose owner is `owner`. Returns 0, or a
 * negative errno. */
int child_start(struct child *child, struct loop *loop, void (*run)(void *context, int socket),
                void *context, void (*ready)(struct watch *watch, uint32_t events), void *owner);

/* Ends it, whatever it does. */
void child_end(struct child *child, struct loop *loop);

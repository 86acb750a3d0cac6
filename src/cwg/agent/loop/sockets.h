/* Ports of UDP sockets that are gone: an engine that dies, however, takes its socket with it. Any
 * process may hear that. Only an accelerator: links are looked at now and then anyway. The kernel's
 * links have no such socket. */
#pragma once

#include <stdbool.h>

#include "cwg/agent/loop/loop.h"

struct sockets {
    struct loop *loop;
    struct watch watch;
    void (*gone)(void *owner, uint16_t port);
    void *owner;
    uint8_t known[UINT16_MAX / 8 + 1]; /* the ports that matter */
    int64_t second;                    /* clock_now(): the count began */
    int count;                         /* of sockets since then */
    int64_t retry;                     /* clock_now(): not listened before */
};

/* Begins to listen; `gone` and `owner` are set already. To be called again now and then: while so
 * many sockets go that listening costs too much, nobody listens. Where the kernel lacks it, nothing
 * is heard. */
void sockets_watch(struct sockets *sockets, struct loop *loop);

/* A port of a link's: `gone` will be called for it, and seldom for others. */
void sockets_note(struct sockets *sockets, uint16_t port);

void sockets_close(struct sockets *sockets);

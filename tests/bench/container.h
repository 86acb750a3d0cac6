/* A process in a network namespace of its own, as a container would be, and what can be seen of a
 * link in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/link.h"

struct container {
    pid_t pid;
    int netns;
};

/* Starts one that ends with us, or gives up. */
void container_start(struct container *ret_container);

/* What a link should be like. */
struct expectation {
    struct link_end end;
    uint16_t port;
    const char *public_key;
    const char *endpoint; /* NULL: it has no peer yet */
    const char *peer_key;
};

/* Gives up if the device isn't what it should be, by what `wg` and the kernel say: its key, its
 * port, its peer, its address, that it is up, and that its UDP socket is here. */
void container_check_link(const struct container *container, const struct expectation *expected);

/* Gives up if something is left of the link. */
void container_check_gone(const struct container *container, const struct expectation *expected);

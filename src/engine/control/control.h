/* The socket on which the helper speaks to the engine (handover/handover.h). It is in the engine's
 * own network namespace, which nobody enters without CAP_SYS_ADMIN over it.
 *
 * The engine answers one request of each client (configuration.h) and closes the connection. It
 * doesn't do the request of a client that has gone. */
#pragma once

#include <poll.h>

struct tunnel;

enum {
    CONTROL_CLIENTS = 8,
    CONTROL_POLLED = 1 + CONTROL_CLIENTS,
};

struct control {
    int client[CONTROL_CLIENTS]; /* -1: free */
    unsigned int oldest;         /* the next to make room, when all are in use */
};

/* Listens on HANDOVER_CONTROL. Returns 0 or a negative errno. */
int control_init(struct control *control);

/* Writes what poll() is to watch; entries that aren't used have the descriptor -1. */
void control_poll(const struct control *control, struct pollfd ret_polled[static CONTROL_POLLED]);

/* Serves the descriptors that poll() has found ready. */
void control_run(struct control *control, const struct pollfd polled[static CONTROL_POLLED],
                 struct tunnel *tunnel);

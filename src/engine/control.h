/* The socket on which the helper speaks to the engine: of the abstract name "cwg-engine-" and 48
 * hexadecimal digits that the helper gave us, in the engine's own network namespace. Nobody gets
 * there without CAP_SYS_ADMIN over it; and that we listen by that name, and nobody else, is how we
 * are known (helper/control.h).
 *
 * Of who connects one request is answered (configuration.h), and the connection closed. A client
 * may be deaf, that is, shut down for reading, since it can't know who we are: then a request that
 * is refused is left unread, and the kernel tells the client so by ECONNRESET, and one that is done
 * is not. What was asked by somebody who has gone by now is not done at all.
 *
 * How the tunnel is can be asked by netlink, too, of the protocol that is there for users, at port
 * CONTROL_PORT of the same namespace: who asks there takes no descriptor from anybody, which may be
 * no engine (helper/control.h). Question and answer are a struct nlmsghdr and the text; the answer
 * has the question's type and sequence. Nothing can be set there. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct tunnel;

enum {
    CONTROL_PLACE_SIZE = 24, /* bytes that the name is made of */
    CONTROL_CLIENTS = 4,
    CONTROL_POLLED = 2 + CONTROL_CLIENTS,
    CONTROL_PORT = 1,
};

struct control {
    int listener;
    int netlink;                 /* -1 where there is none: then we can't be asked there */
    int client[CONTROL_CLIENTS]; /* -1: free */
    unsigned int oldest;         /* the next to make room, when all are in use */
};

/* Returns 0 or a negative errno. */
int control_init(struct control *control, const uint8_t place[static CONTROL_PLACE_SIZE]);

/* What to poll for; entries that aren't used have the descriptor -1. */
void control_poll(const struct control *control, struct pollfd ret_polled[static CONTROL_POLLED]);

/* Does what poll() has found. */
void control_run(struct control *control, const struct pollfd polled[static CONTROL_POLLED],
                 struct tunnel *tunnel);

/* A conversation with the kernel over one netlink socket: a request, and its answers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/netlink/message.h"

struct netlink {
    int fd; /* -1 while not open */
    uint32_t sequence;
};

/* Opens a socket of NETLINK_ROUTE or NETLINK_GENERIC in the current network namespace, to which it
 * belongs for ever, and ties it to the kernel. Returns 0 or a negative errno. */
int netlink_open(int protocol, struct netlink *ret_netlink);

void netlink_close(struct netlink *netlink);

/* Called for each message of an answer; `context` is the caller's. Returns 0; or a negative errno
 * that the request then returns, when the rest of the answer has been read; or NETLINK_ENOUGH, and
 * then the rest is left in the socket, which has to be closed. */
enum {
    NETLINK_ENOUGH = 1,
};

typedef int netlink_answer(const struct nlmsghdr *message, void *context);

/* Each sends a request, and reads what the kernel says to it. The answers are wiped when they have
 * been seen. Returns 0 or a negative errno: the kernel's own, or that of `answer`, or -EBADMSG or
 * -EPROTO for an answer that makes no sense, -EFBIG for one without end. */

/* A question that anybody may ask. `answer` may be NULL where none is expected but yes or no. */
int netlink_ask(struct netlink *netlink, struct message *request, netlink_answer *answer,
                void *context);

/* The same over a socket of its own, in the current network namespace. */
int netlink_ask_here(int protocol, struct message *request, netlink_answer *answer, void *context);

/* A question that takes CAP_NET_ADMIN. */
int netlink_ask_as_admin(struct netlink *netlink, struct message *request, netlink_answer *answer,
                         void *context);

/* A change, by CAP_NET_ADMIN. And one that has the kernel bind a link's port, for which a caller
 * who is root has CAP_NET_BIND_SERVICE as well. */
int netlink_change(struct netlink *netlink, struct message *request);
int netlink_change_to_bind(struct netlink *netlink, struct message *request);

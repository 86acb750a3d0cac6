/* Sends requests to the kernel over a netlink socket, and reads the answers. */
#pragma once

#include <stdint.h>

#include "helper/netlink/message.h"

struct netlink {
    int fd; /* -1 while not open */
    uint32_t sequence;
};

/* Opens a socket of NETLINK_ROUTE or NETLINK_GENERIC, which belongs to the current network
 * namespace for good, and connects it to the kernel. Returns 0 or a negative errno. */
int netlink_open(int protocol, struct netlink *ret_netlink);

void netlink_close(struct netlink *netlink);

/* Takes one message of an answer; `context` is the caller's. Returns 0 to go on; a negative errno,
 * which the request returns after reading the rest of the answer; or NETLINK_ENOUGH, which leaves
 * the rest in the socket: close the socket then. */
enum {
    NETLINK_ENOUGH = 1,
};

typedef int netlink_answer(const struct nlmsghdr *message, void *context);

/* Each of these sends a request, reads the kernel's answer, and wipes it. Returns 0; a negative
 * errno of the kernel's or of `answer`; -EBADMSG or -EPROTO for an answer that makes no sense; or
 * -EFBIG for one without end. */

/* Asks without privilege. `answer` may be NULL if the answer is only yes or no. */
int netlink_ask(struct netlink *netlink, struct message *request, netlink_answer *answer,
                void *context);

/* The same over a new socket in the current network namespace. */
int netlink_ask_here(int protocol, struct message *request, netlink_answer *answer, void *context);

/* Asks with CAP_NET_ADMIN. */
int netlink_ask_as_admin(struct netlink *netlink, struct message *request, netlink_answer *answer,
                         void *context);

/* Change something with CAP_NET_ADMIN; the second also with CAP_NET_BIND_SERVICE if the caller is
 * root, for a change that binds a link's port. */
int netlink_change(struct netlink *netlink, struct message *request);
int netlink_change_to_bind(struct netlink *netlink, struct message *request);

/* The peer's address and port, by its last datagram or as the helper has set it; and the address of
 * this end that the peer writes to. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "link/endpoint.h"

struct remote {
    union {
        struct sockaddr any; /* .sa_family: AF_INET, AF_INET6, or AF_UNSPEC: not known */
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    /* This end's address that the peer last wrote to, and the device by which that datagram came
     * in. Datagrams are sent from that address as long as they leave by that device (udp.h);
     * ifindex 0: the kernel chooses the address. */
    union {
        struct in_pktinfo v4;
        struct in6_pktinfo v6;
    } local;
};

bool remote_known(const struct remote *remote);

/* Returns whether the peer is at the same address and port, wherever we send from. */
bool remote_equal(const struct remote *a, const struct remote *b);

void remote_forget_local(struct remote *remote);
/* Returns the device of this end's address; 0: the kernel chooses the address. */
unsigned int remote_device(const struct remote *remote);
/* Returns whether both have an address of this end, and the same one. For IPv4, and for link-local
 * addresses, the device has to be the same, too. */
bool remote_same_local(const struct remote *a, const struct remote *b);

/* Writes the peer's address, IPv6 or IPv4-mapped, and port in network byte order: cookies are bound
 * to these. */
enum { REMOTE_SOURCE_SIZE = 18 };
void remote_to_source(const struct remote *remote, uint8_t ret_source[static REMOTE_SOURCE_SIZE]);

/* Turn a remote into what the helper and the engine tell each other, and back. This end's address
 * is no part of that. */
struct endpoint remote_to_endpoint(const struct remote *remote);
struct remote remote_from_endpoint(const struct endpoint *endpoint);

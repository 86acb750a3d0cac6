/* Where the peer is, by what it last sent or by what we were told; and which of our own addresses
 * it knows us by. */
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
    /* The address of ours that it last wrote to, and the device that this came in by. We send from
     * that address as long as that is the device that datagrams to the peer leave by (udp.h);
     * ifindex 0: the kernel chooses the address. */
    union {
        struct in_pktinfo v4;
        struct in6_pktinfo v6;
    } local;
};

bool remote_known(const struct remote *remote);

/* Whether the peer is at the same address and port; where we send from is not looked at. */
bool remote_equal(const struct remote *a, const struct remote *b);

void remote_forget_local(struct remote *remote);
/* The device; 0: the kernel chooses. */
unsigned int remote_device(const struct remote *remote);
/* Whether both have an address of ours, and the same one. For IPv4, and for link-local addresses,
 * the device has to be the same, too. */
bool remote_same_local(const struct remote *a, const struct remote *b);

/* An address and a port in 18 bytes: IPv6 or IPv4-mapped, network byte order. Cookies are bound to
 * it. */
enum { REMOTE_SOURCE_SIZE = 18 };
void remote_to_source(const struct remote *remote, uint8_t ret_source[static REMOTE_SOURCE_SIZE]);

/* The same without an address of ours, as the helper is told it and tells it. */
struct endpoint remote_to_endpoint(const struct remote *remote);
struct remote remote_from_endpoint(const struct endpoint *endpoint);

/* Where the peer is, by what it last sent or by what we were told; and which of our own addresses
 * it knows us by. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

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

/* 192.0.2.1:51820 or [2001:db8::1]:51820. */
enum { REMOTE_TEXT_SIZE = INET6_ADDRSTRLEN + sizeof("[]:65535") };
void remote_to_text(const struct remote *remote, char ret_text[static REMOTE_TEXT_SIZE]);
/* Writes *ret_remote on success only. */
bool remote_from_text(const char *text, struct remote *ret_remote);

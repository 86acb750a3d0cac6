/* UDP ports of the home namespace, by sockets of the helper's own. The caller's rights decide which
 * port may be bound; the helper adds none but for root, see privilege.h. */
#pragma once

#include <stdint.h>

struct failure;

/* Whether the caller may have a port (host byte order; 0 always). It need not be free. Asked before
 * anything is made: the kernel's driver binds with the rights of whoever sets the device up, and
 * root in the container could be first. Returns 0, or -EACCES or -EPERM. */
int port_check(uint16_t port, struct failure *failure);

/* Finds a port that is free for IPv4, and for IPv6 where there is IPv6, among those that the kernel
 * gives out itself. It is free when this looks: a moment later somebody else may have it. Returns
 * 0, -EADDRINUSE if there is none, or another negative errno. */
int port_search(uint16_t *ret_port);

/* Binds a UDP socket of a family to all addresses and a port; port 0 lets the kernel choose one.
 * Returns 0, or a negative errno. */
int port_bind(int fd, int family, uint16_t port);

/* The port that a socket is bound to. Returns 0, or a negative errno. */
int port_of(int fd, uint16_t *ret_port);

/* Sets the text for a port that can't be bound: `error` is -EADDRINUSE, -EACCES or -EPERM, which is
 * returned. */
int port_fail(int error, uint16_t port, struct failure *failure);

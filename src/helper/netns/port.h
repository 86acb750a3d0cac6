/* Tries and binds UDP ports of the home namespace. The caller's rights decide which ports may be
 * bound; the helper adds a right only for root, see privilege.h. */
#pragma once

#include <stdint.h>

struct failure;

/* Checks that the caller may have a port (host byte order; 0 always), which need not be free. Call
 * it before anything is made: the driver binds with the rights of the process that sets the device
 * up, and root in the container could do that first. Returns 0, or -EACCES or -EPERM. */
int port_check(uint16_t port, struct failure *failure);

/* Finds a port that is free for IPv4, and for IPv6 if the kernel has it, among those that the
 * kernel gives out itself. Somebody else may take it a moment later. Returns 0, -EADDRINUSE if
 * there is none, or another negative errno. */
int port_search(uint16_t *ret_port);

/* Binds a UDP socket of a family to all addresses and a port; 0 lets the kernel choose one. Returns
 * 0, or a negative errno. */
int port_bind(int fd, int family, uint16_t port);

/* Reads the port that a socket is bound to. Returns 0, or a negative errno. */
int port_of(int fd, uint16_t *ret_port);

/* Fails for a port that can't be bound: `error` is -EADDRINUSE, -EACCES or -EPERM. Returns
 * `error`. */
int port_fail(int error, uint16_t port, struct failure *failure);

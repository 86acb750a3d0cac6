/* Asks the other end of a link: sends a datagram of random bytes to a UDP port of the peer's
 * address where hardly anybody listens. A host answers such a datagram at once by ICMP (RFC 1122,
 * 4.1.3.1). Without a session it also makes WireGuard begin a handshake. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/backend/device.h"
#include "helper/netns/target.h"

struct failure;

enum {
    PROBE_TOKEN_SIZE = 16,
};

struct probe {
    int fd;                          /* -1 if not open; the caller closes it */
    uint32_t address;                /* the other end's, in host byte order */
    uint8_t token[PROBE_TOKEN_SIZE]; /* its datagrams' contents, no other probe's */
};

/* Opens a socket in the target's namespace. It sends only by this device and from this end's
 * address, and hears only this device. Returns 0; -EADDRNOTAVAIL without a text if the container
 * lacks this address; or another negative errno. */
int probe_open(const struct target *target, const struct device *device, struct probe *ret_probe,
               struct failure *failure);

/* Sends a datagram. Returns 0, or a negative errno: -EPERM if a filter in the container refuses
 * it. */
int probe_send(const struct probe *probe);

/* Waits up to `milliseconds` for an answer to one of our datagrams from the peer's address. Returns
 * true if one came. */
bool probe_await(const struct probe *probe, int64_t milliseconds);

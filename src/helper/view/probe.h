/* A question to the other end of a link, from this end: a datagram of some random bytes, to a
 * UDP port of the peer's address at which hardly anybody listens. A host answers such a one at
 * once, by ICMP (RFC 1122, 4.1.3.1). It makes WireGuard begin a handshake, too, where there is no
 * session. */
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
    int fd;
    uint32_t address;                /* of the other end, in host byte order */
    uint8_t token[PROBE_TOKEN_SIZE]; /* what its datagrams hold, and no other probe's */
};

/* Opens a socket in the target's namespace that sends by this device and from this end's address,
 * or not at all, and hears what comes by the device alone. Returns 0; or -EADDRNOTAVAIL, without a
 * text, if the container has no such address; or another negative errno. */
int probe_open(const struct target *target, const struct device *device, struct probe *ret_probe,
               struct failure *failure);

/* Sends one. Returns 0; or a negative errno: -EPERM if a filter in the container refuses it. */
int probe_send(const struct probe *probe);

/* Waits that long, or until there was an answer: a packet from the peer's address that answers one
 * of ours. Returns whether there was. */
bool probe_await(const struct probe *probe, int64_t milliseconds);

void probe_close(struct probe *probe);

/* A datagram that is sent into a link, from its own end, since that is what makes WireGuard begin a
 * handshake. It has no payload, and goes to the peer's address, port 9 (discard). */
#pragma once

#include <stdint.h>

#include "helper/device.h"
#include "helper/target.h"

struct failure;

struct probe {
    int fd;
    uint32_t address; /* of the other end, in host byte order */
};

/* Opens a socket in the target's namespace that sends by this device, or not at all. Returns 0, or
 * a negative errno. */
int probe_open(const struct target *target, const struct device *device, struct probe *ret_probe,
               struct failure *failure);

/* Sends one. Whether it went out isn't told: the handshake will tell. */
void probe_send(const struct probe *probe);

void probe_close(struct probe *probe);

/* A sign of life of the peer of a kernel's link, which costs some microseconds: its device's
 * counters, in /proc/PID/net/dev of its container's process, which any user may read. The kernel's
 * WireGuard counts there what the peer has sealed, and nothing else: handshakes, keepalives and
 * data (update_rx_stats(), drivers/net/wireguard/receive.c). An engine's device counts data alone,
 * so it has no pulse. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PULSE_DEVICE_SIZE = 16, /* IFNAMSIZ */
};

struct pulse {
    bool there; /* it can be felt */
    char device[PULSE_DEVICE_SIZE];
    uint64_t bytes, packets, errors;
    int64_t beat; /* clock_now(): it was felt last, or it began */
};

enum pulse_word {
    PULSE_NONE,  /* nothing is known: the device has gone, is another one, or drops packets */
    PULSE_STILL, /* since it was felt before, the peer has sent nothing that proves that it lives */
    PULSE_BEATS,
};

/* Begins, or goes on if it is there already, and the same device's. */
void pulse_begin(struct pulse *pulse, pid_t pid, const char *device);

/* Feels it. The caller makes sure that the process is still the container's. */
enum pulse_word pulse_feel(struct pulse *pulse, pid_t pid);

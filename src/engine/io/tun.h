/* The TUN device: frames of up to 64 KiB, each behind a virtio header (IFF_VNET_HDR) that says how
 * they are to be cut (split.h, merge.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "handover/handover.h"

enum {
    TUN_FRAME_MAX = HANDOVER_VNET_SIZE + 65535,
};

struct tun {
    int fd;
    bool tcp; /* takes, and gives, what is still to be cut */
    bool udp; /* since Linux 6.2 */
};

/* Takes a non-blocking descriptor; asks for all offloads there are. */
void tun_init(struct tun *tun, int fd);

/* Returns the length of the frame, virtio header included; 0 if there is none; -1 if the device has
 * gone. */
ssize_t tun_read(struct tun *tun, uint8_t *frame, size_t size);

/* Counts a packet of the peer's that was dropped, in the device's rx_frame_errors, where the
 * kernel's driver counts it (wg_packet_consume_data_done(), drivers/net/wireguard/receive.c). */
void tun_count_error(struct tun *tun);

/* Returns 0 or a negative errno. */
int tun_write(struct tun *tun, const struct iovec *iov, int count);

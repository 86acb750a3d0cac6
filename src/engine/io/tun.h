/* The TUN device: frames of up to 64 KiB. Each has a virtio header (IFF_VNET_HDR) that says how the
 * frame is to be cut into packets (split.h, merge.h). */
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
    bool tcp; /* the kernel gives and takes TCP frames that are still to be cut */
    bool udp; /* the same of UDP, since Linux 6.2 */
};

/* Takes a non-blocking descriptor; asks for all offloads there are. */
void tun_init(struct tun *tun, int fd);

/* Reads a frame. Returns its length, virtio header included; 0 if there is none; -1 if the device
 * has gone. */
ssize_t tun_read(struct tun *tun, uint8_t *frame, size_t size);

/* Counts a dropped packet of the peer's in the device's rx_frame_errors, as the kernel's driver
 * does (wg_packet_consume_data_done(), drivers/net/wireguard/receive.c). */
void tun_count_error(struct tun *tun);

/* Writes a frame: iov[0] is its virtio header. Returns 0 or a negative errno. */
int tun_write(struct tun *tun, const struct iovec *iov, int count);

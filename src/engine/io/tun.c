#include "engine/io/tun.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4 /* Linux 6.2; Debian 12's headers are older */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* Asks for the kernel's frames uncut, and offers to write such frames. IPv6 is asked for as well:
 * the kernel takes USO4 and USO6 only together (set_offload(), drivers/net/tun.c), and an IPv6
 * frame is refused at once where the kernel would have had to cut it first. */
void tun_init(struct tun *tun, int fd)
{
    const unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

    tun->fd = fd;
    tun->udp = ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0;
    tun->tcp = tun->udp || ioctl(fd, TUNSETOFFLOAD, tcp) == 0;
}

ssize_t tun_read(struct tun *tun, uint8_t *frame, size_t size)
{
    ssize_t length = read(tun->fd, frame, size);

    if (length >= 0)
        return length;
    return errno == EBADFD || errno == EBADF ? -1 : 0;
}

/* Writes a frame whose virtio header makes no sense, which the device refuses and counts
 * (tun_get_user(), drivers/net/tun.c); there is no other way to have it count. No kernel takes the
 * segment type 2, or a segment length of 0 (virtio_net_hdr_to_skb(), include/linux/virtio_net.h).
 */
void tun_count_error(struct tun *tun)
{
    struct virtio_net_hdr vnet = {.gso_type = 2};
    uint8_t packet[20] = {0};
    struct iovec iov[2] = {
        {.iov_base = &vnet, .iov_len = sizeof(vnet)},
        {.iov_base = packet, .iov_len = sizeof(packet)},
    };

    (void)tun_write(tun, iov, 2);
}

int tun_write(struct tun *tun, const struct iovec *iov, int count)
{
    return writev(tun->fd, iov, count) < 0 ? -errno : 0;
}

#include "engine/flow/tunnel.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "engine/crypto/aead.h"
#include "engine/io/clock.h"
#include "engine/packet/split.h"

/* The longest pause while there are keys: poll() doesn't count the time that the machine is
 * suspended, and the timers do. */
#define LOOK_AFTER (180 * SECONDS)

/* The kernel refuses a GSO frame that it had offered to take (EINVAL, by some 6.6 kernels for UDP).
 * Stops merging packets of that protocol, and writes the frame's packets one by one. */
static void write_cut(struct tunnel *tunnel, const struct iovec *iov, int count)
{
    struct split split;
    uint8_t *packet;
    size_t length = 0, packet_length;
    struct virtio_net_hdr header;

    memcpy(&header, iov[0].iov_base, sizeof(header));
    if (header.gso_type == SPLIT_VNET_UDP)
        tunnel->merge.udp = false;
    else
        tunnel->merge.tcp = false;
    for (int i = 0; i < count; i++) {
        memcpy(tunnel->frame + length, iov[i].iov_base, iov[i].iov_len);
        length += iov[i].iov_len;
    }
    if (!split_begin(&split, tunnel->frame, length))
        return;
    while (split_next(&split, &packet, &packet_length)) {
        uint8_t vnet[HANDOVER_VNET_SIZE] = {0};
        struct iovec whole[2] = {
            {.iov_base = vnet, .iov_len = sizeof(vnet)},
            {.iov_base = packet, .iov_len = packet_length},
        };

        (void)tun_write(&tunnel->tun, whole, 2);
    }
}

/* EBADFD says that the device has gone, and EINVAL that the frame is refused. Other errors say
 * nothing about the frame: EIO comes from a device that is down (tun_get_user(),
 * drivers/net/tun.c). */
static void write_frame(void *context, const struct iovec *iov, int count)
{
    struct tunnel *tunnel = context;
    int error = tun_write(&tunnel->tun, iov, count);

    if (error == -EBADFD || error == -EBADF)
        tunnel->device_gone = true;
    if (error == -EINVAL && count > 2)
        write_cut(tunnel, iov, count);
}

bool tunnel_init(struct tunnel *tunnel, int tun, int udp4, int udp6)
{
    memset(tunnel, 0, sizeof(*tunnel));
    tunnel->now = clock_nanoseconds();
    tunnel->noise = noise_new(NULL);
    tunnel->scratch = aead_new();
    if (!tunnel->noise || !tunnel->scratch || !sessions_init(&tunnel->sessions))
        return false;
    cookie_checker_init(&tunnel->checker, noise_public_key(tunnel->noise));
    timers_init(&tunnel->timers);
    udp_init(&tunnel->udp, udp4, udp6);
    tun_init(&tunnel->tun, tun);
    merge_init(&tunnel->merge, tunnel->tun.tcp, tunnel->tun.udp, write_frame, tunnel);
    return true;
}

void tunnel_end(struct tunnel *tunnel)
{
    noise_free(tunnel->noise);
    aead_free(tunnel->scratch);
    sessions_free(&tunnel->sessions);
    explicit_bzero(tunnel, sizeof(*tunnel));
}

static void zero_keys(struct tunnel *tunnel)
{
    noise_abandon(tunnel->noise);
    sessions_wipe(&tunnel->sessions);
}

/* Forgets all that was agreed with the peer, and all that was counted. */
static void forget_peer(struct tunnel *tunnel)
{
    zero_keys(tunnel);
    staging_clear(&tunnel->staging);
    timers_init(&tunnel->timers);
    tunnel_set_remote(tunnel, &(struct remote){0});
    tunnel->allowed_address = 0;
    tunnel->handshaken = 0;
    tunnel->from_elsewhere = false;
    tunnel->last_consumed = 0;
    tunnel->received_bytes = tunnel->sent_bytes = 0;
}

bool tunnel_set_peer(struct tunnel *tunnel, const struct key *peer)
{
    const struct key *old = noise_peer(tunnel->noise);

    if (old && key_equal(old, peer))
        return true;
    if (!noise_set_peer(tunnel->noise, peer))
        return false;
    forget_peer(tunnel);
    cookie_maker_init(&tunnel->maker, peer);
    return true;
}

void tunnel_set_remote(struct tunnel *tunnel, const struct remote *remote)
{
    struct remote next = *remote;

    if (!remote_equal(&tunnel->remote, &next))
        udp_forget_path(&tunnel->udp);
    if (remote_same_local(&next, &tunnel->udp.refused))
        remote_forget_local(&next);
    if (remote_device(&next) != 0 && !remote_same_local(&next, &tunnel->remote)) {
        tunnel->udp.ask = true;
        tunnel->udp.way = 0;
    }
    tunnel->remote = next;
}

/* Has datagrams tell by which device they leave, twice a second: nothing tells the engine that
 * routes have changed. */
static void watch_way(struct tunnel *tunnel)
{
    int64_t pause = tunnel->udp.waits ? SECONDS / 4 : SECONDS / 2;

    if (tunnel->now - tunnel->asked < pause)
        return;
    tunnel->asked = tunnel->now;
    tunnel->udp.ask = true;
}

void tunnel_run_timers(struct tunnel *tunnel)
{
    watch_way(tunnel);
    for (;;) {
        switch (timers_due(&tunnel->timers, tunnel->now)) {
        case ACTION_NONE:
            return;
        case ACTION_RETRY:
            remote_forget_local(&tunnel->remote);
            handshake_initiate(tunnel, true);
            break;
        case ACTION_INITIATE:
            remote_forget_local(&tunnel->remote);
            handshake_initiate(tunnel, false);
            break;
        case ACTION_GIVE_UP:
            staging_clear(&tunnel->staging);
            break;
        case ACTION_KEEPALIVE:
            outbound_keepalive(tunnel);
            break;
        case ACTION_ZERO_KEYS:
            zero_keys(tunnel);
            break;
        }
    }
}

int64_t tunnel_next(const struct tunnel *tunnel)
{
    int64_t next = timers_next(&tunnel->timers);
    bool keys = sessions_exist(&tunnel->sessions) || noise_state(tunnel->noise) != NOISE_NOTHING;

    if (keys && next > tunnel->now + LOOK_AFTER)
        next = tunnel->now + LOOK_AFTER;
    return next;
}

/* From the container to the peer: cuts the device's frames into packets, seals each packet in its
 * place in a batch of datagrams, and sends the batches. */
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "engine/crypto/aead.h"
#include "engine/flow/tunnel.h"
#include "engine/io/clock.h"
#include "engine/packet/packet.h"
#include "engine/packet/split.h"
#include "engine/packet/unreachable.h"

enum {
    /* After these the other direction has its turn. A frame may be cut into as many packets as it
     * has bytes. */
    FRAMES_A_RUN = 32,
    PACKETS_A_RUN = 2048,
    PADDING = 16,
};

/* The longest packet that a datagram can carry. A device's MTU may be more than that. */
enum { PACKET_MAX = UDP_PAYLOAD_MAX - sizeof(struct message_data) - AEAD_TAG_SIZE };

/* The packets of one frame, and of one run, share these. */
struct departure {
    struct session *session;
    unsigned int packets; /* that were sealed */
    bool data;
};

/* The kernel's driver pads up to the device's MTU (calculate_skb_padding(),
 * drivers/net/wireguard/send.c). A TUN descriptor doesn't tell the MTU, nor that root in the
 * container has lowered it. So the longest packet of this second and of the second before stands
 * for the MTU. */
static void renew_lengths(struct tunnel *tunnel)
{
    int64_t age = tunnel->now - tunnel->longest_since;

    if (age < SECONDS)
        return;
    tunnel->longest_before = age < 2 * SECONDS ? tunnel->longest : 0;
    tunnel->longest = 0;
    tunnel->longest_since = tunnel->now;
}

/* Returns a packet's length with its padding: a multiple of 16 (the paper, section 5.4.6), but no
 * more than the path is known to bear. */
static size_t padded(const struct tunnel *tunnel, size_t length)
{
    size_t longest =
        tunnel->longest > tunnel->longest_before ? tunnel->longest : tunnel->longest_before;
    size_t limit = longest > TUNNEL_PAD_TO ? longest : TUNNEL_PAD_TO;
    size_t full = (length + PADDING - 1) / PADDING * PADDING;

    if (full <= limit)
        return full;
    return length > limit ? length : limit;
}

/* Pads the packet in place, and restores the bytes behind its end, which are the next packet's
 * payload. */
static void seal(struct tunnel *tunnel, struct session *session, uint8_t *packet, size_t length,
                 uint8_t traffic_class)
{
    size_t full = padded(tunnel, length);
    size_t size = sizeof(struct message_data) + full + AEAD_TAG_SIZE;
    uint8_t behind[PADDING];
    uint8_t *place = udp_reserve(&tunnel->udp, &tunnel->remote, size, traffic_class);
    struct message_data header = {
        .type = htole32(MESSAGE_DATA),
        .receiver = htole32(session->remote),
        .counter = htole64(session->counter),
    };

    memcpy(place, &header, sizeof(header));
    memcpy(behind, packet + length, full - length);
    memset(packet + length, 0, full - length);
    aead_seal(session->send, session->counter++, packet, full, place + sizeof(header));
    memcpy(packet + length, behind, full - length);
    tunnel->sent_bytes += size;
}

static void seal_frame(struct tunnel *tunnel, struct departure *departure, size_t length)
{
    struct session *session = departure->session;
    struct split split;
    uint8_t *packet;
    size_t packet_length;

    renew_lengths(tunnel);
    if (!split_begin(&split, tunnel->frame, length))
        return;
    while (split_next(&split, &packet, &packet_length)) {
        struct packet parsed;

        if (packet_length > PACKET_MAX || session->counter >= REJECT_AFTER_MESSAGES ||
            !packet_parse(packet, packet_length, &parsed))
            continue;
        if (packet_length > tunnel->longest)
            tunnel->longest = packet_length;
        seal(tunnel, session, packet, packet_length, packet_outer_class(parsed.traffic_class));
        departure->packets++;
    }
}

/* Tells the container at once that its packet can't be sent. The ICMP error comes from the peer's
 * address: the container's kernel takes none from an address of its own (fib_validate_source()),
 * and a reverse-path filter drops one from an address that isn't routed to the link. */
static void refuse(struct tunnel *tunnel, const uint8_t *packet, size_t length)
{
    uint8_t vnet[HANDOVER_VNET_SIZE] = {0};
    uint8_t answer[UNREACHABLE_MAX];
    struct iovec iov[2] = {
        {.iov_base = vnet, .iov_len = sizeof(vnet)},
        {.iov_base = answer,
         .iov_len = unreachable_answer(packet, length, tunnel->allowed_address, answer)},
    };

    if (iov[1].iov_len > 0)
        (void)tun_write(&tunnel->tun, iov, 2);
}

/* Returns whether the peer is at this address (host byte order) and port (network byte order). */
static bool is_endpoint(const struct remote *remote, uint32_t address, uint16_t port)
{
    const struct sockaddr_in *v4 = &remote->address.v4;

    return v4->sin_family == AF_INET && v4->sin_port == port &&
           v4->sin_addr.s_addr == htobe32(address);
}

/* Returns whether a packet of the container's is one of this engine's own datagrams: the site
 * routes it to the container, and the container routes it into the link. Sealed again, it would go
 * round for ever. It is known by its source port; or, if NAT has changed that, by the session's
 * index in it. Fragments behind the first show neither; but the datagrams that they are sealed into
 * do, so that each round leaves fewer of them. */
static bool is_own(const struct tunnel *tunnel, const uint8_t *bytes, const struct packet *packet)
{
    struct packet_content content;
    struct packet_udp udp;
    struct message_data message = {0};
    const uint8_t *payload;
    size_t length;

    if (!packet_find_content(bytes, packet->length, &content) || content.protocol != IPPROTO_UDP ||
        content.packet_length - content.offset < sizeof(udp))
        return false;
    memcpy(&udp, bytes + content.offset, sizeof(udp));
    if (!is_endpoint(&tunnel->remote, packet->destination, udp.destination))
        return false;
    if (be16toh(udp.source) == udp_port(&tunnel->udp))
        return true;
    payload = bytes + content.offset + sizeof(udp);
    length = content.packet_length - content.offset - sizeof(udp);
    if (length < sizeof(message))
        return false;
    memcpy(&message, payload, sizeof(message));
    return le32toh(message.type) == MESSAGE_DATA && tunnel->sessions.current->there &&
           le32toh(message.receiver) == tunnel->sessions.current->remote;
}

/* Returns whether a frame of the container's is for the peer; answers it otherwise. */
static bool for_peer(struct tunnel *tunnel, size_t length)
{
    const uint8_t *packet = tunnel->frame + HANDOVER_VNET_SIZE;
    struct packet parsed;

    if (length <= HANDOVER_VNET_SIZE)
        return false;
    length -= HANDOVER_VNET_SIZE;
    if (packet_parse(packet, length, &parsed) && noise_peer(tunnel->noise) &&
        remote_known(&tunnel->remote) && tunnel->allowed_address &&
        parsed.destination == tunnel->allowed_address)
        return !is_own(tunnel, packet, &parsed);
    refuse(tunnel, packet, length);
    return false;
}

/* Begins a handshake if the session has served for long, so that another follows in time. */
static void keep_fresh(struct tunnel *tunnel, const struct session *session)
{
    if (session->counter >= REKEY_AFTER_MESSAGES ||
        (session->initiator && tunnel->now - session->birth >= REKEY_AFTER_TIME))
        handshake_initiate(tunnel, false);
}

static void finish(struct tunnel *tunnel, const struct departure *departure)
{
    udp_flush(&tunnel->udp, &tunnel->remote);
    if (!departure->session || departure->packets == 0)
        return;
    timers_authentic_sent(&tunnel->timers, tunnel->now);
    /* The timer is looked at first: jitter costs a system call. */
    if (departure->data && !tunnel->timers.at[TIMER_SILENCE])
        timers_data_sent(&tunnel->timers, tunnel->now, clock_jitter());
    keep_fresh(tunnel, departure->session);
}

static void depart(struct tunnel *tunnel, struct departure *departure, size_t length)
{
    if (!departure->session) {
        staging_add(&tunnel->staging, tunnel->frame, length);
        return;
    }
    seal_frame(tunnel, departure, length);
    departure->data = true;
}

bool outbound_run(struct tunnel *tunnel)
{
    struct departure departure = {
        .session = sessions_for_sending(&tunnel->sessions, tunnel->now),
    };
    bool staged = false;
    bool drained = false;
    int frames;

    for (frames = 0; frames < FRAMES_A_RUN && departure.packets < PACKETS_A_RUN; frames++) {
        ssize_t length = tun_read(&tunnel->tun, tunnel->frame, TUN_FRAME_MAX);

        if (length < 0)
            tunnel->device_gone = true;
        drained = length <= 0;
        if (drained)
            break;
        if (!for_peer(tunnel, (size_t)length))
            continue;
        depart(tunnel, &departure, (size_t)length);
        staged = staged || !departure.session;
    }
    finish(tunnel, &departure);
    if (staged)
        handshake_initiate(tunnel, false);
    return !drained;
}

bool outbound_send_staged(struct tunnel *tunnel)
{
    struct departure departure = {
        .session = sessions_for_sending(&tunnel->sessions, tunnel->now),
    };
    size_t length;

    if (!departure.session)
        return false;
    while ((length = staging_take(&tunnel->staging, tunnel->frame)) > 0)
        depart(tunnel, &departure, length);
    finish(tunnel, &departure);
    return departure.packets > 0;
}

void outbound_keepalive(struct tunnel *tunnel)
{
    struct departure departure = {
        .session = sessions_for_sending(&tunnel->sessions, tunnel->now),
        .packets = 1,
    };
    uint8_t nothing[PADDING];

    if (!departure.session) {
        handshake_initiate(tunnel, false);
        return;
    }
    seal(tunnel, departure.session, nothing, 0, 0);
    finish(tunnel, &departure);
}

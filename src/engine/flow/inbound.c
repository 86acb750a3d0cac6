/* From the peer to the container: opens datagrams where they lie, checks their packets, and gathers
 * these into few writes to the device. */
#include <endian.h>
#include <string.h>

#include "engine/crypto/aead.h"
#include "engine/flow/tunnel.h"
#include "engine/io/clock.h"
#include "engine/packet/packet.h"

enum {
    BATCHES_A_RUN = 8, /* before the other direction has its turn */
};

/* The sum of what one batch of datagrams has brought: so timers and the endpoint are touched once a
 * batch. */
struct arrival {
    struct session *session; /* of the last one that was authentic */
    bool authentic;
    bool confirmed; /* the next session */
    bool data;
};

/* Begins a handshake if this end was the initiator, its session is about to end, and data still
 * comes in (the paper, section 6.2). */
static void keep_fresh(struct tunnel *tunnel)
{
    const struct session *session = tunnel->sessions.current;

    if (!session->there || !session->initiator || tunnel->timers.last_minute ||
        tunnel->now - session->birth < REJECT_AFTER_TIME - 15 * SECONDS)
        return;
    tunnel->timers.last_minute = true;
    handshake_initiate(tunnel, false);
}

/* Delivers a packet of the peer's, if the peer may send it; counts it otherwise. */
static void deliver(struct tunnel *tunnel, uint8_t *bytes, size_t length, uint8_t outer_class)
{
    struct packet packet;

    tunnel->from_elsewhere = !packet_parse(bytes, length, &packet) || !tunnel->allowed_address ||
                             packet.source != tunnel->allowed_address;
    if (tunnel->from_elsewhere) {
        tun_count_error(&tunnel->tun);
        return;
    }
    /* A packet that can't bear the mark goes without it, as the kernel's driver has it. RFC 6040
     * says to drop such a packet. */
    (void)packet_take_ecn(bytes, packet.length, outer_class);
    merge_add(&tunnel->merge, bytes, packet.length);
}

/* Opens a data message, and notes in `arrival` what it has brought, if it is authentic. */
static void read_data(struct tunnel *tunnel, uint8_t *bytes, size_t length, uint8_t outer_class,
                      struct arrival *arrival)
{
    struct message_data header;
    struct session *session;
    uint8_t *sealed = bytes + sizeof(header);
    size_t sealed_length = length - sizeof(header);

    memcpy(&header, bytes, sizeof(header));
    session = arrival->session && arrival->session->local == le32toh(header.receiver)
                  ? arrival->session
                  : sessions_find(&tunnel->sessions, le32toh(header.receiver), tunnel->now);
    if (!session ||
        !aead_open(session->receive, le64toh(header.counter), sealed, sealed_length, sealed) ||
        !replay_accept(&session->replay, le64toh(header.counter)))
        return;
    arrival->authentic = true;
    arrival->session = session;
    tunnel->received_bytes += length;
    if (sessions_received(&tunnel->sessions, session)) {
        noise_abandon_initiation(tunnel->noise);
        handshake_complete(tunnel);
        arrival->confirmed = true;
    }
    if (sealed_length == AEAD_TAG_SIZE)
        return;
    arrival->data = true;
    deliver(tunnel, sealed, sealed_length - AEAD_TAG_SIZE, outer_class);
}

static bool is_data(const uint8_t *bytes, size_t length)
{
    uint32_t type;

    if (length < sizeof(struct message_data) + AEAD_TAG_SIZE)
        return false;
    memcpy(&type, bytes, sizeof(type));
    return le32toh(type) == MESSAGE_DATA;
}

static void read_batch(struct tunnel *tunnel, struct udp_received *received)
{
    struct arrival arrival = {0};
    size_t length;

    for (size_t at = 0; at < received->length; at += length) {
        uint8_t *bytes = received->bytes + at;

        length = received->length - at;
        if (length > received->segment)
            length = received->segment;
        if (is_data(bytes, length)) {
            read_data(tunnel, bytes, length, received->traffic_class, &arrival);
        } else {
            handshake_read(tunnel, bytes, length, &received->from);
            arrival.session = NULL;
        }
    }
    merge_flush(&tunnel->merge);
    if (!arrival.authentic)
        return;
    tunnel_set_remote(tunnel, &received->from);
    timers_authentic_received(&tunnel->timers, tunnel->now);
    if (arrival.data)
        timers_data_received(&tunnel->timers, tunnel->now);
    if (arrival.confirmed) /* what waits goes to where the peer is now */
        (void)outbound_send_staged(tunnel);
    keep_fresh(tunnel);
}

bool inbound_run(struct tunnel *tunnel, int fd)
{
    for (int batches = 0; batches < BATCHES_A_RUN; batches++) {
        struct udp_received received;

        if (!udp_receive(fd, tunnel->datagrams, sizeof(tunnel->datagrams), &received))
            return false;
        read_batch(tunnel, &received);
    }
    return true;
}

/* Messages 1 to 3: initiation, response and cookie (the paper, section 5.4;
 * drivers/net/wireguard/receive.c and send.c). */
#include <endian.h>
#include <string.h>

#include "engine/flow/tunnel.h"
#include "engine/io/clock.h"
#include "engine/io/random.h"

enum {
    CLASS_OF_HANDSHAKES = 0x88, /* DSCP AF41: goes before bulk data */
    INITIATIONS_PER_SECOND = 50,
};

static void send_message(struct tunnel *tunnel, const void *message, size_t length)
{
    udp_send(&tunnel->udp, &tunnel->remote, message, length, CLASS_OF_HANDSHAKES);
    tunnel->sent_bytes += length;
}

/* Writes a random index that no session and no handshake of this end has. */
static bool new_index(const struct tunnel *tunnel, uint32_t *ret_index)
{
    uint32_t index;

    do {
        if (random_bytes(&index, sizeof(index)))
            return false;
    } while (index == 0 || sessions_have(&tunnel->sessions, index) ||
             index == noise_local_index(tunnel->noise));
    *ret_index = index;
    return true;
}

void handshake_initiate(struct tunnel *tunnel, bool retry)
{
    struct message_initiation message;
    uint8_t timestamp[CLOCK_TIMESTAMP_SIZE];
    uint32_t index;

    if (!noise_peer(tunnel->noise) || !remote_known(&tunnel->remote) ||
        !timers_may_initiate(&tunnel->timers, retry, tunnel->now) || !new_index(tunnel, &index))
        return;
    clock_timestamp(&tunnel->last_timestamp, timestamp);
    if (!noise_make_initiation(tunnel->noise, index, timestamp, &message))
        return;
    cookie_add_macs(&tunnel->maker, (uint8_t *)&message, sizeof(message), tunnel->now);
    send_message(tunnel, &message, sizeof(message));
    timers_initiation_sent(&tunnel->timers, tunnel->now, clock_jitter());
}

void handshake_complete(struct tunnel *tunnel)
{
    timers_handshake_complete(&tunnel->timers);
    tunnel->handshaken = tunnel->now;
}

/* Makes a session of the keys that the handshake has agreed on. Each new session, every two minutes
 * at work, looks at the path anew. */
static bool begin_session(struct tunnel *tunnel)
{
    struct noise_keys keys;

    if (!noise_begin_session(tunnel->noise, &keys))
        return false;
    sessions_begin(&tunnel->sessions, &keys, tunnel->now);
    explicit_bzero(&keys, sizeof(keys));
    timers_session_derived(&tunnel->timers, tunnel->now);
    udp_forget_path(&tunnel->udp);
    return true;
}

static void respond(struct tunnel *tunnel)
{
    struct message_response message;
    uint32_t index;

    if (!new_index(tunnel, &index) || !noise_make_response(tunnel->noise, index, &message))
        return;
    cookie_add_macs(&tunnel->maker, (uint8_t *)&message, sizeof(message), tunnel->now);
    if (!begin_session(tunnel))
        return;
    send_message(tunnel, &message, sizeof(message));
    timers_response_sent(&tunnel->timers, tunnel->now);
}

static void note_authentic(struct tunnel *tunnel, size_t length, const struct remote *from)
{
    tunnel_set_remote(tunnel, from);
    tunnel->received_bytes += length;
}

/* Takes fifty initiations a second from the peer itself, as the kernel's driver does: somebody who
 * replays initiations that this end has not seen would keep it busy. */
static void read_initiation(struct tunnel *tunnel, const uint8_t *bytes, const struct remote *from)
{
    struct message_initiation message;

    memcpy(&message, bytes, sizeof(message));
    if (tunnel->last_consumed &&
        tunnel->now - tunnel->last_consumed < SECONDS / INITIATIONS_PER_SECOND)
        return;
    if (noise_read_initiation(tunnel->noise, &message) != NOISE_ACCEPTED)
        return;
    tunnel->last_consumed = tunnel->now;
    note_authentic(tunnel, sizeof(message), from);
    timers_initiation_received(&tunnel->timers);
    respond(tunnel);
}

/* Sends the first packet under the new session, which tells the responder that both ends have it.
 */
static void read_response(struct tunnel *tunnel, const uint8_t *bytes, const struct remote *from)
{
    struct message_response message;

    memcpy(&message, bytes, sizeof(message));
    if (noise_read_response(tunnel->noise, &message) != NOISE_ACCEPTED)
        return;
    note_authentic(tunnel, sizeof(message), from);
    timers_authentic_received(&tunnel->timers, tunnel->now);
    if (!begin_session(tunnel))
        return;
    handshake_complete(tunnel);
    if (!outbound_send_staged(tunnel))
        outbound_keepalive(tunnel);
}

static void read_cookie(struct tunnel *tunnel, const uint8_t *bytes)
{
    struct message_cookie message;
    uint32_t receiver;

    memcpy(&message, bytes, sizeof(message));
    receiver = le32toh(message.receiver);
    if (receiver == 0 || (receiver != noise_local_index(tunnel->noise) &&
                          !sessions_have(&tunnel->sessions, receiver)))
        return;
    (void)cookie_read_reply(&tunnel->maker, tunnel->scratch, &message, tunnel->now);
}

static void send_cookie(struct tunnel *tunnel, const uint8_t *bytes, size_t length,
                        struct remote *to, const uint8_t source[static REMOTE_SOURCE_SIZE])
{
    struct message_cookie reply;
    struct message_macs macs;
    uint8_t secret[32], nonce[24];
    uint32_t sender;

    if (random_bytes(secret, sizeof(secret)) || random_bytes(nonce, sizeof(nonce)))
        return;
    memcpy(&sender, bytes + offsetof(struct message_initiation, sender), sizeof(sender));
    memcpy(&macs, bytes + length - sizeof(macs), sizeof(macs));
    cookie_make_reply(&tunnel->checker, tunnel->scratch, &macs, le32toh(sender), source, secret,
                      nonce, tunnel->now, &reply);
    explicit_bzero(secret, sizeof(secret));
    udp_reply(&tunnel->udp, to, &reply, sizeof(reply), CLASS_OF_HANDSHAKES);
}

/* Returns whether a handshake message deserves the work. Under load, only a sender who has proved
 * its address by a cookie is heard, and not too often; others are sent a cookie for next time. */
static bool admit(struct tunnel *tunnel, const uint8_t *bytes, size_t length, struct remote *from)
{
    uint8_t source[REMOTE_SOURCE_SIZE], peer[REMOTE_SOURCE_SIZE];
    enum cookie_verdict verdict;

    remote_to_source(from, source);
    remote_to_source(&tunnel->remote, peer); /* one that nobody has, if it isn't known */
    verdict = cookie_check(&tunnel->checker, bytes, length, false, source, tunnel->now);
    if (verdict == COOKIE_INVALID_MAC)
        return false;
    if (!ratelimit_note(&tunnel->ratelimit, tunnel->now))
        return true;
    verdict = cookie_check(&tunnel->checker, bytes, length, true, source, tunnel->now);
    if (verdict == COOKIE_VALID_MAC_COOKIE)
        return ratelimit_allow(&tunnel->ratelimit, source, peer, tunnel->now);
    send_cookie(tunnel, bytes, length, from, source);
    return false;
}

void handshake_read(struct tunnel *tunnel, const uint8_t *bytes, size_t length, struct remote *from)
{
    uint32_t type;

    if (length < sizeof(type))
        return;
    memcpy(&type, bytes, sizeof(type));
    type = le32toh(type);
    if (type == MESSAGE_COOKIE && length == sizeof(struct message_cookie))
        read_cookie(tunnel, bytes);
    else if (type == MESSAGE_INITIATION && length == sizeof(struct message_initiation) &&
             admit(tunnel, bytes, length, from))
        read_initiation(tunnel, bytes, from);
    else if (type == MESSAGE_RESPONSE && length == sizeof(struct message_response) &&
             admit(tunnel, bytes, length, from))
        read_response(tunnel, bytes, from);
}

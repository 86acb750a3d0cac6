#include "engine/control/configuration.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/control/request.h"
#include "engine/flow/tunnel.h"
#include "link/address.h"
#include "link/endpoint.h"

enum { NANOSECONDS_PER_MILLISECOND = 1000 * 1000 };

/* An answer as it grows. There is room for the longest one, which has less than 2 KiB; a line that
 * doesn't fit would be left out. */
struct answer {
    char *text;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct answer *answer, const char *format,
                                                      ...)
{
    size_t room = CONFIGURATION_MAX - answer->used;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(answer->text + answer->used, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < room)
        answer->used += (size_t)length;
}

static void add_key(struct answer *answer, const char *name, const struct key *key)
{
    char hex[KEY_HEX_LENGTH + 1];

    key_to_hex(key, hex);
    add(answer, "%s=%s\n", name, hex);
}

/* Adds the age of an event, unless the event has never been (`at` is 0). */
static void add_age(struct answer *answer, const char *name, int64_t at, int64_t now)
{
    if (at)
        add(answer, "%s=%lld\n", name, (long long)(now - at) / NANOSECONDS_PER_MILLISECOND);
}

static void add_peer(struct answer *answer, const struct tunnel *tunnel, const struct key *peer)
{
    add_key(answer, "public_key", peer);
    if (noise_has_preshared_key(tunnel->noise))
        add(answer, "has_preshared_key=true\n");
    add(answer, "protocol_version=1\n");
    if (remote_known(&tunnel->remote)) {
        struct endpoint endpoint = remote_to_endpoint(&tunnel->remote);
        char text[ENDPOINT_TEXT_SIZE];

        endpoint_to_text(&endpoint, text);
        add(answer, "endpoint=%s\n", text);
    }
    add_age(answer, "last_handshake_age_ms", tunnel->handshaken, tunnel->now);
    add_age(answer, "last_received_age_ms", tunnel->timers.heard, tunnel->now);
    add_age(answer, "unanswered_age_ms", tunnel->timers.asked, tunnel->now);
    if (tunnel->from_elsewhere)
        add(answer, "from_elsewhere=true\n");
    add(answer, "tx_bytes=%llu\nrx_bytes=%llu\n", (unsigned long long)tunnel->sent_bytes,
        (unsigned long long)tunnel->received_bytes);
    add(answer, "persistent_keepalive_interval=%u\n", tunnel->timers.persistent);
    if (tunnel->allowed_address) {
        char address[ADDRESS_TEXT_SIZE];

        address_ipv4_to_text(tunnel->allowed_address, address);
        add(answer, "allowed_ip=%s/32\n", address);
    }
}

static void get(struct answer *answer, const struct tunnel *tunnel)
{
    const struct key *peer = noise_peer(tunnel->noise);

    add_key(answer, "own_public_key", noise_public_key(tunnel->noise));
    add(answer, "listen_port=%u\n", udp_port(&tunnel->udp));
    if (peer)
        add_peer(answer, tunnel, peer);
}

static void apply(struct tunnel *tunnel, const struct engine_request *request)
{
    if (request->has_preshared_key)
        noise_set_preshared_key(tunnel->noise, &request->preshared_key);
    if (remote_known(&request->endpoint))
        tunnel_set_remote(tunnel, &request->endpoint);
    tunnel->longest = tunnel->longest_before = 0; /* the helper has set the MTU before */
    if (request->has_allowed)
        tunnel->allowed_address = request->allowed_address;
    if (request->has_persistent_keepalive)
        timers_set_persistent(&tunnel->timers, request->persistent_keepalive, tunnel->now);
}

static int set(struct tunnel *tunnel, const struct engine_request *request)
{
    if (key_equal(&request->peer, noise_public_key(tunnel->noise)))
        return -EADDRINUSE;
    if (!tunnel_set_peer(tunnel, &request->peer))
        return -EINVAL;
    apply(tunnel, request);
    return 0;
}

size_t configuration_answer(struct tunnel *tunnel, const char *request, size_t length,
                            char ret_answer[static CONFIGURATION_MAX])
{
    struct answer answer = {.text = ret_answer};
    struct engine_request parsed = {0};
    int error = request_parse(request, length, &parsed);

    if (!error && parsed.get)
        get(&answer, tunnel);
    else if (!error)
        error = set(tunnel, &parsed);
    explicit_bzero(&parsed, sizeof(parsed));
    add(&answer, "errno=%d\n\n", -error);
    return answer.used;
}

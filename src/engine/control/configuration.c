#include "engine/control/configuration.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/control/request.h"
#include "engine/flow/tunnel.h"

enum { NANOSECONDS_PER_MILLISECOND = 1000 * 1000 };

/* An answer as it grows. What doesn't fit is left out, and can't happen: the longest has 2 KiB. */
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
    add(answer, "%s=", name);
    for (int i = 0; i < KEY_SIZE; i++)
        add(answer, "%02x", key->bytes[i]);
    add(answer, "\n");
}

/* How long ago something was, unless it never was. */
static void add_age(struct answer *answer, const char *name, int64_t at, int64_t now)
{
    if (at)
        add(answer, "%s=%lld\n", name, (long long)(now - at) / NANOSECONDS_PER_MILLISECOND);
}

static void add_peer(struct answer *answer, const struct tunnel *tunnel)
{
    add_key(answer, "public_key", noise_peer(tunnel->noise));
    if (noise_has_preshared_key(tunnel->noise))
        add(answer, "has_preshared_key=true\n");
    add(answer, "protocol_version=1\n");
    if (remote_known(&tunnel->remote)) {
        char text[REMOTE_TEXT_SIZE];

        remote_to_text(&tunnel->remote, text);
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
    for (unsigned int i = 0; i < tunnel->allowed.count; i++) {
        char network[ALLOWED_TEXT_SIZE];

        allowed_to_text(&tunnel->allowed.network[i], network);
        add(answer, "allowed_ip=%s\n", network);
    }
}

static void get(struct answer *answer, const struct tunnel *tunnel)
{
    add_key(answer, "own_public_key", noise_public_key(tunnel->noise));
    add(answer, "listen_port=%u\n", udp_port(&tunnel->udp));
    if (noise_has_peer(tunnel->noise))
        add_peer(answer, tunnel);
}

/* Whether all of a request's allowed IPs have room, so that all of it can be done. */
static bool has_room(const struct tunnel *tunnel, const struct request *request, bool same)
{
    struct allowed allowed = tunnel->allowed;

    if (!same || request->replace_allowed)
        return true;
    for (unsigned int i = 0; i < request->allowed.count; i++) {
        if (!allowed_add(&allowed, &request->allowed.network[i]))
            return false;
    }
    return true;
}

static void apply(struct tunnel *tunnel, const struct request *request)
{
    if (request->has_preshared_key)
        noise_set_preshared_key(tunnel->noise, &request->preshared_key);
    if (request->has_endpoint)
        tunnel_set_remote(tunnel, &request->endpoint);
    tunnel_forget_lengths(tunnel); /* the helper has set the MTU before */
    if (request->replace_allowed)
        tunnel->allowed.count = 0;
    for (unsigned int i = 0; i < request->allowed.count; i++)
        (void)allowed_add(&tunnel->allowed, &request->allowed.network[i]);
    if (request->has_persistent_keepalive)
        tunnel_set_persistent_keepalive(tunnel, request->persistent_keepalive);
}

static int set(struct tunnel *tunnel, const struct request *request)
{
    bool same = request->has_peer && noise_has_peer(tunnel->noise) &&
                key_equal(noise_peer(tunnel->noise), &request->peer);

    if (request->has_peer && key_equal(&request->peer, noise_public_key(tunnel->noise)))
        return -EADDRINUSE;
    if (!request->has_peer || request->remove || (request->update_only && !same)) {
        if (request->replace_peers || (request->remove && same))
            tunnel_remove_peer(tunnel);
        return 0;
    }
    if (!has_room(tunnel, request, same))
        return -ENOSPC;
    if (!tunnel_set_peer(tunnel, &request->peer))
        return -EINVAL;
    apply(tunnel, request);
    return 0;
}

size_t configuration_answer(struct tunnel *tunnel, const char *request, size_t length,
                            char ret_answer[static CONFIGURATION_MAX])
{
    struct answer answer = {.text = ret_answer};
    struct request parsed = {0};
    int error = request_parse(request, length, &parsed);

    if (!error && parsed.get)
        get(&answer, tunnel);
    else if (!error)
        error = set(tunnel, &parsed);
    explicit_bzero(&parsed, sizeof(parsed));
    add(&answer, "errno=%d\n\n", -error);
    return answer.used;
}

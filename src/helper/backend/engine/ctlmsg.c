#include "helper/backend/engine/ctlmsg.h"

#include <stdarg.h>
#include <stdio.h>

#include "handover/handover.h"
#include "link/address.h"

/* A growing request. */
struct writer {
    char *text;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct writer *writer, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    writer->length += (size_t)vsnprintf(writer->text + writer->length, CTLMSG_SIZE - writer->length,
                                        format, arguments);
    va_end(arguments);
}

static void add_key(struct writer *writer, const char *name, const struct key *key)
{
    add(writer, "%s=", name);
    key_to_hex(key, writer->text + writer->length);
    writer->length += KEY_HEX_LENGTH;
    add(writer, "\n");
}

size_t ctlmsg_set_peer(char ret_text[static CTLMSG_SIZE], const struct peer *peer)
{
    struct writer writer = {.text = ret_text};
    char allowed[ADDRESS_TEXT_SIZE];

    add(&writer, HANDOVER_SET);
    add_key(&writer, "public_key", &peer->public_key);
    if (peer->preshared_key)
        add_key(&writer, "preshared_key", peer->preshared_key);
    if (peer->endpoint.port) {
        char endpoint[ENDPOINT_TEXT_SIZE];

        endpoint_to_text(&peer->endpoint, endpoint);
        add(&writer, "endpoint=%s\n", endpoint);
    }
    if (peer->keepalive != PEER_KEEPALIVE_KEPT)
        add(&writer, "persistent_keepalive_interval=%d\n", peer->keepalive);
    address_ipv4_to_text(peer->allowed_address, allowed);
    add(&writer, "replace_allowed_ips=true\nallowed_ip=%s/32\n\n", allowed);
    return writer.length;
}

#include "helper/backend/engine/ctlmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "handover/handover.h"
#include "link/address.h"
#include "link/decimal.h"

enum {
    ERRNO_MAX = 4095, /* MAX_ERRNO, include/linux/err.h */
};

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

/* The rest of the text, still to be read. */
struct rest {
    const char *next;
    size_t length;
};

/* Reads past `text`, if it comes next. */
static bool take(struct rest *rest, const char *text)
{
    size_t length = strlen(text);

    if (rest->length < length || memcmp(rest->next, text, length) != 0)
        return false;
    rest->next += length;
    rest->length -= length;
    return true;
}

/* Reads a decimal number up to `max`, without leading zeros, and the newline behind it. */
static bool take_number(struct rest *rest, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t digits = 0;

    for (; digits < rest->length; digits++) {
        unsigned int digit = (unsigned int)(unsigned char)rest->next[digits] - '0';

        if (digit > 9)
            break;
        if ((digits > 0 && number == 0) || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (digits == 0)
        return false;
    rest->next += digits;
    rest->length -= digits;
    *ret_number = number;
    return take(rest, "\n");
}

static bool take_key(struct rest *rest, struct key *ret_key)
{
    if (rest->length < KEY_HEX_LENGTH || key_from_hex(rest->next, ret_key))
        return false;
    rest->next += KEY_HEX_LENGTH;
    rest->length -= KEY_HEX_LENGTH;
    return take(rest, "\n");
}

/* Reads up to the next newline, and past it. */
static bool take_line(struct rest *rest, size_t size, char *ret_line)
{
    const char *end = memchr(rest->next, '\n', rest->length);
    size_t length = end ? (size_t)(end - rest->next) : size;

    if (length >= size || memchr(rest->next, '\0', length))
        return false;
    memcpy(ret_line, rest->next, length);
    ret_line[length] = '\0';
    rest->next += length + 1;
    rest->length -= length + 1;
    return true;
}

/* Reads an address in the one spelling that an engine uses. An engine may have found an address
 * that no caller may give: link-local, or of any other kind. */
static bool read_address(const char *text, bool ipv6, uint8_t ret_address[static 16])
{
    int family = ipv6 ? AF_INET6 : AF_INET;
    char again[INET6_ADDRSTRLEN];

    return inet_pton(family, text, ret_address) == 1 &&
           inet_ntop(family, ret_address, again, sizeof(again)) && strcmp(text, again) == 0;
}

/* Reads "a.b.c.d:port" or "[IPv6]:port". */
static bool take_endpoint(struct rest *rest, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint = {.port = 0};
    char line[ENDPOINT_TEXT_SIZE];
    uint8_t address[16];
    char *text = line, *colon;
    uint32_t port;

    if (!take_line(rest, sizeof(line), line))
        return false;
    colon = strrchr(line, ':');
    if (!colon || decimal_parse(colon + 1, UINT16_MAX, &port))
        return false;
    *colon = '\0';
    if (line[0] == '[' && colon[-1] == ']') {
        endpoint.ipv6 = true;
        text = line + 1;
        colon[-1] = '\0';
    }
    if (!read_address(text, endpoint.ipv6, address))
        return false;
    if (endpoint.ipv6)
        memcpy(endpoint.address6, address, sizeof(endpoint.address6));
    else
        endpoint.address = (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 |
                           (uint32_t)address[2] << 8 | address[3];
    endpoint.port = (uint16_t)port;
    if (port != 0) /* the peer may send from port 0, but can't be reached there */
        *ret_endpoint = endpoint;
    return true;
}

/* Reads "a.b.c.d/n" or "IPv6/n". */
static bool take_allowed(struct rest *rest, struct link_status *status)
{
    char line[NETWORK_TEXT_SIZE];

    return status->allowed_count < STATUS_ALLOWED_MAX && take_line(rest, sizeof(line), line) &&
           network_parse(line, &status->allowed[status->allowed_count++]) == NETWORK_GOOD;
}

/* Reads an age. Its line is missing if there was no such event. */
static bool take_age(struct rest *rest, const char *name, bool *ret_there, int64_t *ret_age)
{
    uint64_t age;

    *ret_there = take(rest, name);
    if (!*ret_there)
        return true;
    if (!take_number(rest, INT64_MAX, &age))
        return false;
    *ret_age = (int64_t)age;
    return true;
}

static bool take_ages(struct rest *rest, struct link_status *status)
{
    if (!take_age(rest, "last_handshake_age_ms=", &status->has_handshake,
                  &status->handshake_age_ms) ||
        !take_age(rest, "last_received_age_ms=", &status->has_received, &status->received_age_ms) ||
        !take_age(rest, "unanswered_age_ms=", &status->has_unanswered, &status->unanswered_age_ms))
        return false;
    status->from_elsewhere = take(rest, "from_elsewhere=true\n");
    return true;
}

static bool take_counters(struct rest *rest, struct link_status *status)
{
    return take(rest, "tx_bytes=") && take_number(rest, UINT64_MAX, &status->wire_sent_bytes) &&
           take(rest, "rx_bytes=") && take_number(rest, UINT64_MAX, &status->wire_received_bytes);
}

static bool take_peer(struct rest *rest, struct link_status *status)
{
    uint64_t keepalive;

    if (!take_key(rest, &status->peer_key))
        return false;
    status->peers = 1;
    status->has_preshared_key = take(rest, "has_preshared_key=true\n");
    if (!take(rest, "protocol_version=1\n") ||
        (take(rest, "endpoint=") && !take_endpoint(rest, &status->endpoint)) ||
        !take_ages(rest, status) || !take_counters(rest, status) ||
        !take(rest, "persistent_keepalive_interval=") || !take_number(rest, UINT16_MAX, &keepalive))
        return false;
    status->keepalive = (uint16_t)keepalive;
    while (take(rest, "allowed_ip=")) {
        if (!take_allowed(rest, status))
            return false;
    }
    return true;
}

int ctlmsg_parse_errno(const char *text, size_t length)
{
    struct rest rest = {.next = text, .length = length};
    uint64_t number;

    if (!take(&rest, "errno=") || !take_number(&rest, ERRNO_MAX, &number) || !take(&rest, "\n") ||
        rest.length != 0)
        return -EPROTO;
    return -(int)number;
}

int ctlmsg_parse(const char *text, size_t length, struct link_status *ret_status)
{
    struct rest rest = {.next = text, .length = length};
    struct link_status status = {.has_key = true};
    uint64_t port;

    if (!take(&rest, "own_public_key=") || !take_key(&rest, &status.public_key) ||
        !take(&rest, "listen_port=") || !take_number(&rest, UINT16_MAX, &port) ||
        (take(&rest, "public_key=") && !take_peer(&rest, &status)) || !take(&rest, "errno=0\n\n") ||
        rest.length != 0)
        return -EBADMSG;
    status.port = (uint16_t)port;
    *ret_status = status;
    return 0;
}

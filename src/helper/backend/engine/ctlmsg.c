#include "helper/backend/engine/ctlmsg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "link/decimal.h"

enum {
    ERRNO_MAX = 4095, /* MAX_ERRNO, include/linux/err.h */
    ERRNO_DIGITS = 4,
    KEY_HEX = 2 * KEY_SIZE,
};

/* Without a look-up or a branch, since it may be of a key. */
static char digit_of(unsigned int nibble)
{
    return (char)('0' + nibble + ((9 - nibble) >> 8 & ('a' - '0' - 10)));
}

static void to_hex(const uint8_t *bytes, size_t size, char *ret_hex)
{
    for (size_t i = 0; i < size; i++) {
        ret_hex[2 * i] = digit_of(bytes[i] >> 4);
        ret_hex[2 * i + 1] = digit_of(bytes[i] & 15);
    }
    ret_hex[2 * size] = '\0';
}

/* A request as it grows. */
struct request {
    char *text;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct request *request, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    request->length += (size_t)vsnprintf(request->text + request->length,
                                         CTLMSG_SIZE - request->length, format, arguments);
    va_end(arguments);
}

static void add_key(struct request *request, const char *name, const struct key *key)
{
    add(request, "%s=", name);
    to_hex(key->bytes, KEY_SIZE, request->text + request->length);
    request->length += KEY_HEX;
    add(request, "\n");
}

size_t ctlmsg_set_peer(char ret_text[static CTLMSG_SIZE], const struct peer *peer)
{
    struct request request = {.text = ret_text};
    uint32_t allowed = peer->allowed_address;

    add(&request, "set=1\n");
    add_key(&request, "public_key", &peer->public_key);
    if (peer->preshared_key)
        add_key(&request, "preshared_key", peer->preshared_key);
    if (peer->endpoint.port) {
        char endpoint[ENDPOINT_TEXT_SIZE];

        endpoint_to_text(&peer->endpoint, endpoint);
        add(&request, "endpoint=%s\n", endpoint);
    }
    if (peer->keepalive != PEER_KEEPALIVE_KEPT)
        add(&request, "persistent_keepalive_interval=%d\n", peer->keepalive);
    add(&request, "replace_allowed_ips=true\nallowed_ip=%u.%u.%u.%u/32\n\n", allowed >> 24,
        allowed >> 16 & 255, allowed >> 8 & 255, allowed & 255);
    return request.length;
}

int ctlmsg_answer_parse(const char *text, size_t length)
{
    static const char start[] = "errno=", end[] = "\n\n";
    const size_t start_length = sizeof(start) - 1, end_length = sizeof(end) - 1;
    char number[ERRNO_DIGITS + 1] = {0};
    size_t digits;
    uint32_t value;

    if (length < start_length + end_length || length > start_length + ERRNO_DIGITS + end_length ||
        memcmp(text, start, start_length) != 0 ||
        memcmp(text + length - end_length, end, end_length) != 0)
        return -EPROTO;
    digits = length - start_length - end_length;
    memcpy(number, text + start_length, digits);
    if (strlen(number) != digits || decimal_parse(number, ERRNO_MAX, &value))
        return -EPROTO;
    return -(int)value;
}

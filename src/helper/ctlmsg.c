#include "helper/ctlmsg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "link/decimal.h"

enum {
    PID_MAX = 4194304, /* PID_MAX_LIMIT, include/linux/threads.h */
    PID_DIGITS = 7,
    KEY_HEX = 2 * KEY_SIZE,
    TOKEN_HEX = 2 * CTLMSG_TOKEN_SIZE,
    PLACE_HEX = 2 * CTLMSG_PLACE_SIZE,
};

static const char digits[] = "0123456789abcdef";
static const char alias_start[] = "net-admin-helper: engine, process ";
static const char alias_middle[] = ", ";
static const char name_start[] = "cwg-engine-";

_Static_assert(sizeof(alias_start) + PID_DIGITS + sizeof(alias_middle) - 1 + TOKEN_HEX <=
                   CTLMSG_ALIAS_SIZE,
               "an alias is cut off");
_Static_assert(sizeof(name_start) + PLACE_HEX == CTLMSG_NAME_SIZE, "a name is cut off");

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

/* Reads as many digits as make `size` bytes; stops at the first character that is none. */
static int from_hex(const char *hex, size_t size, uint8_t *ret_bytes)
{
    for (size_t i = 0; i < 2 * size; i++) {
        const char *digit = hex[i] ? strchr(digits, hex[i]) : NULL;

        if (!digit)
            return -EBADMSG;
        ret_bytes[i / 2] = (uint8_t)(ret_bytes[i / 2] << 4 | (digit - digits));
    }
    return 0;
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

void ctlmsg_alias(const struct ctlmsg_engine *engine, char ret_alias[static CTLMSG_ALIAS_SIZE])
{
    char token[TOKEN_HEX + 1];

    to_hex(engine->token, CTLMSG_TOKEN_SIZE, token);
    (void)snprintf(ret_alias, CTLMSG_ALIAS_SIZE, "%s%d%s%s", alias_start, engine->process,
                   alias_middle, token);
}

int ctlmsg_alias_parse(const char *alias, struct ctlmsg_engine *ret_engine)
{
    const char *number = alias + sizeof(alias_start) - 1;
    struct ctlmsg_engine engine = {0};
    char process[PID_DIGITS + 1] = {0};
    const char *token;
    uint32_t value;
    size_t length;

    if (strncmp(alias, alias_start, sizeof(alias_start) - 1) != 0)
        return -EBADMSG;
    length = strcspn(number, alias_middle);
    token = number + length + sizeof(alias_middle) - 1;
    if (length > PID_DIGITS ||
        strncmp(number + length, alias_middle, sizeof(alias_middle) - 1) != 0)
        return -EBADMSG;
    memcpy(process, number, length);
    if (decimal_parse(process, PID_MAX, &value) || value == 0 ||
        from_hex(token, CTLMSG_TOKEN_SIZE, engine.token) || token[TOKEN_HEX] != '\0')
        return -EBADMSG;
    engine.process = (int)value;
    *ret_engine = engine;
    return 0;
}

void ctlmsg_place(const struct ctlmsg_engine *engine, uint64_t inode,
                  uint8_t ret_place[static CTLMSG_PLACE_SIZE])
{
    const size_t start = CTLMSG_PLACE_SIZE - CTLMSG_TOKEN_SIZE;

    for (size_t i = 0; i < start; i++)
        ret_place[i] = (uint8_t)(inode >> (8 * (start - 1 - i)));
    memcpy(ret_place + start, engine->token, CTLMSG_TOKEN_SIZE);
}

void ctlmsg_name(const uint8_t place[static CTLMSG_PLACE_SIZE],
                 char ret_name[static CTLMSG_NAME_SIZE])
{
    const size_t start = sizeof(name_start) - 1;

    memcpy(ret_name, name_start, start);
    to_hex(place, CTLMSG_PLACE_SIZE, ret_name + start);
}

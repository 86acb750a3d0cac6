#include "helper/ctlmsg.h"

#include <errno.h>
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

static void to_hex(const uint8_t *bytes, size_t size, char *ret_hex)
{
    for (size_t i = 0; i < size; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
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

size_t ctlmsg_set_peer(char ret_text[static CTLMSG_SIZE], const struct ctlmsg_peer *peer)
{
    uint32_t at = peer->endpoint.address;
    uint32_t allowed = peer->allowed_address;
    char key[KEY_HEX + 1];

    to_hex(peer->public_key.bytes, KEY_SIZE, key);
    return (size_t)snprintf(ret_text, CTLMSG_SIZE,
                            "set=1\npublic_key=%s\nreplace_allowed_ips=true\n"
                            "endpoint=%u.%u.%u.%u:%u\nallowed_ip=%u.%u.%u.%u/32\n\n",
                            key, at >> 24, at >> 16 & 255, at >> 8 & 255, at & 255,
                            peer->endpoint.port, allowed >> 24, allowed >> 16 & 255,
                            allowed >> 8 & 255, allowed & 255);
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

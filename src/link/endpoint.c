#include "link/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "link/decimal.h"

enum {
    PORT_MAX = 65535,
    TEXT_SIZE = 64, /* more than the longest, with a zone */
};

/* Cuts off the part of *text before `separator` and reads it as a number up to `max`. */
static int take_number(char **text, char separator, uint32_t max, uint32_t *ret_value)
{
    char *part = *text;
    char *end = separator ? strchr(part, separator) : part + strlen(part);

    if (!end)
        return -1;
    *text = separator ? end + 1 : end;
    *end = '\0';
    return decimal_parse(part, max, ret_value);
}

/* A copy to be cut up, if there is room for it. */
static bool copy_text(const char *text, char ret_copy[static TEXT_SIZE])
{
    size_t length = strlen(text);

    if (length >= TEXT_SIZE)
        return false;
    memcpy(ret_copy, text, length + 1);
    return true;
}

enum endpoint_flaw endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
    static const char separators[] = {'.', '.', '.', ':'};
    char copy[TEXT_SIZE];
    char *next = copy;
    uint32_t address = 0;
    uint32_t port;

    if (!copy_text(text, copy))
        return ENDPOINT_MALFORMED;
    for (int i = 0; i < 4; i++) {
        uint32_t octet;

        if (take_number(&next, separators[i], 255, &octet))
            return ENDPOINT_MALFORMED;
        address = address << 8 | octet;
    }
    if (take_number(&next, '\0', PORT_MAX, &port) || port == 0)
        return ENDPOINT_MALFORMED;
    if (address >> 24 == 0 || address >> 28 == 14 || address == UINT32_MAX)
        return ENDPOINT_NO_PEER;
    *ret_endpoint = (struct endpoint){.address = address, .port = (uint16_t)port};
    return ENDPOINT_GOOD;
}

static enum endpoint_flaw judge_ipv6(const uint8_t address[static 16])
{
    static const uint8_t unspecified[16], mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(address, unspecified, sizeof(unspecified)) == 0 || address[0] == 0xff)
        return ENDPOINT_NO_PEER;
    if (memcmp(address, mapped, sizeof(mapped)) == 0)
        return ENDPOINT_MAPPED;
    if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
        return ENDPOINT_LINK_LOCAL;
    return ENDPOINT_GOOD;
}

enum endpoint_flaw endpoint_parse_ipv6(const char *text, struct endpoint *ret_endpoint)
{
    static const char alphabet[] = "0123456789abcdefABCDEF:";
    struct endpoint endpoint = {.ipv6 = true};
    char copy[TEXT_SIZE];
    char *address = copy + 1;
    char *end;
    char *zone;
    enum endpoint_flaw flaw;
    uint32_t port;

    if (text[0] != '[' || !copy_text(text, copy))
        return ENDPOINT_MALFORMED;
    end = strstr(address, "]:");
    if (!end || decimal_parse(end + 2, PORT_MAX, &port) || port == 0)
        return ENDPOINT_MALFORMED;
    *end = '\0';
    zone = strchr(address, '%');
    if (zone)
        *zone = '\0';
    if (strspn(address, alphabet) != strlen(address) ||
        inet_pton(AF_INET6, address, endpoint.address6) != 1)
        return ENDPOINT_MALFORMED;
    flaw = zone ? ENDPOINT_LINK_LOCAL : judge_ipv6(endpoint.address6);
    if (flaw)
        return flaw;
    endpoint.port = (uint16_t)port;
    *ret_endpoint = endpoint;
    return ENDPOINT_GOOD;
}

void endpoint_to_text(const struct endpoint *endpoint, char ret_text[static ENDPOINT_TEXT_SIZE])
{
    uint32_t address = endpoint->address;

    if (endpoint->ipv6) {
        char address6[INET6_ADDRSTRLEN];

        (void)inet_ntop(AF_INET6, endpoint->address6, address6, sizeof(address6));
        (void)snprintf(ret_text, ENDPOINT_TEXT_SIZE, "[%s]:%u", address6, endpoint->port);
    } else {
        (void)snprintf(ret_text, ENDPOINT_TEXT_SIZE, "%u.%u.%u.%u:%u", address >> 24,
                       address >> 16 & 255, address >> 8 & 255, address & 255, endpoint->port);
    }
}

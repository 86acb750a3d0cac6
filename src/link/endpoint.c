#include "link/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "link/address.h"
#include "link/decimal.h"

enum {
    PORT_MAX = 65535,
    TEXT_SIZE = 64, /* more than the longest, with a zone */
};

/* Copies a text, to be cut up. Returns false if it is too long. */
static bool copy_text(const char *text, char ret_copy[static TEXT_SIZE])
{
    size_t length = strlen(text);

    if (length >= TEXT_SIZE)
        return false;
    memcpy(ret_copy, text, length + 1);
    return true;
}

static enum endpoint_flaw parse_ipv4(const char *text, struct endpoint *ret_endpoint)
{
    char copy[TEXT_SIZE];
    char *colon;
    uint32_t address;
    uint32_t port;

    if (!copy_text(text, copy))
        return ENDPOINT_MALFORMED;
    colon = strchr(copy, ':');
    if (!colon)
        return ENDPOINT_MALFORMED;
    *colon = '\0';
    if (address_parse_ipv4(copy, &address) || decimal_parse(colon + 1, PORT_MAX, &port) ||
        port == 0)
        return ENDPOINT_MALFORMED;
    if (address >> 24 == 0 || address >> 28 == 14 || address == UINT32_MAX)
        return ENDPOINT_NO_PEER;
    *ret_endpoint = (struct endpoint){.address = address, .port = (uint16_t)port};
    return ENDPOINT_GOOD;
}

static enum endpoint_flaw judge_ipv6(const uint8_t address[static 16])
{
    static const uint8_t unspecified[16];

    if (memcmp(address, unspecified, sizeof(unspecified)) == 0 || address[0] == 0xff)
        return ENDPOINT_NO_PEER;
    if (address_is_mapped(address))
        return ENDPOINT_MAPPED;
    if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
        return ENDPOINT_LINK_LOCAL;
    return ENDPOINT_GOOD;
}

static enum endpoint_flaw parse_ipv6(const char *text, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint = {.ipv6 = true};
    char copy[TEXT_SIZE];
    char *address = copy + 1;
    char *end;
    char *zone;
    enum endpoint_flaw flaw;
    uint32_t port;

    if (!copy_text(text, copy))
        return ENDPOINT_MALFORMED;
    end = strstr(address, "]:");
    if (!end || decimal_parse(end + 2, PORT_MAX, &port) || port == 0)
        return ENDPOINT_MALFORMED;
    *end = '\0';
    zone = strchr(address, '%');
    if (zone)
        *zone = '\0';
    if (address_parse_ipv6(address, endpoint.address6))
        return ENDPOINT_MALFORMED;
    flaw = zone ? ENDPOINT_LINK_LOCAL : judge_ipv6(endpoint.address6);
    if (flaw)
        return flaw;
    endpoint.port = (uint16_t)port;
    *ret_endpoint = endpoint;
    return ENDPOINT_GOOD;
}

enum endpoint_flaw endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
    return text[0] == '[' ? parse_ipv6(text, ret_endpoint) : parse_ipv4(text, ret_endpoint);
}

void endpoint_to_text(const struct endpoint *endpoint, char ret_text[static ENDPOINT_TEXT_SIZE])
{
    char address[INET6_ADDRSTRLEN];

    if (endpoint->ipv6)
        (void)inet_ntop(AF_INET6, endpoint->address6, address, sizeof(address));
    else
        address_ipv4_to_text(endpoint->address, address);
    (void)snprintf(ret_text, ENDPOINT_TEXT_SIZE, endpoint->ipv6 ? "[%s]:%u" : "%s:%u", address,
                   endpoint->port);
}

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

static enum endpoint_flaw judge_ipv4(uint32_t address)
{
    bool no_peer = address >> 24 == 0 || address >> 28 == 14 || address == UINT32_MAX;

    return no_peer ? ENDPOINT_NO_PEER : ENDPOINT_GOOD;
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

static enum endpoint_flaw read_ipv6(char *text, uint8_t ret_address[static 16])
{
    char *zone = strchr(text, '%');

    if (zone)
        *zone = '\0';
    if (address_parse_ipv6(text, ret_address))
        return ENDPOINT_MALFORMED;
    return zone ? ENDPOINT_LINK_LOCAL : judge_ipv6(ret_address);
}

enum endpoint_flaw endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint = {.ipv6 = text[0] == '['};
    const char *separator = endpoint.ipv6 ? "]:" : ":";
    char copy[TEXT_SIZE];
    size_t length = strlen(text);
    char *end;
    uint32_t port;
    enum endpoint_flaw flaw;

    if (length >= sizeof(copy))
        return ENDPOINT_MALFORMED;
    memcpy(copy, text, length + 1);
    end = strstr(copy, separator);
    if (!end || decimal_parse(end + strlen(separator), PORT_MAX, &port) || port == 0)
        return ENDPOINT_MALFORMED;
    *end = '\0';
    if (endpoint.ipv6)
        flaw = read_ipv6(copy + 1, endpoint.address6);
    else if (address_parse_ipv4(copy, &endpoint.address))
        flaw = ENDPOINT_MALFORMED;
    else
        flaw = judge_ipv4(endpoint.address);
    endpoint.port = (uint16_t)port;
    if (flaw == ENDPOINT_GOOD)
        *ret_endpoint = endpoint;
    return flaw;
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

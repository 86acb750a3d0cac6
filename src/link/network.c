#include "link/network.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "link/address.h"
#include "link/decimal.h"

enum {
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    TEXT_SIZE = 40, /* of the longest address, with its NUL */
};

static void store_ipv4(uint32_t address, uint8_t ret_bytes[static 4])
{
    address = htobe32(address);
    memcpy(ret_bytes, &address, sizeof(address));
}

/* Returns whether the first `bits` bits of both are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
    unsigned int whole = bits / 8;
    unsigned int rest = bits % 8;

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool has_host_bits(const struct network *network)
{
    for (unsigned int bit = network->prefix_length; bit < IPV6_BITS; bit++) {
        if (network->address[bit / 8] & 0x80 >> bit % 8)
            return true;
    }
    return false;
}

enum network_flaw network_parse(const char *text, struct network *ret_network)
{
    struct network network = {.ipv6 = strchr(text, ':')};
    size_t length = strcspn(text, "/");
    char address[TEXT_SIZE];
    uint32_t ipv4 = 0;
    uint32_t bits;

    if (length >= sizeof(address) || text[length] != '/')
        return NETWORK_MALFORMED;
    memcpy(address, text, length);
    address[length] = '\0';
    if (network.ipv6 ? address_parse_ipv6(address, network.address)
                     : address_parse_ipv4(address, &ipv4))
        return NETWORK_MALFORMED;
    if (decimal_parse(text + length + 1, network.ipv6 ? IPV6_BITS : IPV4_BITS, &bits))
        return NETWORK_MALFORMED;
    if (!network.ipv6)
        store_ipv4(ipv4, network.address);
    network.prefix_length = (uint8_t)bits;
    if (has_host_bits(&network))
        return NETWORK_HOST_BITS;
    *ret_network = network;
    return NETWORK_GOOD;
}

void network_to_text(const struct network *network, char ret_text[static NETWORK_TEXT_SIZE])
{
    char address[INET6_ADDRSTRLEN];

    (void)inet_ntop(network->ipv6 ? AF_INET6 : AF_INET, network->address, address, sizeof(address));
    (void)snprintf(ret_text, NETWORK_TEXT_SIZE, "%s/%u", address, network->prefix_length);
}

bool network_contains(const struct network *network, const struct endpoint *endpoint)
{
    uint8_t ipv4[4];

    if (network->ipv6 != endpoint->ipv6)
        return false;
    if (endpoint->ipv6)
        return same_prefix(network->address, endpoint->address6, network->prefix_length);
    store_ipv4(endpoint->address, ipv4);
    return same_prefix(network->address, ipv4, network->prefix_length);
}

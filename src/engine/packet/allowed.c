#include "engine/packet/allowed.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "link/decimal.h"

/* The first `bits` of an address, the rest zero. */
static struct address prefix_of(const struct address *address, unsigned int bits)
{
    struct address prefix = {.ipv6 = address->ipv6};

    memcpy(prefix.bytes, address->bytes, bits / 8);
    if (bits % 8)
        prefix.bytes[bits / 8] = (uint8_t)(address->bytes[bits / 8] & 0xff00 >> bits % 8);
    return prefix;
}

static bool equal(const struct address *a, const struct address *b)
{
    return a->ipv6 == b->ipv6 && memcmp(a->bytes, b->bytes, a->ipv6 ? 16 : 4) == 0;
}

bool allowed_add(struct allowed *allowed, const struct allowed_network *network)
{
    for (unsigned int i = 0; i < allowed->count; i++) {
        if (allowed->network[i].prefix_length == network->prefix_length &&
            equal(&allowed->network[i].address, &network->address))
            return true;
    }
    if (allowed->count == ALLOWED_MAX)
        return false;
    allowed->network[allowed->count++] = *network;
    return true;
}

bool allowed_contains(const struct allowed *allowed, const struct address *address)
{
    for (unsigned int i = 0; i < allowed->count; i++) {
        const struct allowed_network *network = &allowed->network[i];
        struct address prefix;

        if (network->address.ipv6 != address->ipv6)
            continue;
        prefix = prefix_of(address, network->prefix_length);
        if (equal(&prefix, &network->address))
            return true;
    }
    return false;
}

bool allowed_from_text(const char *text, struct allowed_network *ret_network)
{
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    struct address whole = {.ipv6 = memchr(text, ':', length) != NULL};
    uint32_t limit = whole.ipv6 ? 128 : 32, bits = limit;
    char address[INET6_ADDRSTRLEN];

    if (length >= sizeof(address))
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(whole.ipv6 ? AF_INET6 : AF_INET, address, whole.bytes) != 1)
        return false;
    if (slash && decimal_parse(slash + 1, limit, &bits))
        return false;
    *ret_network = (struct allowed_network){prefix_of(&whole, bits), (uint8_t)bits};
    return true;
}

void allowed_to_text(const struct allowed_network *network, char ret_text[static ALLOWED_TEXT_SIZE])
{
    char address[INET6_ADDRSTRLEN];

    (void)inet_ntop(network->address.ipv6 ? AF_INET6 : AF_INET, network->address.bytes, address,
                    sizeof(address));
    (void)snprintf(ret_text, ALLOWED_TEXT_SIZE, "%s/%u", address, network->prefix_length);
}

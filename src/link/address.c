#include "link/address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

enum {
    IPV6_LENGTH = 39, /* of the longest text */
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

int address_parse_ipv4(const char *text, uint32_t *ret_address)
{
    uint32_t address;

    if (inet_pton(AF_INET, text, &address) != 1)
        return -1;
    *ret_address = be32toh(address);
    return 0;
}

int address_parse_ipv6(const char *text, uint8_t ret_address[static 16])
{
    static const char alphabet[] = "0123456789abcdefABCDEF:";
    uint8_t address[16];
    size_t length = strspn(text, alphabet);

    if (text[length] != '\0' || length > IPV6_LENGTH || inet_pton(AF_INET6, text, address) != 1)
        return -1;
    memcpy(ret_address, address, sizeof(address));
    return 0;
}

void address_ipv4_to_text(uint32_t address, char ret_text[static ADDRESS_TEXT_SIZE])
{
    (void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                   address >> 8 & 255, address & 255);
}

void address_map_ipv4(uint32_t address, uint8_t ret_address[static 16])
{
    const uint32_t bytes = htobe32(address);

    memcpy(ret_address, mapped, sizeof(mapped));
    memcpy(ret_address + sizeof(mapped), &bytes, sizeof(bytes));
}

bool address_is_mapped(const uint8_t address[static 16])
{
    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

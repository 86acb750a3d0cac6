#include "link/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "link/decimal.h"

enum {
    OCTETS = 4,
    OCTET_TEXT_SIZE = 4,
    IPV6_LENGTH = 39, /* of the longest text */
};

int address_parse_ipv4(const char *text, uint32_t *ret_address)
{
    uint32_t address = 0;

    for (int i = 0; i < OCTETS; i++) {
        char part[OCTET_TEXT_SIZE];
        size_t length = strcspn(text, ".");
        uint32_t octet;

        if (length >= sizeof(part) || text[length] != (i < OCTETS - 1 ? '.' : '\0'))
            return -1;
        memcpy(part, text, length);
        part[length] = '\0';
        if (decimal_parse(part, 255, &octet))
            return -1;
        address = address << 8 | octet;
        text += length + 1;
    }
    *ret_address = address;
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

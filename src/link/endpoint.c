#include "link/endpoint.h"

#include <string.h>

#include "link/decimal.h"

enum {
    TEXT_MAX = sizeof("255.255.255.255:65535") - 1,
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

enum endpoint_flaw endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
    static const char separators[] = {'.', '.', '.', ':'};
    char copy[TEXT_MAX + 1];
    char *next = copy;
    uint32_t address = 0;
    uint32_t port;

    if (strlen(text) > TEXT_MAX)
        return ENDPOINT_MALFORMED;
    memcpy(copy, text, strlen(text) + 1);
    for (int i = 0; i < 4; i++) {
        uint32_t octet;

        if (take_number(&next, separators[i], 255, &octet))
            return ENDPOINT_MALFORMED;
        address = address << 8 | octet;
    }
    if (take_number(&next, '\0', 65535, &port) || port == 0)
        return ENDPOINT_MALFORMED;
    if (address >> 24 == 0 || address >> 28 == 14 || address == UINT32_MAX)
        return ENDPOINT_NO_PEER;
    *ret_endpoint = (struct endpoint){.address = address, .port = (uint16_t)port};
    return ENDPOINT_GOOD;
}

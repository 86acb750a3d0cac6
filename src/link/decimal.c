#include "link/decimal.h"

int decimal_parse(const char *text, uint32_t max, uint32_t *ret_value)
{
    uint64_t value = 0;
    const char *next = text;

    if (text[0] == '0' && text[1] != '\0')
        return -1;
    for (; *next >= '0' && *next <= '9'; next++) {
        value = value * 10 + (uint64_t)(*next - '0');
        if (value > max)
            return -1;
    }
    if (next == text || *next != '\0')
        return -1;
    *ret_value = (uint32_t)value;
    return 0;
}

#include "hex.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static unsigned int digit(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = character ? strchr(digits, character) : NULL;

    if (!found) {
        errno = EINVAL;
        unit_trouble("hex");
    }
    return (unsigned int)(found - digits);
}

struct hex hex(const char *text)
{
    struct hex made = {0};

    while (*text) {
        unsigned int high = digit(text[0]);

        if (made.length == HEX_MAX) {
            errno = EMSGSIZE;
            unit_trouble("hex");
        }
        made.bytes[made.length++] = (uint8_t)(high << 4 | digit(text[1]));
        text += 2;
    }
    return made;
}

bool hex_is(const void *bytes, const char *text)
{
    struct hex wanted = hex(text);

    return memcmp(bytes, wanted.bytes, wanted.length) == 0;
}

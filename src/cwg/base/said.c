#include "cwg/base/said.h"

/* FNV-1a of 64 bits. Two texts of one digest would cost a line. */
static uint64_t digest(const char *text)
{
    uint64_t sum = 0xcbf29ce484222325;

    for (; *text; text++)
        sum = (sum ^ (unsigned char)*text) * 0x100000001b3;
    return sum;
}

void said_clear(struct said *said)
{
    said->count = 0;
}

bool said_add(struct said *said, const char *text)
{
    const uint64_t sum = digest(text);

    for (size_t i = 0; i < said->count; i++) {
        if (said->text[i] == sum)
            return false;
    }
    if (said->count == SAID_MAX)
        return false;
    said->text[said->count++] = sum;
    return true;
}

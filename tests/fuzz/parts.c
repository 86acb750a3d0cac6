#include "parts.h"

#include <string.h>

#include "fuzz.h"

/* The bytes for which a byte stands. Returns their number. */
static size_t bytes_of(const char *const parts[], size_t count, const uint8_t *byte,
                       const void **ret_bytes)
{
    if (*byte < 256 - count) {
        *ret_bytes = byte;
        return 1;
    }
    *ret_bytes = parts[*byte - (256 - count)];
    return strlen(*ret_bytes);
}

char *parts_join(const char *const parts[], size_t count, const uint8_t *data, size_t size,
                 size_t *ret_length)
{
    const void *bytes;
    size_t length = 0, used = 0;
    char *text;

    for (; used < size; used++) {
        const size_t more = bytes_of(parts, count, &data[used], &bytes);

        if (length + more > PARTS_TEXT_MAX)
            break;
        length += more;
    }
    text = malloc(length + 1);
    require(text);
    *ret_length = length;
    length = 0;
    for (size_t i = 0; i < used; i++) {
        const size_t more = bytes_of(parts, count, &data[i], &bytes);

        memcpy(text + length, bytes, more);
        length += more;
    }
    text[length] = '\0';
    return text;
}

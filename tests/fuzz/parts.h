/* Texts for parsers whose words no fuzzer finds by itself: the highest bytes of an input stand for
 * parts of a right text. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    PARTS_TEXT_MAX = 1 << 18, /* bytes of a text; it ends before the part that would be beyond */
};

/* Makes the text of an input: with `count` parts, the byte 256 - count stands for the first part,
 * and 255 for the last one; any other byte stands for itself. The text is the caller's, of
 * *ret_length bytes and a NUL. */
char *parts_join(const char *const parts[], size_t count, const uint8_t *data, size_t size,
                 size_t *ret_length);

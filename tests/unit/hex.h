/* Published vectors are written as they are published: in hexadecimal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEX_MAX = 512 };

struct hex {
    size_t length;
    uint8_t bytes[HEX_MAX];
};

/* Ends the program if the text is none, or too long. */
struct hex hex(const char *text);

/* Whether these bytes are what the text stands for. */
bool hex_is(const void *bytes, const char *text);

#include "helper/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add(struct text *text, const char *part)
{
    const size_t room = TEXT_SIZE - 1 - text->length;
    size_t length = strlen(part);

    if (length > room) {
        length = room;
        text->overflowed = true;
    }
    memcpy(text->bytes + text->length, part, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_add_joined(struct text *text, const char *part, const char *newline)
{
    for (; *part; part++) {
        const char character[] = {*part, '\0'};

        text_add(text, *part == '\n' ? newline : character);
    }
}

void text_print(struct text *text, const char *format, ...)
{
    size_t room = TEXT_SIZE - text->length;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text->bytes + text->length, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room) {
        text->overflowed = true;
        text->length += strlen(text->bytes + text->length);
    } else {
        text->length += (size_t)length;
    }
}

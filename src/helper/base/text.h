/* A text that is put together before it is written, so that it goes out in one piece. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    TEXT_SIZE = 8192,
};

/* {0} is an empty one. What doesn't fit is cut off, and that is noted. */
struct text {
    char bytes[TEXT_SIZE]; /* with a NUL at the end */
    size_t length;
    bool overflowed;
};

void text_add(struct text *text, const char *part);

/* Adds a part with another text in the place of each newline. */
void text_add_joined(struct text *text, const char *part, const char *newline);

/* The arguments may be constants and values that we parsed ourselves, as with fail(). */
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

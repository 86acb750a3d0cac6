/* A text that is put together in memory, so that one write() prints it whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    TEXT_SIZE = 8192,
};

/* {0} is an empty text. A part that doesn't fit is cut off, and sets `overflowed`. */
struct text {
    char bytes[TEXT_SIZE]; /* ends in a NUL */
    size_t length;
    bool overflowed;
};

void text_add(struct text *text, const char *part);

/* Adds a part, with `newline` in the place of each newline. */
void text_add_joined(struct text *text, const char *part, const char *newline);

/* Arguments as with fail(): constants, and values that the helper parsed. */
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads a batch's lines, and splits them into words. */
#pragma once

#include <stddef.h>

enum {
    LINES_LENGTH_MAX = 511, /* in bytes, without the newline; a comment may be longer */
    LINES_WORDS_MAX = 16,
};

struct lines {
    int fd;
    size_t start; /* of the bytes read and not taken */
    size_t end;
    unsigned int number; /* of the last line taken, from 1 */
    char bytes[4096];
};

enum lines_result {
    LINES_END,       /* of the input */
    LINES_WORDS,     /* one word or more */
    LINES_NOTHING,   /* an empty line, or a comment of any length and any bytes, ended or not */
    LINES_TOO_LONG,  /* the line is passed over */
    LINES_MALFORMED, /* bytes that are neither printable nor tabs, or too many words */
    LINES_CUT_OFF,   /* the input ended in its middle */
};

/* A line's words. */
struct words {
    int count;
    char *word[LINES_WORDS_MAX + 1]; /* NULL ends them */
    char bytes[LINES_LENGTH_MAX + 1];
};

/* Waits for the next line. Returns an enum lines_result, and writes *ret_words for LINES_WORDS
 * only; or a negative errno. */
int lines_next(struct lines *lines, struct words *ret_words);

/* Splits a line of `length` bytes, without its newline, at spaces and tabs. Returns LINES_WORDS,
 * LINES_NOTHING, LINES_TOO_LONG or LINES_MALFORMED. Pure. */
enum lines_result lines_split(const char *line, size_t length, struct words *ret_words);

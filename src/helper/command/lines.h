/* The lines of a batch, as they come in, and their words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    LINES_LENGTH_MAX = 511, /* of a line, in bytes, without its newline; a comment may be longer */
    LINES_WORDS_MAX = 16,
};

struct lines {
    int fd;
    size_t start; /* of what was read, and not yet taken */
    size_t end;
    bool skipping;       /* the rest of a line that was too long */
    bool comment;        /* and that line is a comment */
    unsigned int number; /* of the last line that was taken, from 1 */
    char bytes[4096];
};

enum lines_result {
    LINES_END,       /* of the input */
    LINES_WORDS,     /* a line with one word at least */
    LINES_NOTHING,   /* an empty line; or a comment, of any length and any bytes, ended or not */
    LINES_TOO_LONG,  /* and is passed over */
    LINES_MALFORMED, /* has bytes that are neither printable nor tabs, or more words than there may
                        be */
    LINES_CUT_OFF,   /* the input ended in the middle of it */
};

/* A line, as its words. */
struct words {
    int count;
    char *word[LINES_WORDS_MAX + 1]; /* NULL ends them */
    char bytes[LINES_LENGTH_MAX + 1];
};

/* Waits for the next line. Returns an enum lines_result, of which LINES_WORDS alone writes
 * *ret_words; or a negative errno. */
int lines_next(struct lines *lines, struct words *ret_words);

/* Splits one line, of `length` bytes without its newline, at spaces and tabs. Pure; returns
 * LINES_WORDS, LINES_NOTHING, LINES_TOO_LONG or LINES_MALFORMED. */
enum lines_result lines_split(const char *line, size_t length, struct words *ret_words);

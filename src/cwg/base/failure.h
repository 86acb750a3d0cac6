/* Failures as values: a class for programs, and a text for people. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

enum {
    FAILURE_CODE_SIZE = 32,
    FAILURE_TEXT_SIZE = 768,
    FAILURE_QUOTE_SIZE = 304,
};

struct failure {
    char code[FAILURE_CODE_SIZE]; /* such as "no-such-container"; the helper's codes pass unchanged
                                   */
    char text[FAILURE_TEXT_SIZE]; /* the problem and the remedy, one printable line */
};

/* Sets code and text. Characters that a terminal would take for something else become '?': the text
 * may quote another machine. Returns -1, for `return fail(...)`. */
int fail(struct failure *failure, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* fail() for the arguments of a function that has got them as `...` itself. */
int vfail(struct failure *failure, const char *code, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Appends to the text. */
void failure_add(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copies a text of a program's or a machine's to be quoted within another. One that is too long is
 * cut at a word, and ends with "...". Returns ret_quote. */
const char *failure_quote(const char *text, char ret_quote[static FAILURE_QUOTE_SIZE]);

/* Sets the code "system", and the text "<doing>: <strerror(error)>". Returns -1. */
int fail_errno(struct failure *failure, int error, const char *doing);

/* Returns whether the failure has this code. */
bool failure_is(const struct failure *failure, const char *code);

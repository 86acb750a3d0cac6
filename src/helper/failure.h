/* What went wrong, as a value that goes up to main(), which prints it. */
#pragma once

#include <stdbool.h>

struct failure {
    char text[384]; /* one line, without the newline: what is wrong, and what to do about it */
    const struct task *usage; /* whose synopsis to show below it, or NULL */
};

/* Sets the text and returns `error`, a negative errno, so that one can `return fail(...)`. The
 * arguments may be constants and values that we parsed ourselves, and never text of a caller or a
 * container (which may hold control characters). */
int fail(struct failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends to a text that is already set. */
void failure_add(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the text "<doing>: <the system's word for the error> (errno N)", for errors that have no
 * better text of their own. */
int fail_unexpected(struct failure *failure, int error, const char *doing);

/* For a step on a device that was there a moment ago: sets a text of its own for -ENODEV, which
 * then means that somebody in the container took it away, and else that of fail_unexpected(). */
int fail_step(struct failure *failure, int error, const char *doing);

/* Whether an error means that there aren't enough descriptors or memory. */
bool failure_is_shortage(int error);

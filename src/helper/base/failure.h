/* What went wrong, as a value that goes up to main(), which prints it. */
#pragma once

#include <stdbool.h>

/* The class of a failure, by which programs tell failures apart. The words are in failure.c, in the
 * manual and in the JSON schema: they never change their meaning. */
enum failure_code {
    FAILURE_SYSTEM, /* the kernel refused a step; the text names the step and the errno */
    FAILURE_USAGE,
    FAILURE_NOT_PERMITTED,
    FAILURE_POLICY,
    FAILURE_NO_SUCH_PROCESS,
    FAILURE_EXISTS,
    FAILURE_NAME_TAKEN,
    FAILURE_NO_SUCH_LINK,
    FAILURE_UNFINISHED,
    FAILURE_OVERLAP,
    FAILURE_OTHER_END,
    FAILURE_LIMIT,
    FAILURE_PORT_IN_USE,
    FAILURE_PORT_NOT_PERMITTED,
    FAILURE_NO_ROUTE,
    FAILURE_OWN_ENDPOINT,
    FAILURE_OWN_KEY,
    FAILURE_NOT_CONNECTED,
    FAILURE_SILENT,
    FAILURE_WRONG_ADDRESS,
    FAILURE_FILTERED,
    FAILURE_DOWN,
    FAILURE_PORT_LOST,
    FAILURE_ENGINE_LOST,
    FAILURE_ENGINE_BUSY,
    FAILURE_NO_BACKEND,
    FAILURE_UNSUPPORTED,
    FAILURE_SHORTAGE,
    FAILURE_OUTPUT,
    FAILURE_REMOVED,
    FAILURE_BATCH,
    FAILURE_INCOMPLETE, /* what was printed is right, and not all */
    FAILURE_CODES,
};

struct failure {
    /* What is wrong, and what to do about it. Where that is much it is lines, with a newline
     * between each two; where it has to be one line they are joined by "; ". */
    char text[768];
    enum failure_code code;
    const struct task *usage; /* whose synopsis to show below it, or NULL */
};

/* Sets the text and returns `error`, a negative errno, so that one can `return fail(...)`. The
 * code is FAILURE_USAGE for -EINVAL, FAILURE_SHORTAGE for a lack of descriptors or memory, and else
 * FAILURE_SYSTEM: where there is a better one, fail_as() sets that. The arguments may be constants
 * and values that we parsed ourselves, and never text of a caller or a container (which may hold
 * control characters). */
int fail(struct failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int fail_as(struct failure *failure, enum failure_code code, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends to a text that is already set. */
void failure_add(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends a line. */
void failure_add_line(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the text "<doing>: <the system's word for the error> (errno N)", for errors that have no
 * better text of their own. The code is FAILURE_SYSTEM, or FAILURE_SHORTAGE: what the kernel calls
 * invalid is no argument of the caller's. */
int fail_unexpected(struct failure *failure, int error, const char *doing);

/* For a step on a device that was there a moment ago: sets a text of its own for -ENODEV, which
 * then means that somebody in the container took it away (FAILURE_REMOVED), and else that of
 * fail_unexpected(). */
int fail_step(struct failure *failure, int error, const char *doing);

/* Whether an error means that there aren't enough descriptors or memory. */
bool failure_is_shortage(int error);

/* The word of a code, as programs read it: "no-such-link". */
const char *failure_word(enum failure_code code);

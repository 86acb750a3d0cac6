/* Failures as values. They go up to main(), which prints them. */
#pragma once

#include <errno.h>
#include <stdbool.h>

/* The class of a failure, by which programs tell failures apart. The words are in failure.c, in the
 * manual and in the JSON schema. A word never changes its meaning. */
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
    FAILURE_INCOMPLETE, /* the printed part is right, and more is missing */
    FAILURE_CODES,
};

struct failure {
    /* The problem, and the remedy. A long text has several lines, with a newline between each two;
     * "; " joins them where one line is needed. */
    char text[768];
    enum failure_code code;
    const struct task *usage; /* print the synopsis of this task below the text; or NULL */
};

/* Sets the code and the text, and returns `error`, a negative errno, for `return fail_as(...)`.
 * Arguments may be constants and values that the helper parsed, never text of a caller or a
 * container, which may hold control characters. */
int fail_as(struct failure *failure, enum failure_code code, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a mistake of the caller's. */
#define fail(failure, ...) fail_as(failure, FAILURE_USAGE, -EINVAL, __VA_ARGS__)

/* Appends to a text that is already set. */
void failure_add(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the text "<doing>: <strerror> (errno N)", for an error without a better text. The code is
 * FAILURE_SYSTEM or FAILURE_SHORTAGE, never FAILURE_USAGE: an EINVAL of the kernel's is no mistake
 * of the caller's. */
int fail_unexpected(struct failure *failure, int error, const char *doing);

/* Fails for a step on a device that was there a moment ago. -ENODEV gets a text of its own, and
 * FAILURE_REMOVED: somebody in the container removed the device. Any other error is passed to
 * fail_unexpected(). */
int fail_on_device(struct failure *failure, int error, const char *doing);

/* Fails for a target's descriptor that isn't open on a network namespace. Returns -EINVAL. */
int fail_descriptor(struct failure *failure);

/* Returns whether descriptors or memory were too few. */
bool failure_is_shortage(int error);

/* The word of a code for programs, such as "no-such-link". */
const char *failure_word(enum failure_code code);

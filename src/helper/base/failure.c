#include "helper/base/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *failure_word(enum failure_code code)
{
    static const char *const words[FAILURE_CODES] = {
        [FAILURE_SYSTEM] = "system",
        [FAILURE_USAGE] = "usage",
        [FAILURE_NOT_PERMITTED] = "not-permitted",
        [FAILURE_POLICY] = "policy",
        [FAILURE_NO_SUCH_PROCESS] = "no-such-process",
        [FAILURE_EXISTS] = "exists",
        [FAILURE_NAME_TAKEN] = "name-taken",
        [FAILURE_NO_SUCH_LINK] = "no-such-link",
        [FAILURE_UNFINISHED] = "unfinished",
        [FAILURE_OVERLAP] = "overlap",
        [FAILURE_OTHER_END] = "other-end",
        [FAILURE_LIMIT] = "limit",
        [FAILURE_PORT_IN_USE] = "port-in-use",
        [FAILURE_PORT_NOT_PERMITTED] = "port-not-permitted",
        [FAILURE_NO_ROUTE] = "no-route",
        [FAILURE_OWN_ENDPOINT] = "own-endpoint",
        [FAILURE_OWN_KEY] = "own-key",
        [FAILURE_NOT_CONNECTED] = "not-connected",
        [FAILURE_SILENT] = "silent",
        [FAILURE_WRONG_ADDRESS] = "wrong-address",
        [FAILURE_FILTERED] = "filtered",
        [FAILURE_DOWN] = "down",
        [FAILURE_PORT_LOST] = "port-lost",
        [FAILURE_ENGINE_LOST] = "engine-lost",
        [FAILURE_ENGINE_BUSY] = "engine-busy",
        [FAILURE_NO_BACKEND] = "no-backend",
        [FAILURE_UNSUPPORTED] = "unsupported",
        [FAILURE_SHORTAGE] = "shortage",
        [FAILURE_OUTPUT] = "output",
        [FAILURE_REMOVED] = "removed",
        [FAILURE_BATCH] = "batch",
        [FAILURE_INCOMPLETE] = "incomplete",
    };

    return words[code];
}

int fail_as(struct failure *failure, enum failure_code code, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
    failure->code = code;
    return error;
}

void failure_add(struct failure *failure, const char *format, ...)
{
    const size_t used = strlen(failure->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(failure->text + used, sizeof(failure->text) - used, format, arguments);
    va_end(arguments);
}

int fail_descriptor(struct failure *failure)
{
    return fail(failure,
                "pid: the descriptor is not open on a network namespace; open one, such as "
                "/proc/<pid>/ns/net or /run/netns/<name>, and pass its number");
}

/* Returns NULL for an unknown number, or musl's words for one. Neither looks for translations or
 * takes memory, as glibc's strerror() would. */
static const char *describe(int number)
{
#ifdef __GLIBC__
    return strerrordesc_np(number);
#else
    return strerror(number);
#endif
}

int fail_unexpected(struct failure *failure, int error, const char *doing)
{
    const char *description = describe(-error);
    const enum failure_code code = failure_is_shortage(error) ? FAILURE_SHORTAGE : FAILURE_SYSTEM;

    return fail_as(failure, code, error, "%s: %s (errno %d)", doing,
                   description ? description : "unknown error", -error);
}

int fail_on_device(struct failure *failure, int error, const char *doing)
{
    if (error != -ENODEV)
        return fail_unexpected(failure, error, doing);
    return fail_as(failure, FAILURE_REMOVED, error,
                   "%s: somebody in the container removed the device; find out who manages its "
                   "network, and try again",
                   doing);
}

bool failure_is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

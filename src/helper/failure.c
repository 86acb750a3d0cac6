#include "helper/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct failure *failure, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
    return error;
}

void failure_add(struct failure *failure, const char *format, ...)
{
    size_t used = strlen(failure->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(failure->text + used, sizeof(failure->text) - used, format, arguments);
    va_end(arguments);
}

int fail_unexpected(struct failure *failure, int error, const char *doing)
{
    /* strerrordesc_np() reads a table; strerror() would look for translations. */
    const char *description = strerrordesc_np(-error);

    return fail(failure, error, "%s: %s (errno %d)", doing,
                description ? description : "unknown error", -error);
}

int fail_step(struct failure *failure, int error, const char *doing)
{
    if (error != -ENODEV)
        return fail_unexpected(failure, error, doing);
    return fail(failure, error,
                "%s: the device was taken away by somebody in the container; find out who manages "
                "its network, and try again",
                doing);
}

bool failure_is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

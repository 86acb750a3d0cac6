#include "cwg/base/failure.h"

#include <stdio.h>
#include <string.h>

/* Stands where the rest of a text was cut off. */
#define CUT "..."

static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

static void __attribute__((format(printf, 2, 0)))
append(struct failure *failure, const char *format, va_list arguments)
{
    const size_t length = strlen(failure->text);

    const size_t room = sizeof(failure->text) - length;

    if (vsnprintf(failure->text + length, room, format, arguments) >= (int)room)
        memcpy(failure->text + sizeof(failure->text) - sizeof(CUT), CUT, sizeof(CUT));
    make_printable(failure->text + length);
}

int vfail(struct failure *failure, const char *code, const char *format, va_list arguments)
{
    (void)snprintf(failure->code, sizeof(failure->code), "%s", code);
    make_printable(failure->code);
    failure->text[0] = '\0';
    append(failure, format, arguments);
    return -1;
}

int fail(struct failure *failure, const char *code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfail(failure, code, format, arguments);
    va_end(arguments);
    return -1;
}

void failure_add(struct failure *failure, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    append(failure, format, arguments);
    va_end(arguments);
}

const char *failure_quote(const char *text, char ret_quote[static FAILURE_QUOTE_SIZE])
{
    const bool whole = strlen(text) < FAILURE_QUOTE_SIZE;
    size_t length = whole ? strlen(text) : FAILURE_QUOTE_SIZE - sizeof(CUT);

    while (!whole && length > FAILURE_QUOTE_SIZE / 2 && text[length] != ' ')
        length--;
    (void)snprintf(ret_quote, FAILURE_QUOTE_SIZE, "%.*s%s", (int)length, text, whole ? "" : CUT);
    return ret_quote;
}

int fail_errno(struct failure *failure, int error, const char *doing)
{
    return fail(failure, "system", "%s: %s", doing, strerror(error));
}

bool failure_is(const struct failure *failure, const char *code)
{
    return strcmp(failure->code, code) == 0;
}

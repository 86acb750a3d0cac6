#include "cwg/plugin/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"

json_t *input_read(struct failure *failure)
{
    static char text[INPUT_MAX + 2];
    const size_t length = fread(text, 1, INPUT_MAX + 1, stdin);
    json_t *object;

    if (ferror(stdin)) {
        (void)fail_errno(failure, errno, "can't read standard input");
        return NULL;
    }
    if (length > INPUT_MAX) {
        (void)fail(failure, "usage", "standard input is longer than %d bytes", INPUT_MAX);
        return NULL;
    }
    text[length] = '\0';
    object = memchr(text, '\0', length) ? NULL : json_read_line(text);
    if (!object)
        (void)fail(failure, "usage", "standard input isn't one JSON object");
    return object;
}

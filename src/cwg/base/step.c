#include "cwg/base/step.h"

#include <stdio.h>
#include <unistd.h>

void step_show(const char *text)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K%s%s", text, text[0] ? " ..." : "");
}

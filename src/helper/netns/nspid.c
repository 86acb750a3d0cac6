#include "helper/netns/nspid.h"

#include <stdbool.h>
#include <string.h>

static const char label[] = "NSpid:";

/* The line's numbers, behind a tab each. */
static unsigned int count(const char *line, const char *end)
{
    unsigned int numbers = 0;
    bool is_1 = false;

    while (line < end) {
        const char *number;

        if (*line++ != '\t')
            return 0;
        for (number = line; line < end && *line >= '0' && *line <= '9'; line++)
            ;
        is_1 = line - number == 1 && *number == '1';
        numbers++;
    }
    return is_1 ? numbers : 0;
}

/* A process's own name stands in the file before it, with no newline in it (proc_task_name(),
 * fs/proc/array.c), so that a line that begins so is the kernel's. */
unsigned int nspid_first_at(const char *text, size_t length)
{
    const char *const end = text + length;
    const size_t size = sizeof(label) - 1;
    const char *newline;

    for (; (newline = memchr(text, '\n', (size_t)(end - text))); text = newline + 1) {
        if ((size_t)(newline - text) > size && memcmp(text, label, size) == 0)
            return count(text + size, newline);
    }
    return 0;
}

#include "helper/netns/nspid.h"

#include <stdbool.h>
#include <string.h>

static const char label[] = "NSpid:";

/* Counts the line's numbers, each after a tab. Returns 0 if the last isn't 1. */
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

/* The file has the process's own name before this line, but a name has no newline
 * (proc_task_name(), fs/proc/array.c). So a line that begins with the label is the kernel's. */
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

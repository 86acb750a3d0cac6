#include "helper/netns/procfs.h"

#include <string.h>

#include "helper/base/settings.h"
#include "link/link.h"

/* Parses a line. A device's name has no space and no colon (dev_valid_name(), net/core/dev.c). */
static bool is_link(const char *line, const char *end)
{
    char name[LINK_NAME_SIZE] = {0};
    struct link_end link;
    const char *colon;

    while (line < end && *line == ' ')
        line++;
    colon = memchr(line, ':', (size_t)(end - line));
    if (!colon || (size_t)(colon - line) >= sizeof(name))
        return false;
    memcpy(name, line, (size_t)(colon - line));
    return link_name_parse(CWG_PREFIX, name, &link) == 0;
}

bool procfs_has_link(const char *text, size_t length, size_t *ret_seen)
{
    const char *const end = text + length;
    const char *line = text, *newline;
    bool found = false;

    while (!found && (newline = memchr(line, '\n', (size_t)(end - line)))) {
        found = is_link(line, newline);
        line = newline + 1;
    }
    *ret_seen = (size_t)(line - text);
    return found;
}

/* Counts the line's numbers, each after a tab (task_state(), fs/proc/array.c). Returns 0 if the
 * last isn't 1. */
static unsigned int count(const char *line, const char *end)
{
    unsigned int numbers = 0;

    if (end - line < 2 || memcmp(end - 2, "\t1", 2) != 0)
        return 0;
    for (; line < end; line++)
        numbers += *line == '\t';
    return numbers;
}

/* The file has the process's own name before this line, but a name has no newline
 * (proc_task_name(), fs/proc/array.c). So a line that begins with the label is the kernel's. */
unsigned int procfs_first_at(const char *text, size_t length)
{
    static const char label[] = "NSpid:";
    const size_t size = sizeof(label) - 1;
    const char *const end = text + length;
    const char *newline;

    for (; (newline = memchr(text, '\n', (size_t)(end - text))); text = newline + 1) {
        if ((size_t)(newline - text) > size && memcmp(text, label, size) == 0)
            return count(text + size, newline);
    }
    return 0;
}

#include "helper/netns/netdev.h"

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

bool netdev_has_link(const char *text, size_t length, size_t *ret_seen)
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

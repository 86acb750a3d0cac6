#include "helper/netns/cgroup.h"

#include <string.h>

/* A part of the text. */
struct part {
    const char *start;
    const char *end;
};

#define HEX  "0123456789abcdef"
#define WORD HEX "ghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool cgroup_is_id(const char *container)
{
    return strlen(container) == CONTAINER_ID_LENGTH &&
           strspn(container, HEX) == CONTAINER_ID_LENGTH;
}

/* Finds the first id in a directory's name: 64 hexadecimal digits, with no digit or letter on
 * either side. An id that may be cut off doesn't count. Behind the name comes no word's character,
 * but a '/' or a newline. */
static bool find_id(struct part directory, char ret_id[static CONTAINER_ID_SIZE])
{
    size_t length;

    for (const char *word = directory.start; word < directory.end; word += length + 1) {
        length = strspn(word, WORD);
        if (length == CONTAINER_ID_LENGTH && strspn(word, HEX) == length) {
            memcpy(ret_id, word, CONTAINER_ID_LENGTH);
            ret_id[CONTAINER_ID_LENGTH] = '\0';
            return true;
        }
    }
    return false;
}

static bool is(struct part part, const char *text)
{
    return (size_t)(part.end - part.start) == strlen(text) &&
           memcmp(part.start, text, strlen(text)) == 0;
}

/* Removes a part's beginning and end, if it has both and something between them. */
static bool strip(struct part *part, const char *before, const char *after)
{
    const size_t first = strlen(before), last = strlen(after);

    if ((size_t)(part->end - part->start) <= first + last ||
        memcmp(part->start, before, first) != 0 || memcmp(part->end - last, after, last) != 0)
        return false;
    part->start += first;
    part->end -= last;
    return true;
}

/* Narrows a directory's name to the container's name in it, if its parent tells that there is
 * one. */
static bool find_name(struct part parent, struct part *directory)
{
    if (is(parent, "machine.slice"))
        return strip(directory, "machine-", ".scope") ||
               strip(directory, "systemd-nspawn@", ".service");
    if (is(parent, "lxc") || is(parent, "lxc.payload"))
        return true;
    return strip(directory, "lxc.payload.", "");
}

/* Copies a name, in which systemd writes '-' as "\x2d" (unit_name_escape(),
 * src/basic/unit-name.c). Returns false if it can't be shown. */
static bool copy_name(struct part part, char ret_name[static CONTAINER_ID_SIZE])
{
    static const char dash[] = "\\x2d", others[] = WORD "_.-";
    char name[CONTAINER_ID_SIZE] = "";
    size_t length = 0;

    for (; part.start < part.end; part.start++) {
        char c = *part.start;

        if ((size_t)(part.end - part.start) >= sizeof(dash) - 1 &&
            memcmp(part.start, dash, sizeof(dash) - 1) == 0) {
            c = '-';
            part.start += sizeof(dash) - 2;
        }
        if (length == CONTAINER_ID_LENGTH ||
            !memchr(others, c, length == 0 ? sizeof(WORD) - 1 : sizeof(others) - 1))
            return false;
        name[length++] = c;
    }
    if (length == 0)
        return false;
    memcpy(ret_name, name, sizeof(name));
    return true;
}

/* Reads a line's outermost directory that tells a container. The first part of a line is the one
 * before its path. A part that reaches the end of the text may be cut off, and doesn't count. */
static bool read_line(const char *line, const char *end, char ret_id[static CONTAINER_ID_SIZE])
{
    struct part parent = {line, line};

    for (const char *c = line; c < end; c++) {
        struct part directory = {line, c};

        if (*c != '/' && *c != '\n')
            continue;
        if (find_id(directory, ret_id))
            return true;
        /* A name that can't be shown hides the names below it, which others may have chosen. */
        if (find_name(parent, &directory))
            return copy_name(directory, ret_id);
        parent = (struct part){line, c};
        line = c + 1;
    }
    return false;
}

/* A directory's name has no newline (cgroup_mkdir(), kernel/cgroup/cgroup.c), so each line is the
 * kernel's. */
int cgroup_container(const char *text, size_t length, char ret_id[static CONTAINER_ID_SIZE])
{
    const char *const end = text + length;
    char found[CONTAINER_ID_SIZE] = "", id[CONTAINER_ID_SIZE];

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *next = newline ? newline + 1 : end;
        bool told = read_line(text, next, id);

        if (told && found[0] && strcmp(id, found) != 0)
            return -1;
        if (told)
            memcpy(found, id, sizeof(found));
        text = next;
    }
    if (!found[0])
        return -1;
    memcpy(ret_id, found, sizeof(found));
    return 0;
}

#include "helper/cgroup.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* What a word is made of: all that an id isn't in the middle of. */
static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_id(const char *word, size_t length)
{
    if (length != CONTAINER_ID_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(word[i]))
            return false;
    }
    return true;
}

/* The first id in a line, or NULL. A word that ends where the text does may be cut off. */
static const char *find_id(const char *line, const char *end)
{
    const char *word = line;

    for (const char *c = line; c < end; c++) {
        if (is_word(*c))
            continue;
        if (is_id(word, (size_t)(c - word)))
            return word;
        word = c + 1;
    }
    return NULL;
}

/* A name in it can't hold a newline (cgroup_mkdir(), kernel/cgroup/cgroup.c), so that a line is the
 * kernel's. */
int cgroup_container(const char *text, size_t length, char ret_id[static CONTAINER_ID_LENGTH + 1])
{
    const char *const end = text + length;
    const char *found = NULL;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *next = newline ? newline + 1 : end;
        const char *id = find_id(text, next);

        if (id && found && memcmp(id, found, CONTAINER_ID_LENGTH) != 0)
            return -1;
        if (id)
            found = id;
        text = next;
    }
    if (!found)
        return -1;
    memcpy(ret_id, found, CONTAINER_ID_LENGTH);
    ret_id[CONTAINER_ID_LENGTH] = '\0';
    return 0;
}

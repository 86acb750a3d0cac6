#include "cwg/base/json.h"

#include <string.h>

enum {
    WORDS_MAX = 31,
};

json_t *json_read_line(const char *line)
{
    json_t *read = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(read))
        return read;
    json_decref(read);
    return NULL;
}

const char *json_text(const json_t *object, const char *name, size_t max)
{
    const json_t *member = json_object_get(object, name);
    const char *text = json_string_value(member);

    return text && json_string_length(member) <= max ? text : NULL;
}

const char *json_words(const json_t *object, const char *name)
{
    const char *text = json_text(object, name, WORDS_MAX);

    return text && strspn(text, "abcdefghijklmnopqrstuvwxyz ") == strlen(text) ? text : "unknown";
}

const char *json_stranger(const json_t *object, const char *const known[])
{
    json_t *members = (json_t *)object; /* jansson's iterators take no constant one */

    for (void *at = json_object_iter(members); at; at = json_object_iter_next(members, at)) {
        const char *name = json_object_iter_key(at);
        const char *const *one = known;

        while (*one && strcmp(*one, name) != 0)
            one++;
        if (!*one)
            return name;
    }
    return NULL;
}

int json_whole(const json_t *object, const char *name, int64_t min, int64_t max,
               int64_t *ret_number)
{
    const json_t *member = json_object_get(object, name);

    if (!json_is_integer(member) || json_integer_value(member) < min ||
        json_integer_value(member) > max)
        return -1;
    *ret_number = json_integer_value(member);
    return 0;
}

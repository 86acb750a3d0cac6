#include "cwg/store/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int wanted_read(const struct store *store, const char *name, struct want *ret_want,
                bool *ret_labelled, struct failure *failure)
{
    char line[STORE_LINE_SIZE], path[STORE_PATH_SIZE], expected[WANT_LINK_SIZE + 4];
    struct failure why = {.text = ""};
    struct want want;
    bool labelled = false;
    int found;

    (void)snprintf(path, sizeof(path), "want/%.400s", name);
    found = store_read(store, path, line, failure);
    if (found > 0) {
        labelled = true;
        (void)snprintf(path, sizeof(path), "label/%.400s", name);
        found = store_read(store, path, line, failure);
    }
    if (found)
        return found;
    if (want_read(line, &want, &why))
        return fail(failure, "want", "%s: %s", path, why.text);
    (void)snprintf(expected, sizeof(expected), "%.63s.%u", want.link, want.host);
    if (strcmp(expected, name) != 0)
        return fail(failure, "want", "%s has to be called %s", path, expected);
    *ret_want = want;
    *ret_labelled = labelled;
    return 0;
}

/* Counts names, and the bytes that they take. */
static size_t count(char *const *names, size_t *size)
{
    size_t found = 0;

    for (; names[found]; found++)
        *size += strlen(names[found]) + 1;
    return found;
}

/* Merges two sorted lists into one that holds its names itself. */
static char **merge(char *const *a, char *const *b)
{
    size_t size = 0, length = 0;
    const size_t most = count(a, &size) + count(b, &size) + 1;
    char **list = malloc(most * sizeof(*list) + size);
    char *next = list ? (char *)(list + most) : NULL;

    while (list && (*a || *b)) {
        const int order = !*a ? 1 : !*b ? -1 : strcmp(*a, *b);
        const char *name = order <= 0 ? *a : *b;

        list[length++] = next;
        next = stpcpy(next, name) + 1;
        a += order <= 0;
        b += order >= 0;
    }
    if (list)
        list[length] = NULL;
    return list;
}

char **wanted_list(const struct store *store, struct failure *failure)
{
    char **wants = store_list(store, "want", failure);
    char **labels = wants ? store_list(store, "label", failure) : NULL;
    char **list = labels ? merge(wants, labels) : NULL;

    if (labels && !list)
        (void)fail_errno(failure, ENOMEM, "can't list what is declared");
    free(wants);
    free(labels);
    return list;
}

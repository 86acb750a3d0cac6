#include "cwg/store/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/record/record.h"
#include "cwg/store/trust.h"

/* A site that fills the store is stopped. */
static int count(const struct store *store, const char *site, size_t *kept, struct failure *failure)
{
    char folder[STORE_PATH_SIZE];
    char **names;

    if (*kept > 0)
        return 0;
    (void)snprintf(folder, sizeof(folder), "in/%.63s", site);
    names = store_list(store, folder, failure);
    while (names && names[*kept])
        (*kept)++;
    free(names);
    return names ? 0 : -1;
}

/* Only what the site itself has signed holds its other records off: anybody on the way may forge a
 * high serial. What can't be checked yet, without the site's key, does, too. */
static bool is_genuine(const struct store *store, const char *site, const char *path,
                       const char *line)
{
    char self[STORE_LINE_SIZE];
    struct failure failure;
    struct site_record known;
    json_t *body = NULL;
    json_t *object = store_read(store, "self", self, &failure) == 0 ? json_read_line(self) : NULL;
    const char *own = json_text(object, "site", WANT_SITE_SIZE - 1);
    const bool genuine = !own || trust_read(store, site, &known, &failure) ||
                         record_open(line, own, path, &known.key, &body, &failure) == 0;

    json_decref(object);
    json_decref(body);
    return genuine;
}

int keep(const struct store *store, const char *site, const char *path, const char *record,
         size_t *kept, struct failure *failure)
{
    char place[STORE_PATH_SIZE], before[STORE_LINE_SIZE];
    struct failure unreadable;
    int found;

    (void)snprintf(place, sizeof(place), "in/%.63s/%.*s", site, KEEP_PATH_LENGTH_MAX, path);
    found = store_read(store, place, before, &unreadable);
    if (found == 0 && (strcmp(before, record) == 0 ||
                       (record_is_older(record, before) && is_genuine(store, site, path, before))))
        return 0;
    if (found > 0) {
        if (count(store, site, kept, failure))
            return -1;
        if (*kept >= KEEP_RECORDS_MAX)
            return fail(failure, "limit", "%s tells of more than %d links", site, KEEP_RECORDS_MAX);
        (*kept)++;
    }
    return store_write_lazily(store, place, record, failure) ? -1 : 1;
}

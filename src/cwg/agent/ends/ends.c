#include "cwg/agent/ends/ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/agent/end/telling.h"
#include "cwg/agent/ends/report.h"
#include "cwg/base/clock.h"

/* Where an end is, or would be. */
static size_t place_of(const struct ends *ends, const char *path)
{
    size_t low = 0, high = ends->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (strcmp(ends->end[middle]->path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct agent_end *ends_find(const struct ends *ends, const char *path)
{
    const size_t i = place_of(ends, path);

    return i < ends->count && strcmp(ends->end[i]->path, path) == 0 ? ends->end[i] : NULL;
}

struct agent_end *ends_add(struct ends *ends, const char *path, const struct want *want)
{
    struct agent_end **more = reallocarray(ends->end, ends->count + 1, sizeof(void *));
    struct agent_end *end = more ? end_new(ends->house, path, want) : NULL;
    size_t i;

    if (more)
        ends->end = more;
    if (!end)
        return NULL;
    i = place_of(ends, path);
    memmove(&more[i + 1], &more[i], (ends->count++ - i) * sizeof(void *));
    more[i] = end;
    return end;
}

/* An end is gone: so are its want, if that says so, and the records, if both sites say so. */
static void forget(const struct household *house, const struct agent_end *end)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE], line[STORE_LINE_SIZE];
    struct want now;

    (void)snprintf(path, sizeof(path), "want/%s", end->path);
    /* It may be declared anew since. */
    if (end->want.forget && store_read(&house->store, path, line, &failure) == 0 &&
        want_read(line, &now, &failure) == 0 && now.forget)
        (void)store_remove(&house->store, path, &failure);
    telling_forget(house, end->want.site, end->want.link, end->want.host);
}

static void bury(struct ends *ends, struct agent_end *end)
{
    const size_t i = place_of(ends, end->path);

    report_remove(end);
    forget(ends->house, end);
    end_free(end);
    memmove(&ends->end[i], &ends->end[i + 1], (--ends->count - i) * sizeof(void *));
}

/* An end that has told may be at rest at once, and want to look again at the next turn. */
static void visit(struct ends *ends, struct agent_end *end)
{
    const int64_t due = end_run(end);
    const bool again = end->again && end->phase == PHASE_REST;

    report(end);
    if (end_is_over(end))
        bury(ends, end);
    else
        dues_set(&ends->house->dues, &end->visit, again ? 0 : due);
}

int64_t ends_run(struct ends *ends)
{
    const struct dues *dues = &ends->house->dues;
    const int64_t now = clock_now();
    const struct due *due = dues_first(dues);

    /* Each one once: the loop has to be turned, too. */
    for (size_t i = dues->count; i > 0 && due && due->at <= now; i--) {
        visit(ends, due->owner);
        due = dues_first(dues);
    }
    return due ? due->at : INT64_MAX;
}

void ends_close(struct ends *ends)
{
    for (size_t i = 0; i < ends->count; i++)
        end_free(ends->end[i]);
    free(ends->end);
    dues_close(&ends->house->dues);
    *ends = (struct ends){.house = ends->house};
}

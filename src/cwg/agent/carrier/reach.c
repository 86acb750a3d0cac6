#include "cwg/agent/carrier/reach.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOLDER "carrier"

const char *reach_text(enum reach_state state)
{
    static const char *const texts[] = {
        [REACH_CALLING] = "calling",
        [REACH_UP] = "reachable",
        [REACH_DOWN] = "unreachable",
    };

    return texts[state];
}

bool reach_tell(struct reach *reach, const struct store *store, const char *site, const char *by,
                const char *host, enum reach_state state, const char *reason)
{
    const bool elsewhere = strcmp(reach->host, host) != 0;
    const bool changed = !reach->told || reach->state != state || elsewhere;
    bool news;
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];
    json_t *packed;
    char *line;

    if (!changed && !reach->unwritten && strcmp(reach->reason, reason) == 0)
        return false;
    if (changed) {
        reach->since = (int64_t)time(NULL);
        said_clear(&reach->said);
    }
    news = said_add(&reach->said, reason) || changed;
    reach->told = true;
    (void)snprintf(reach->host, sizeof(reach->host), "%s", host);
    reach->state = state;
    (void)snprintf(reach->reason, sizeof(reach->reason), "%s", reason);
    packed = json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "site", site, "by", by, "host", host, "state",
                       reach_text(state), "since", (json_int_t)reach->since, "reason", reason);
    line = packed ? json_dumps(packed, JSON_COMPACT) : NULL;
    (void)snprintf(path, sizeof(path), FOLDER "/%.63s", site);
    reach->unwritten = !line || store_write_lazily(store, path, line, &failure);
    free(line);
    json_decref(packed);
    return news;
}

void reach_forget(const struct store *store, const char *site)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];

    (void)snprintf(path, sizeof(path), FOLDER "/%.255s", site);
    (void)store_remove(store, path, &failure);
}

void reach_clear(const struct store *store)
{
    struct failure failure = {.text = ""};
    char **names = store_list(store, FOLDER, &failure);

    for (char **name = names; name && *name; name++)
        reach_forget(store, *name);
    free(names);
}

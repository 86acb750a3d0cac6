#include "cwg/etcd/carry/tale.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void tale_tell(struct tale *tale, const char *state, const char *server, const char *reason,
               size_t waiting)
{
    const bool changed = strcmp(tale->state, state) != 0;
    struct failure failure = {.text = ""};
    json_t *packed;
    bool news;
    char *line;

    if (!changed && !tale->unwritten && waiting == tale->waiting &&
        strcmp(tale->text, reason) == 0 && strcmp(tale->server, server) == 0)
        return;
    if (changed) {
        tale->since = (long long)time(NULL);
        said_clear(&tale->said);
    }
    news = said_add(&tale->said, reason);
    /* What isn't taken from etcd has been said where it was refused. */
    if (changed || (news && strcmp(state, "connected") != 0))
        (void)fprintf(stderr, "cwg etcd: %s%s%s\n", reason[0] ? reason : state,
                      reason[0] ? "" : " to ", reason[0] ? "" : server);
    (void)snprintf(tale->state, sizeof(tale->state), "%s", state);
    (void)snprintf(tale->server, sizeof(tale->server), "%s", server);
    (void)snprintf(tale->text, sizeof(tale->text), "%s", reason);
    tale->waiting = waiting;
    packed = json_pack("{s:s,s:s,s:I,s:s,s:s,s:I}", "carrier", "etcd", "state", state, "since",
                       (json_int_t)tale->since, "server", server, "reason", reason, "waiting",
                       (json_int_t)waiting);
    line = packed ? json_dumps(packed, JSON_COMPACT) : NULL;
    tale->unwritten = !line || store_write_lazily(tale->store, "carrier/etcd", line, &failure);
    free(line);
    json_decref(packed);
}

#include "cwg/agent/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link/link.h"

static void path_of(const struct agent_end *end, char ret_path[static STORE_PATH_SIZE])
{
    (void)snprintf(ret_path, STORE_PATH_SIZE, "status/%s", end->path);
}

static json_t *pack(const struct agent_end *end)
{
    const struct link_end own = {.net = end->want.net, .host = end->want.host};
    const char *engine = end->facts.running ? end->container.engine : end->want.engine;
    char container[END_ENGINE_SIZE + END_NAME_SIZE + 1];
    char address[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];

    (void)snprintf(container, sizeof(container), "%s%s%s", engine, engine[0] ? "/" : "",
                   end->want.name);
    link_address_to_text(own, address);
    link_address_to_text(link_other_end(own), peer);
    return json_pack("{s:s,s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:I,s:s}", "link", end->want.link, "net",
                     (int)end->want.net, "host", (int)end->want.host, "container", container,
                     "site", end->want.site, "address", address, "peer_address", peer, "state",
                     end_state_text(end->verdict.state), "since", (json_int_t)end->since, "reason",
                     end->reason);
}

void report(struct agent_end *end)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];
    json_t *packed;
    char *line;

    if (end->reported && end->reported_state == end->verdict.state &&
        strcmp(end->reported_reason, end->reason) == 0)
        return;
    if (!end->reported || end->reported_state != end->verdict.state)
        end->since = (int64_t)time(NULL);
    packed = pack(end);
    line = packed ? json_dumps(packed, JSON_COMPACT) : NULL;
    path_of(end, path);
    if (line && store_write(&end->house->store, path, line, &failure) == 0) {
        end->reported = true;
        end->reported_state = end->verdict.state;
        (void)snprintf(end->reported_reason, sizeof(end->reported_reason), "%s", end->reason);
    }
    free(line);
    json_decref(packed);
}

void report_remove(const struct agent_end *end)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];

    path_of(end, path);
    (void)store_remove(&end->house->store, path, &failure);
}

#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/join/ends.h"
#include "cwg/join/side.h"

enum {
    REMOVE_MS = 20000,
};

/* A link that is remembered, and which of its ends each side is. */
struct known {
    struct joined joined;
    int host[2];
};

/* Finds a side among the ends of a link. Returns its host number, or -1. */
static int find_host(const struct side *side, const struct joined *joined)
{
    for (int i = 0; i < 2; i++) {
        if (joined_is_same_end(side->end, &joined->end[i]))
            return i;
    }
    return -1;
}

static bool read_known(const struct work *work, uint32_t net, struct known *ret_known)
{
    struct failure unreadable = {.text = ""};

    if (joined_read(net, &ret_known->joined, &unreadable) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        ret_known->host[i] = find_host(&work->side[i], &ret_known->joined);
    return ret_known->host[0] >= 0 && ret_known->host[1] == 1 - ret_known->host[0];
}

/* Has a container the end that is remembered? Another link of this net and host has another key. */
static bool has_end(const json_t *links, const struct known *known, int side)
{
    const int host = known->host[side];
    const json_t *link = ends_link(links, known->joined.net, (uint32_t)host);
    const char *key = json_text(link, "public_key", KEY_TEXT_LENGTH);

    return key && strcmp(key, known->joined.end[host].key) == 0;
}

/* Looks again which ends are there: another join of the same containers may have made them one
 * after the other while this one looked. */
static int look_again(struct work *work, const struct known *known, bool ret_has[static 2],
                      struct failure *failure)
{
    struct call calls[2];
    int error;

    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = work->side[i].site,
                                 .request = request_look(&work->side[i].end->end)};
    error = calls_run(calls, 2, REMOVE_MS) ? calls_fail(calls, 2, failure) : 0;
    for (int i = 0; i < 2; i++)
        ret_has[i] = has_end(json_object_get(calls[i].answer, "links"), known, i);
    calls_free(calls, 2);
    return error;
}

/* Takes a link out of what the side's container had before. */
static void drop(struct side *side, uint32_t net, uint32_t host)
{
    const json_t *link = ends_link(side->links, net, host);

    for (size_t i = json_array_size(side->links); link && i > 0; i--) {
        if (json_array_get(side->links, i - 1) == link)
            (void)json_array_remove(side->links, i - 1);
    }
}

static int remove_end(struct side *side, uint32_t net, int host, struct failure *failure)
{
    struct call call = {.site = side->site, .request = request_destroy(side->container, net, host)};
    int error = calls_run(&call, 1, REMOVE_MS) ? calls_fail(&call, 1, failure) : 0;

    calls_free(&call, 1);
    if (!error) {
        drop(side, net, (uint32_t)host);
        joined_forget(net);
    }
    return error;
}

int work_remove_dead(struct work *work, struct failure *failure)
{
    struct failure unreadable = {.text = ""};
    uint32_t *nets;
    const int count = joined_list(&nets, &unreadable);
    int64_t when = 0;
    int error = 0;

    for (int i = 0; i < count && !error; i++) {
        struct known known;
        bool has[2];

        if (!read_known(work, nets[i], &known))
            continue;
        if (known.host[0] == 0 && known.joined.when >= when) {
            when = known.joined.when;
            work->had_net = true;
            work->last_net = nets[i];
        }
        if ((!has_end(work->side[0].links, &known, 0) && !has_end(work->side[1].links, &known, 1)))
            continue;
        error = look_again(work, &known, has, failure);
        for (int j = 0; j < 2 && !error; j++) {
            if (has[j] && !has[1 - j])
                error = remove_end(&work->side[j], nets[i], known.host[j], failure);
        }
    }
    free(nets);
    return error;
}

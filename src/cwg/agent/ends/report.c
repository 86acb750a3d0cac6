#include "cwg/agent/ends/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/record/record.h"
#include "link/link.h"

enum {
    AGAIN_MS = 10000, /* after it couldn't be written */
    REASONS_MAX = 8,  /* of a state, in the journal */
};

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

/* An agent before has told the same: it is so since then. */
static bool recall(struct agent_end *end)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE], line[STORE_LINE_SIZE];
    const char *state, *reason;
    json_t *told = NULL;
    bool same;

    path_of(end, path);
    if (store_read(&end->house->store, path, line, &failure) == 0)
        told = record_body(line);
    end->report_serial = record_serial(told);
    state = json_text(told, "state", STORE_LINE_SIZE);
    same = state && strcmp(state, end_state_text(end->verdict.state)) == 0 &&
           json_whole(told, "since", 0, INT64_MAX, &end->since) == 0;
    reason = json_text(told, "reason", STORE_LINE_SIZE);
    end->explained = same && reason && reason[0] ? 1 : 0;
    json_decref(told);
    return same;
}

/* A kernel's link goes to and fro between these without anything having happened. */
static bool is_well(enum end_state state)
{
    return state == END_CONNECTED || state == END_IN_SESSION;
}

/* Tells the journal. */
static void say(struct agent_end *end)
{
    const enum end_state state = end->verdict.state;
    const bool bad = state == END_REFUSED || state == END_STALE;

    end->explained += end->reason[0] ? 1 : 0;
    journal_say(&end->house->journal, bad ? JOURNAL_WARNING : JOURNAL_NOTICE,
                "link %s (%s%s%s): %s%s%s", end->want.link, end->want.engine,
                end->want.engine[0] ? "/" : "", end->want.name, end_state_text(state),
                end->reason[0] ? ": " : "", end->reason);
}

/* Does the store have this body already, signed by the key that this site has now? After a restart
 * of the agent etcd is told of no end anew about which there is nothing new. */
static bool is_told(const struct agent_end *end, const char *path, const json_t *packed)
{
    const struct household *house = end->house;
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE];
    json_t *body = NULL;
    bool same;

    if (store_read(&house->store, path, line, &failure) ||
        record_open(line, RECORD_OPERATORS, path, &house->key.public, &body, &failure))
        return false;
    (void)json_object_del(body, "serial");
    same = json_equal(body, packed);
    json_decref(body);
    return same;
}

/* The next serial: it rises also if the clock was set back. */
static int64_t next_serial(const struct agent_end *end)
{
    const int64_t today = clock_today();

    return today > end->report_serial ? today : end->report_serial + 1;
}

static int write_record(struct agent_end *end, const char *path, json_t *body)
{
    const int64_t serial = next_serial(end);
    struct failure failure = {.text = ""};
    char *line = NULL;
    int error = -1;

    if (json_object_set_new(body, "serial", json_integer(serial)) == 0)
        line = record_sign(&end->house->key, RECORD_OPERATORS, path, body, &failure);
    if (line)
        error = store_write_lazily(&end->house->store, path, line, &failure);
    if (!error)
        end->report_serial = serial;
    free(line);
    return error;
}

static void write_report(struct agent_end *end)
{
    const bool first = key_is_zero(&end->report_signer);
    char path[STORE_PATH_SIZE];
    json_t *body = pack(end);

    path_of(end, path);
    end->report_due = 0;
    end->report_signer = end->house->key.public;
    if (!(first && is_told(end, path, body)) && write_record(end, path, body))
        end->report_due = clock_now() + AGAIN_MS;
    json_decref(body);
}

/* Is the helper at work on what it has refused before? That is no news before it has ended. */
static bool is_tried_again(const struct agent_end *end)
{
    const enum decision decision = end->verdict.decision;

    return end->reported && end->reported_state == END_REFUSED &&
           (decision == DO_CREATE || decision == DO_REMAKE || decision == DO_CONNECT);
}

/* Is it news for the journal why the state is as it was? The first reason is, which may be known
 * only now; and another one for which nothing is done, for that may be another mistake. */
static bool is_reason_news(const struct agent_end *end)
{
    const enum end_state state = end->verdict.state;
    const bool idle = state == END_REFUSED || state == END_UNHEARD || state == END_PEER_DOWN;

    if (!end->reason[0] || is_well(state))
        return false;
    return !end->explained ||
           (idle && end->explained < REASONS_MAX && strcmp(end->reported_reason, end->reason) != 0);
}

void report(struct agent_end *end)
{
    const bool changed = !end->reported || end->reported_state != end->verdict.state;
    const bool same_key = key_equal(&end->report_signer, &end->house->key.public);

    if (!end->decided || is_tried_again(end))
        return;
    if (!changed && is_reason_news(end))
        say(end);
    if (!changed && same_key && strcmp(end->reported_reason, end->reason) == 0 &&
        (end->report_due == 0 || clock_now() < end->report_due))
        return;
    if (changed && (end->reported || !recall(end))) {
        end->since = (int64_t)time(NULL);
        end->explained = 0;
        if (!end->reported || !is_well(end->reported_state) || !is_well(end->verdict.state)) {
            end->house->changes++;
            say(end);
        }
    }
    end->reported = true;
    end->reported_state = end->verdict.state;
    (void)snprintf(end->reported_reason, sizeof(end->reported_reason), "%s", end->reason);
    write_report(end);
}

void report_remove(const struct agent_end *end)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];

    path_of(end, path);
    (void)store_remove(&end->house->store, path, &failure);
}

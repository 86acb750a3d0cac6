#include "cwg/etcd/gateway/watcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"

static int take_bytes(void *owner, const char *bytes, size_t length)
{
    struct watcher *watcher = owner;

    watcher->too_long = gateway_stream_add(&watcher->objects, bytes, length) != 0;
    return watcher->too_long ? -1 : 0;
}

int watcher_open(struct watcher *watcher, struct client *client, const char *prefix,
                 int64_t revision, struct failure *failure)
{
    char end[GATEWAY_KEY_SIZE], url[CLIENT_URL_SIZE + 64];
    json_t *request;
    char *body;
    int error;

    *watcher = (struct watcher){.client = client, .revision = revision - 1};
    watcher->stream.take = take_bytes;
    watcher->stream.owner = watcher;
    gateway_end_of(prefix, end);
    request = gateway_watch(prefix, end, revision);
    body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!body)
        return fail(failure, "system", "no memory");
    (void)snprintf(url, sizeof(url), "%s/v3/watch", client_url(client));
    error = http_open_stream(&client->http, &watcher->stream, url,
                             client->token[0] ? client->token : NULL, body, failure);
    free(body);
    return error;
}

/* Takes an answer. Returns 0, or -1: it is the last one. */
static int take_answer(struct watcher *watcher, const json_t *answer,
                       int (*take)(void *owner, const struct gateway_entry *entry,
                                   struct failure *failure),
                       void *owner, struct failure *failure)
{
    const json_t *result = json_object_get(answer, "result");
    const json_t *event;
    int64_t revision, compacted;
    const char *text, *reason;
    size_t i;

    if (gateway_error(answer, &text) != GATEWAY_FINE)
        return fail(failure, "watch", "the watch ended: %.200s", text);
    (void)gateway_number(result, "compact_revision", &compacted);
    reason = json_text(result, "cancel_reason", 300);
    if (compacted > 0)
        return fail(failure, "compacted", "the watch is behind a compaction");
    if (json_is_true(json_object_get(result, "canceled")))
        return fail(failure, "cancelled", "the watch is cancelled: %s", reason ? reason : "?");
    json_array_foreach(json_object_get(result, "events"), i, event)
    {
        struct gateway_entry entry;

        if (gateway_read_event(event, &entry) == 0 && take(owner, &entry, failure))
            return -1;
    }
    revision = gateway_header(result).revision;
    client_see(watcher->client, revision);
    watcher->revision = revision > watcher->revision ? revision : watcher->revision;
    return 0;
}

/* The stream is over, or isn't one. */
static int is_over(struct watcher *watcher, struct failure *failure)
{
    char quoted[FAILURE_QUOTE_SIZE], text[FAILURE_QUOTE_SIZE * 2] = "";
    const struct gateway_stream *objects = &watcher->objects;

    if (watcher->too_long)
        return fail(failure, "watch", "the watch tells more at once than it should");
    if (objects->length > 0)
        (void)snprintf(text, sizeof(text), "%.*s",
                       (int)(objects->length < sizeof(text) ? objects->length : sizeof(text) - 1),
                       objects->bytes);
    else if (watcher->stream.error[0])
        (void)snprintf(text, sizeof(text), "%s", watcher->stream.error);
    text[strcspn(text, "\n")] = '\0';
    return fail(failure, "watch", "the watch ended: %s",
                text[0] ? failure_quote(text, quoted) : "the server closed it");
}

int watcher_take(struct watcher *watcher,
                 int (*take)(void *owner, const struct gateway_entry *entry,
                             struct failure *failure),
                 void *owner, struct failure *failure)
{
    json_t *answer;
    int found;

    watcher->stream.came = false;
    while ((found = gateway_stream_next(&watcher->objects, &answer)) > 0) {
        const int error = take_answer(watcher, answer, take, owner, failure);

        json_decref(answer);
        if (error)
            return -1;
    }
    if (found < 0 || watcher->too_long || watcher->stream.ended)
        return is_over(watcher, failure);
    if (watcher->beat_due && watcher->revision >= watcher->beat)
        watcher->beat_due = 0;
    if (watcher->beat_due && clock_now() >= watcher->beat_due)
        return fail(failure, "watch", "the watch is silent");
    return 0;
}

void watcher_expect(struct watcher *watcher, int64_t revision)
{
    watcher->beat = revision;
    watcher->beat_due = clock_now() + WATCHER_BEAT_MS;
}

void watcher_close(struct watcher *watcher)
{
    if (watcher->client)
        http_close_stream(&watcher->client->http, &watcher->stream);
    gateway_stream_clear(&watcher->objects);
    watcher->beat_due = 0;
}

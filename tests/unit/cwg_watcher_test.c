#include "cwg/etcd/gateway/watcher.h"

#include <stdio.h>
#include <string.h>

#include "cwg/base/clock.h"
#include "unit.h"

static struct client client;
static struct watcher watcher;
static struct failure failure;
static char heard[1024];

static int hear(void *owner, const struct gateway_entry *entry, struct failure *reason)
{
    const size_t length = strlen(heard);

    (void)owner;
    (void)reason;
    (void)snprintf(heard + length, sizeof(heard) - length, "%s%s=%s@%d ", entry->deleted ? "-" : "",
                   entry->key, entry->value, (int)entry->revision);
    return 0;
}

/* The server says a text. Returns what watcher_take() does. */
static int say(const char *text)
{
    heard[0] = failure.text[0] = '\0';
    if (gateway_stream_add(&watcher.objects, text, strlen(text)))
        unit_trouble("no memory");
    return watcher_take(&watcher, hear, NULL, &failure);
}

static void begin(void)
{
    client = (struct client){.server = 0};
    gateway_stream_clear(&watcher.objects);
    watcher = (struct watcher){.client = &client, .revision = 4};
}

#define CREATED "{\"result\":{\"header\":{\"revision\":\"4\"},\"created\":true}}\n"
#define PUT(revision)                                                                              \
    "{\"result\":{\"header\":{\"revision\":\"" revision "\"},\"events\":[{\"kv\":{\"key\":\"L2E="  \
    "\",\"mod_revision\":\"" revision "\",\"value\":\"eA==\"}}]}}\n"

TEST(events_are_heard_and_their_revision_is_kept)
{
    begin();
    expect(say(CREATED) == 0 && !heard[0] && watcher.revision == 4, "%s", failure.text);
    expect(say(PUT("5") PUT("7")) == 0 && strcmp(heard, "/a=x@5 /a=x@7 ") == 0, "%s", heard);
    expect(watcher.revision == 7 && client.revision == 7, "%d", (int)watcher.revision);
    expect(say("{\"result\":{\"header\":{\"revision\":\"8\"},\"events\":[{\"type\":\"DELETE\","
               "\"kv\":{\"key\":\"L2E=\",\"mod_revision\":\"8\"}}]}}") == 0 &&
               strcmp(heard, "-/a=@8 ") == 0,
           "%s", heard);
    /* Events that aren't ours. */
    expect(say("{\"result\":{\"events\":[{},7,{\"kv\":{}}]}}{\"result\":{\"events\":{}}}{}") == 0 &&
               !heard[0] && watcher.revision == 8,
           "%s", heard);
    gateway_stream_clear(&watcher.objects);
}

/* Each of these ends a watch; etcd leaves the connection open, and says nothing more. */
TEST(ends_of_a_watch)
{
    static const struct {
        const char *said, *text;
    } cases[] = {
        {CREATED "{\"result\":{\"canceled\":true,\"compact_revision\":\"9\"}}\n",
         "behind a compaction"},
        {"{\"result\":{\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\"cancel_reason\":"
         "\"rpc error: permission denied\"}}\n",
         "permission denied"},
        {CREATED "{\"result\":{\"canceled\":true}}", "cancelled"},
        /* Without a newline: the server stops. */
        {CREATED
         "{\"error\":{\"grpc_code\":1,\"http_code\":408,\"message\":\"the client connection "
         "is closing\"}}",
         "the client connection is closing"},
        {"CommonName of client sending a request against gateway will be ignored",
         "the watch ended: CommonName of client"},
        {"{\"result\"]", "the watch ended"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        expect(say(cases[i].said) == -1 && strstr(failure.text, cases[i].text), "%zu: %s", i,
               failure.text);
        gateway_stream_clear(&watcher.objects);
    }
    begin();
    watcher.stream.ended = true;
    expect(say(PUT("5")) == -1 && strcmp(heard, "/a=x@5 ") == 0 &&
               strstr(failure.text, "the server closed it"),
           "%s %s", heard, failure.text);
    begin();
    watcher.too_long = true;
    expect(say("") == -1 && strstr(failure.text, "more at once"), "%s", failure.text);
    gateway_stream_clear(&watcher.objects);
}

TEST(a_beat_has_to_come_in_time)
{
    begin();
    watcher_expect(&watcher, 6);
    expect(watcher.beat_due > clock_now() + WATCHER_BEAT_MS / 2, "it is early");
    expect(say(PUT("5")) == 0 && watcher.beat_due, "another's event was the beat");
    expect(say(PUT("6")) == 0 && !watcher.beat_due, "%s", failure.text);
    watcher_expect(&watcher, 7);
    watcher.beat_due = clock_now() - 1;
    expect(say(PUT("7")) == 0, "it has come: %s", failure.text);
    watcher_expect(&watcher, 8);
    watcher.beat_due = clock_now() - 1;
    expect(say("") == -1 && strstr(failure.text, "silent"), "%s", failure.text);
    gateway_stream_clear(&watcher.objects);
}

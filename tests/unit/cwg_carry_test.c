#include "cwg/etcd/carry/telling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg_folder.h"
#include "unit.h"

enum {
    SECOND = 1000,
    MINUTE = 60000,
    PRESENCE = 7, /* the revision of the site's own key */
    KEYS_MAX = 300,
};

/* What etcd does with a call. */
enum mood {
    FINE,
    CHANGED, /* the presence isn't this site's any more */
    FULL,
    AWAY,
};

static int64_t now;
static enum mood mood;
static const char *forbidden; /* is part of a key that this site may not write; or NULL */
static int64_t revision;
static int calls;                   /* since telling() began */
static int written, deletes;        /* that etcd has done since then */
static int most;                    /* operations of one call */
static char keys[KEYS_MAX][128];    /* in the order in which they were put */
static char last[GATEWAY_KEY_SIZE]; /* that was deleted */

static char state[FOLDER_SIZE];
static struct store store;
static struct client_settings settings;
static struct client client;
static struct telling all;

/* Wrapped by the linker. */
int64_t __wrap_clock_now(void);
int __wrap_client_call(struct client *to, const char *name, json_t *request, json_t **ret_answer,
                       struct failure *failure);

int64_t __wrap_clock_now(void)
{
    return now;
}

/* Reads the operations of a call, and does them. Returns whether this site may. */
static bool operate(const json_t *operations, bool really)
{
    const json_t *operation;
    size_t i;

    json_array_foreach(operations, i, operation)
    {
        const json_t *request_put = json_object_get(operation, "request_put");
        struct gateway_entry entry;

        if (gateway_read_entry(request_put ? request_put
                                           : json_object_get(operation, "request_delete_range"),
                               &entry))
            unit_trouble("gateway_read_entry");
        if (forbidden && strstr(entry.key, forbidden))
            return false;
        if (!really)
            continue;
        if (request_put)
            (void)snprintf(keys[written++ % KEYS_MAX], sizeof(keys[0]), "%.127s", entry.key);
        else
            deletes++;
        if (!request_put)
            (void)snprintf(last, sizeof(last), "%s", entry.key);
    }
    most = most > (int)json_array_size(operations) ? most : (int)json_array_size(operations);
    return true;
}

int __wrap_client_call(struct client *to, const char *name, json_t *request, json_t **ret_answer,
                       struct failure *failure)
{
    const json_t *operations = json_object_get(request, "success");
    const bool allowed = operate(operations, false);

    expect(strcmp(name, "kv/txn") == 0, "%s", name);
    calls++;
    *ret_answer = NULL;
    to->code = mood == FULL ? GATEWAY_FULL : allowed ? GATEWAY_FINE : GATEWAY_FORBIDDEN;
    if (mood == FINE && allowed)
        (void)operate(operations, true);
    json_decref(request);
    if (mood == AWAY || to->code != GATEWAY_FINE)
        return fail(failure, "etcd", "%s", mood == FULL ? "no room" : "no");
    *ret_answer = json_pack("{s:{s:I},s:b}", "header", "revision", (json_int_t)++revision,
                            "succeeded", mood == FINE);
    return 0;
}

static void put(const char *path, const char *line)
{
    struct failure failure;

    if (store_write(&store, path, line, &failure))
        unit_trouble(failure.text);
}

/* The agent has changed a file, or removed it. */
static void change(const char *path, const char *line)
{
    struct failure failure;

    if (line)
        put(path, line);
    else if (store_remove(&store, path, &failure))
        unit_trouble(failure.text);
    telling_see(&all, path);
}

/* What is due is told. Returns what telling_run() does. */
static int tell(void)
{
    struct failure failure = {.text = ""};

    calls = written = deletes = most = 0;
    return telling_run(&all, PRESENCE, &failure);
}

static void begin(void)
{
    struct failure failure = {.text = ""};

    folder_make(state);
    if (store_open(&store, state, &failure))
        unit_trouble(failure.text);
    now = MINUTE;
    mood = FINE;
    forbidden = NULL;
    revision = 100;
    (void)snprintf(settings.prefix, sizeof(settings.prefix), "/cwg/v1");
    client = (struct client){.settings = &settings};
    all = (struct telling){.client = &client, .store = &store, .site = "site1", .all = true};
}

static void finish(void)
{
    telling_end(&all);
    store_close(&store);
    folder_remove(state);
}

TEST(a_record_and_a_state_are_put_once_below_their_keys)
{
    begin();
    put("out/site2/l.0", "a record");
    put("out/site1/l.0", "of a site to itself");
    put("out/site2/a-name-that-is-longer-than-any-that-a-link-may-have-with-its-host.0",
        "a record");
    put("status/l.0", "a state");
    expect(tell() == 0 && calls == 1 && written == 2, "%d puts in %d calls", written, calls);
    expect(strcmp(keys[0], "/cwg/v1/site/site2/in/site1/l.0") == 0, "%s", keys[0]);
    expect(strcmp(keys[1], "/cwg/v1/site/site1/status/l.0") == 0, "%s", keys[1]);
    now += TELLING_STATUS_MS;
    telling_see(&all, "out/site2/l.0");
    telling_see(&all, NULL);
    expect(tell() == 0 && calls == 0, "the same again");
    change("out/site2/l.0", "another record");
    expect(tell() == 0 && written == 1 && telling_waiting(&all) == 0, "%d puts", written);
    expect(telling_due(&all) == now + TELLING_LOOK_MS, "due in %ld ms",
           (long)(telling_due(&all) - now));
    put("out/site2/m.0", "unseen");
    now += TELLING_LOOK_MS - 1;
    expect(tell() == 0 && calls == 0, "looked at too early");
    now += 1;
    expect(tell() == 0 && written == 1, "not found");
    finish();
}

TEST(a_state_waits_half_a_minute_after_the_one_before_and_a_record_does_not)
{
    begin();
    put("status/l.0", "a state");
    (void)tell();
    change("status/l.0", "another");
    change("out/site2/l.0", "a record");
    expect(tell() == 0 && written == 1 && strstr(keys[0], "/in/"), "%d puts", written);
    expect(telling_due(&all) == now + TELLING_STATUS_MS && telling_waiting(&all) == 1, "due");
    now += TELLING_STATUS_MS - 1;
    change("status/l.0", "a third one");
    expect(tell() == 0 && calls == 0, "told early");
    now += 1;
    expect(tell() == 0 && written == 1 && telling_waiting(&all) == 0, "not told");
    finish();
}

TEST(a_state_goes_with_its_file_at_once_and_a_record_stays)
{
    struct failure failure;

    begin();
    put("status/l.0", "a state");
    put("status/m.0", "a state");
    put("out/site2/l.0", "a record");
    (void)tell();
    change("status/l.0", NULL); /* at once: nothing comes after it */
    change("out/site2/l.0", NULL);
    expect(tell() == 0 && deletes == 1 && written == 0, "%d deletes", deletes);
    expect(strcmp(last, "/cwg/v1/site/site1/status/l.0") == 0, "%s", last);
    if (store_remove(&store, "status/m.0", &failure)) /* unseen */
        unit_trouble(failure.text);
    telling_see(&all, NULL);
    expect(tell() == 0 && deletes == 1 && strstr(last, "m.0"), "%d deletes", deletes);
    telling_see(&all, NULL);
    expect(tell() == 0 && calls == 0 && all.count == 0, "%zu are known", all.count);
    finish();
}

TEST(many_are_told_a_hundred_at_once)
{
    char path[64];

    begin();
    for (int i = 0; i < 250; i++) {
        (void)snprintf(path, sizeof(path), "out/site%d/l%d.0", 2 + i % 3, i);
        put(path, "a record");
    }
    expect(tell() == 0 && written == 250 && calls == 3 && most == CLIENT_OPERATIONS,
           "%d in %d calls of %d", written, calls, most);
    finish();
}

/* Writes a file that isn't the agent's. */
static void spoil(const char *name, size_t length)
{
    FILE *file = fopen(folder_path(state, name), "we");

    for (size_t i = 0; file && i < length; i++)
        (void)fputc('x', file);
    if (!file || fclose(file) != 0)
        unit_trouble(name);
}

TEST(a_state_that_cannot_be_read_is_said_and_holds_up_no_other)
{
    begin();
    put("status/l.0", "a state");
    (void)tell();
    now += TELLING_STATUS_MS;
    spoil("status/l.0", STORE_LINE_SIZE + 1);
    put("status/m.0", "a state");
    telling_see(&all, NULL);
    expect(tell() == 0 && written == 1 && all.refusal[0] && telling_waiting(&all) == 1, "%s",
           all.refusal);
    now += TELLING_STATUS_MS;
    change("status/l.0", "a state"); /* as it was told */
    now += TELLING_STATUS_MS;
    expect(tell() == 0 && calls == 0 && !all.refusal[0], "%s", all.refusal);
    finish();
}

/* Half a list says nothing of the other half. */
TEST(a_folder_that_cannot_be_listed_makes_nothing_forgotten)
{
    char away[FOLDER_SIZE + 8], place[FOLDER_SIZE + 16];

    begin();
    put("out/site2/l.0", "a record");
    put("out/site3/m.0", "a record");
    (void)tell();
    (void)snprintf(away, sizeof(away), "%s/away", state);
    (void)snprintf(place, sizeof(place), "%s/out/site2", state);
    if (rename(place, away) < 0)
        unit_trouble("rename");
    spoil("out/site2", 1);
    telling_see(&all, NULL);
    expect(tell() == 0 && calls == 0, "%d calls", calls);
    if (remove(place) < 0 || rename(away, place) < 0)
        unit_trouble("rename");
    telling_see(&all, NULL);
    expect(tell() == 0 && calls == 0, "told again");
    finish();
}

TEST(a_key_that_is_forbidden_holds_up_no_other_and_is_tried_again_later)
{
    char path[32];

    begin();
    for (int i = 0; i < 5; i++) {
        (void)snprintf(path, sizeof(path), "out/site2/l%d.0", i);
        put(path, "a record");
    }
    forbidden = "/l2.0";
    expect(tell() == 0 && written == 4 && calls == 6, "%d in %d calls", written, calls);
    expect(all.refusal[0] && telling_waiting(&all) == 1, "refused: %s", all.refusal);
    change("out/site2/m.0", "a record");
    change("out/site2/n.0", "a record");
    expect(tell() == 0 && calls == 1 && written == 2 && all.refusal[0], "%d calls", calls);
    /* After 5 seconds, 10 and so on up to 5 minutes. */
    for (int i = 0, wait = 5; i < 9; i++, wait = wait < 150 ? 2 * wait : 300) {
        now += (wait - 1) * SECOND;
        expect(tell() == 0 && calls == 0, "tried before %d s", wait);
        now += SECOND;
        expect(tell() == 0 && calls == 1 && written == 0, "not tried after %d s", wait);
    }
    forbidden = NULL;
    telling_retry(&all);
    expect(tell() == 0 && written == 1 && !all.refusal[0], "%s", all.refusal);
    forbidden = "/l2.0";
    change("out/site2/l2.0", "another");
    (void)tell();
    change("out/site2/l2.0", "a third one"); /* it may be allowed now */
    forbidden = NULL;
    expect(tell() == 0 && calls == 0 && telling_due(&all) == now + 5 * SECOND, "at once");
    now += 5 * SECOND;
    expect(tell() == 0 && written == 1 && !all.refusal[0], "%s", all.refusal);
    finish();
}

TEST(a_full_store_is_tried_ever_more_rarely)
{
    int64_t wait = 0;

    begin();
    put("out/site2/l.0", "a record");
    mood = FULL;
    for (int i = 0; i < 8; i++) {
        expect(tell() == 0 && calls == 1 && all.full == i + 1, "%d calls", calls);
        wait = telling_due(&all) - now;
        expect(i > 0 || (wait >= SECOND && wait <= 2 * SECOND), "%ld ms at first", (long)wait);
        expect(strcmp(all.refusal, "no room") == 0, "%s", all.refusal);
        now += wait - 1;
        expect(tell() == 0 && calls == 0, "tried too early");
        now += 1;
    }
    expect(wait >= MINUTE / 2 && wait <= MINUTE, "%ld ms at last", (long)wait);
    (void)tell();
    telling_retry(&all);
    expect(tell() == 0 && calls == 1 && written == 0, "%d calls at once", calls);
    expect(!all.had_room, "there was room");
    mood = FINE;
    telling_retry(&all);
    expect(tell() == 0 && written == 1 && all.full == 0 && !all.refusal[0], "%s", all.refusal);
    expect(all.had_room, "there was no room");
    finish();
}

TEST(a_deletion_needs_no_room)
{
    begin();
    put("status/l.0", "a state");
    (void)tell();
    all.had_room = false;
    change("status/l.0", NULL);
    expect(tell() == 0 && deletes == 1 && !all.had_room, "%d deletes", deletes);
    finish();
}

TEST(what_somebody_else_puts_or_deletes_is_mended_at_once_and_not_all_the_time)
{
    begin();
    put("status/l.0", "a state");
    (void)tell();
    telling_know(&all, "status/l.0", "older", revision - 1);
    expect(tell() == 0 && calls == 0, "an older line");
    revision += 2;
    telling_know(&all, "status/l.0", "a state", revision);
    telling_know(&all, "status/l.0", "older", revision - 1);
    expect(tell() == 0 && calls == 0, "its own line");
    now += TELLING_STATUS_MS;
    telling_know(&all, "status/l.0", "a state", ++revision);
    expect(tell() == 0 && calls == 0, "its own line, later");
    telling_know(&all, "status/l.0", "forged", ++revision);
    expect(tell() == 0 && written == 1, "not mended");
    telling_know(&all, "status/l.0", NULL, ++revision);
    expect(tell() == 0 && calls == 0 && telling_due(&all) == now + TELLING_STATUS_MS, "at once");
    now += TELLING_STATUS_MS;
    expect(tell() == 0 && written == 1, "not mended later");
    telling_know(&all, "status/l.0", NULL, ++revision);
    expect(tell() == 0 && written == 1, "not put again");
    telling_know(&all, "status/none.0", "a state of nothing", ++revision);
    expect(tell() == 0 && deletes == 1 && written == 0, "%d deletes", deletes);
    finish();
}

TEST(all_is_put_again_if_it_may_be_lost)
{
    begin();
    put("out/site2/l.0", "a record");
    put("out/site2/m.0", "a record");
    (void)tell();
    telling_again(&all);
    expect(telling_due(&all) <= now, "later");
    expect(tell() == 0 && written == 2, "%d puts", written);
    put("status/l.0", "a state");
    telling_see(&all, NULL);
    (void)tell();
    telling_again(&all);
    telling_know(&all, "status/l.0", "a state", 1); /* of an older store */
    now += TELLING_STATUS_MS;
    expect(tell() == 0 && written == 2, "a low revision isn't heard: %d puts", written);
    finish();
}

TEST(what_etcd_has_not_taken_is_put_later)
{
    begin();
    put("out/site2/l.0", "a record");
    mood = CHANGED;
    expect(tell() == 1 && calls == 1 && telling_waiting(&all) == 1, "%d calls", calls);
    mood = AWAY;
    expect(tell() == -1 && calls == 1 && telling_waiting(&all) == 1, "%d calls", calls);
    mood = FINE;
    expect(tell() == 0 && written == 1 && telling_waiting(&all) == 0, "%d puts", written);
    finish();
}

TEST(a_state_that_a_list_does_not_have_is_put_again)
{
    begin();
    put("status/l.0", "a state");
    put("status/m.0", "a state");
    put("out/site2/l.0", "a record"); /* of which this site's list tells nothing */
    (void)tell();
    telling_begin_list(&all);
    telling_know(&all, "status/l.0", "a state", revision);
    telling_end_list(&all, revision + 1);
    expect(tell() == 0 && written == 1 && strstr(keys[0], "m.0"), "%d puts", written);
    now += TELLING_STATUS_MS;
    telling_begin_list(&all);
    telling_end_list(&all, revision + 1);
    expect(tell() == 0 && written == 2, "%d puts of two", written);
    finish();
}

TEST(a_site_is_behind_as_long_as_etcd_has_not_taken_a_state)
{
    begin();
    put("status/l.0", "a state");
    put("out/site2/l.0", "a record");
    expect(telling_is_behind(&all, now), "before the first look");
    forbidden = "/l.0";
    (void)tell();
    expect(telling_is_behind(&all, now), "forbidden");
    forbidden = "/in/";
    now += 5 * MINUTE;
    (void)tell();
    expect(!telling_is_behind(&all, now) && all.refusal[0], "for a record");
    change("status/l.0", "another");
    expect(!telling_is_behind(&all, now), "while it waits");
    expect(telling_is_behind(&all, now + TELLING_STATUS_MS), "later");
    finish();
}

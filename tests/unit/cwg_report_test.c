#include "cwg/agent/ends/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cwg/agent/carrier/reach.h"
#include "cwg/record/record.h"
#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE], line[STORE_LINE_SIZE];
static struct household house;
static struct agent_end end;
static struct failure failure;
static int kept;

/* An agent starts. */
static void start(void)
{
    journal_open(&house.journal);
    house.changes = 0;
    end = (struct agent_end){.house = &house,
                             .want = {.link = "l1", .net = 7, .name = "web", .site = "s2"},
                             .path = "l1.0"};
}

/* The site gets a key. */
static void make_key(const char *name)
{
    sitekey_close(&house.key);
    if (sitekey_make(folder_path(folder, name), &house.key, &failure))
        unit_trouble(failure.text);
}

static void begin(void)
{
    folder_make(folder);
    house = (struct household){.site = "s1"};
    if (store_open(&house.store, folder, &failure))
        unit_trouble(failure.text);
    make_key("key");
    kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (!freopen("/dev/null", "we", stderr))
        unit_trouble("freopen");
    start();
}

static void finish(void)
{
    (void)fflush(stderr);
    if (dup2(kept, STDERR_FILENO) < 0)
        unit_trouble("dup2");
    close(kept);
    store_close(&house.store);
    sitekey_close(&house.key);
    folder_remove(folder);
}

static void be(enum end_state state)
{
    end.verdict.state = state;
    end.decided = true;
    report(&end);
}

static bool told(const char *path, const char *part)
{
    return store_read(&house.store, path, line, &failure) == 0 && strstr(line, part);
}

/* Has the site signed, by its key of now, for operators, that the end is in a state? Returns the
 * serial, or 0. */
static int64_t signed_serial(const char *state)
{
    json_t *body = NULL;
    int64_t serial = 0;

    if (store_read(&house.store, "status/l1.0", line, &failure) == 0 &&
        record_open(line, "operators", "status/l1.0", &house.key.public, &body, &failure) == 0 &&
        strcmp(json_string_value(json_object_get(body, "state")), state) == 0)
        serial = record_serial(body);
    json_decref(body);
    return serial;
}

TEST(an_end_that_was_not_looked_at_is_not_told_of)
{
    begin();
    report(&end);
    expect(store_read(&house.store, "status/l1.0", line, &failure) == 1, "%s", line);
    be(END_CONNECTED);
    expect(signed_serial("connected") > 0, "%s", line);
    finish();
}

TEST(each_change_of_a_state_counts_once)
{
    begin();
    be(END_CONNECTED);
    be(END_CONNECTED);
    expect(house.changes == 1, "%d", (int)house.changes);
    be(END_STALE);
    expect(house.changes == 2 && signed_serial("stale") > 0, "%s", line);
    (void)snprintf(end.reason, sizeof(end.reason), "no answer");
    be(END_STALE);
    expect(house.changes == 2 && told("status/l1.0", "\\\"reason\\\":\\\"no answer\\\""), "%s",
           line);
    finish();
}

/* Each is another mistake of the operator's, maybe; of one that is silent there are too many. */
TEST(the_journal_has_each_reason_of_a_refusal_up_to_a_number)
{
    begin();
    be(END_REFUSED);
    expect(end.explained == 0, "%d", end.explained);
    for (int i = 1; i < 20; i++) {
        (void)snprintf(end.reason, sizeof(end.reason), "reason %d", i);
        be(END_REFUSED);
        be(END_REFUSED);
        expect(end.explained == (i < 8 ? i : 8), "reason %d: %d", i, end.explained);
    }
    be(END_STALE);
    expect(end.explained == 1 && house.changes == 2, "%d", end.explained);
    (void)snprintf(end.reason, sizeof(end.reason), "another one");
    be(END_STALE);
    expect(end.explained == 1, "%d", end.explained);
    finish();
}

TEST(a_session_that_is_quiet_is_no_news)
{
    begin();
    be(END_CONNECTED);
    be(END_IN_SESSION);
    expect(house.changes == 1 && told("status/l1.0", "in session"), "%s", line);
    be(END_CONNECTED);
    expect(house.changes == 1, "%d", (int)house.changes);
    be(END_CONNECTING);
    be(END_IN_SESSION);
    expect(house.changes == 3, "%d", (int)house.changes);
    finish();
}

TEST(an_agent_that_starts_goes_on_with_what_was_told)
{
    begin();
    be(END_CONNECTED);
    end.since -= 1000;
    end.reason[0] = 'x'; /* it is written anew, with that time */
    be(END_CONNECTED);
    const int64_t since = end.since;
    start();
    be(END_CONNECTED);
    expect(end.since == since && house.changes == 0, "%d changes", (int)house.changes);
    be(END_STALE);
    expect(end.since >= since + 1000 && house.changes == 1, "%d changes", (int)house.changes);
    start();
    be(END_CONNECTED);
    expect(end.since >= since + 1000 && house.changes == 1, "%d changes", (int)house.changes);
    finish();
}

TEST(each_record_has_a_higher_serial_also_if_the_clock_was_set_back)
{
    const int64_t future = INT64_C(9000000000000);

    begin();
    be(END_CONNECTED);
    end.report_serial = future; /* that clock */
    be(END_STALE);
    expect(signed_serial("stale") == future + 1, "%s", line);
    start();
    be(END_CONNECTED);
    expect(signed_serial("connected") == future + 2, "%s", line);
    finish();
}

TEST(an_agent_that_starts_writes_no_record_that_says_the_same)
{
    begin();
    be(END_CONNECTED);
    const int64_t serial = signed_serial("connected");
    start();
    be(END_CONNECTED);
    expect(serial > 0 && signed_serial("connected") == serial, "%s", line);
    start();
    (void)snprintf(end.reason, sizeof(end.reason), "another");
    be(END_CONNECTED);
    expect(signed_serial("connected") > serial, "%s", line);
    finish();
}

TEST(a_site_with_another_key_signs_anew_and_that_is_no_change)
{
    begin();
    be(END_CONNECTED);
    const int64_t since = end.since, serial = signed_serial("connected");
    make_key("another");
    expect(signed_serial("connected") == 0, "%s", line);
    be(END_CONNECTED);
    expect(signed_serial("connected") > serial, "%s", line);
    expect(house.changes == 1 && end.since == since, "%d changes", (int)house.changes);
    make_key("third"); /* while no agent ran */
    start();
    be(END_CONNECTED);
    expect(signed_serial("connected") > serial && end.since == since, "%s", line);
    finish();
}

TEST(what_could_not_be_written_is_written_later_and_is_no_other_change)
{
    const int directory = (begin(), house.store.directory);

    house.store.directory = -1;
    be(END_CONNECTED);
    expect(end.report_due > 0, "it doesn't try again");
    house.store.directory = directory;
    be(END_CONNECTED);
    expect(store_read(&house.store, "status/l1.0", line, &failure) == 1, "at once");
    end.report_due = 1;
    be(END_CONNECTED);
    expect(told("status/l1.0", "connected") && house.changes == 1 && end.report_due == 0, "%s",
           line);
    finish();
}

TEST(the_way_to_a_site_is_told_when_it_changes)
{
    struct reach reach = {.told = false};
    int directory;

    begin();
    expect(reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_CALLING, ""), "first");
    expect(!reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_CALLING, ""), "the same");
    expect(reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_DOWN, "refused"), "down");
    expect(told("carrier/s2", "\"state\":\"unreachable\"") && strstr(line, "refused"), "%s", line);
    expect(reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_DOWN, "timeout"), "reason");
    expect(told("carrier/s2", "timeout"), "%s", line);
    expect(!reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_DOWN, "refused"), "again");
    expect(told("carrier/s2", "refused"), "%s", line);
    expect(!reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_DOWN, "timeout"), "again");
    (void)store_remove(&house.store, "carrier/s2", &failure);
    expect(!reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_DOWN, "timeout") &&
               store_read(&house.store, "carrier/s2", line, &failure) == 1,
           "it was written again");
    /* The disk is full for a moment. */
    directory = house.store.directory;
    house.store.directory = -1;
    expect(reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_UP, ""), "up");
    house.store.directory = directory;
    expect(!reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_UP, ""), "up, again");
    expect(told("carrier/s2", "\"state\":\"reachable\""), "%s", line);
    /* Each reason is news again behind another state. */
    expect(reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_DOWN, "no route") &&
               reach_tell(&reach, &house.store, "s2", "ssh", "h", REACH_DOWN, "timeout"),
           "said before, in another time");
    reach_clear(&house.store);
    expect(store_read(&house.store, "carrier/s2", line, &failure) == 1, "it is left");
    finish();
}

/* From now on the journal's lines go to a place from which read_journal() has them. */
static int open_journal(void)
{
    const int place = memfd_create("said", MFD_CLOEXEC);

    (void)fflush(stderr);
    if (place < 0 || dup2(place, STDERR_FILENO) < 0)
        unit_trouble("memfd_create");
    return place;
}

static const char *read_journal(int place)
{
    static char text[4096];
    ssize_t length;

    (void)fflush(stderr);
    length = pread(place, text, sizeof(text) - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    close(place);
    return text;
}

TEST(a_bad_state_is_a_warning_in_systemd_s_journal)
{
    const char *text;
    int place;

    begin();
    house.journal.systemd = true;
    place = open_journal();
    be(END_CONNECTED);
    be(END_STALE);
    be(END_REFUSED);
    be(END_PEER_DOWN);
    text = read_journal(place);
    expect(strcmp(text,
                  "<5>link l1 (web): connected\n<4>link l1 (web): stale\n"
                  "<4>link l1 (web): refused\n<5>link l1 (web): the other end is down\n") == 0,
           "%s", text);
    finish();
}

/* The store may leave it open. */
TEST(a_report_names_the_engine_that_has_the_container)
{
    begin();
    be(END_NO_CONTAINER);
    expect(told("status/l1.0", ":\\\"web\\\""), "%s", line);
    (void)snprintf(end.container.engine, sizeof(end.container.engine), "podman");
    end.facts.running = true;
    be(END_CONNECTED);
    expect(told("status/l1.0", ":\\\"podman/web\\\""), "%s", line);
    finish();
}

/* The reason of a silent link is known later than its state. */
TEST(the_journal_has_a_reason_once_for_each_state)
{
    const char *text;
    int place;

    begin();
    place = open_journal();
    be(END_STALE);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(end.reason, sizeof(end.reason), "no answer for %d s", i);
        be(END_STALE);
    }
    end.reason[0] = '\0';
    be(END_CONNECTED);
    (void)snprintf(end.reason, sizeof(end.reason), "a record isn't believed");
    be(END_CONNECTED);
    text = read_journal(place);
    expect(strcmp(text, "cwg: link l1 (web): stale\ncwg: link l1 (web): stale: no answer for 0 s\n"
                        "cwg: link l1 (web): connected\n") == 0,
           "%s", text);
    expect(house.changes == 2, "%d", (int)house.changes);
    finish();
}

/* One that an agent before has said isn't said again. */
TEST(an_agent_that_starts_says_a_reason_that_no_agent_has_said)
{
    for (int i = 0; i < 2; i++) {
        const char *text;
        int place;

        begin();
        (void)snprintf(end.reason, sizeof(end.reason), "%s", i == 0 ? "" : "no answer");
        be(END_STALE);
        start();
        place = open_journal();
        be(END_STALE);
        (void)snprintf(end.reason, sizeof(end.reason), "no answer");
        be(END_STALE);
        text = read_journal(place);
        expect(strcmp(text, i == 0 ? "cwg: link l1 (web): stale: no answer\n" : "") == 0, "%d: %s",
               i, text);
        finish();
    }
}

TEST(the_report_of_an_end_that_is_none_any_more_is_removed)
{
    begin();
    be(END_OFF);
    expect(told("status/l1.0", "off"), "%s", line);
    report_remove(&end);
    expect(store_read(&house.store, "status/l1.0", line, &failure) == 1, "it is left");
    finish();
}

TEST(a_refusal_that_is_tried_again_is_told_when_the_trial_has_ended)
{
    static const enum decision trials[] = {DO_CREATE, DO_REMAKE, DO_CONNECT};

    begin();
    be(END_REFUSED);
    for (size_t i = 0; i < COUNT(trials); i++) {
        end.verdict.decision = trials[i];
        be(END_CREATING);
        expect(told("status/l1.0", "refused") && house.changes == 1, "%zu: %s", i, line);
    }
    end.verdict.decision = DO_NOTHING;
    be(END_REFUSED);
    expect(house.changes == 1, "%d", (int)house.changes);
    be(END_UNHEARD);
    expect(told("status/l1.0", "waiting for the other site") && house.changes == 2, "%s", line);
    finish();
}

TEST(a_text_is_said_once_until_the_trouble_is_over)
{
    struct said said = {.count = 0};
    char text[8] = "a0";

    expect(said_add(&said, "") && said_add(&said, "a") && !said_add(&said, "a") &&
               !said_add(&said, ""),
           "two texts");
    for (int i = 2; i < SAID_MAX; i++, text[1]++)
        expect(said_add(&said, text), "%s", text);
    expect(!said_add(&said, "one more"), "no end");
    said_clear(&said);
    expect(said_add(&said, "a"), "it is over");
}

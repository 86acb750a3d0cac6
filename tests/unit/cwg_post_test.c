#include "cwg/store/post.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/lines.h"
#include "cwg/store/keep.h"
#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE];
static struct failure failure;

/* Two sites, each with its store; their posts are joined by a pair of sockets. */
static struct side {
    const char *site;
    struct store store;
    struct post post;
    struct lines input;
    int stored; /* records that came and were new */
} * here, *there;
static bool joined;

static void begin(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the agent does */
    folder_make(folder);
    here = calloc(2, sizeof(*here));
    if (!here)
        unit_trouble("calloc");
    there = here + 1;
    here->site = "site1";
    there->site = "site2";
    for (int i = 0; i < 2; i++) {
        if (store_open(&here[i].store, folder_path(folder, here[i].site), &failure))
            unit_trouble(failure.text);
    }
}

static void join(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        unit_trouble("socketpair");
    here->input = (struct lines){.fd = pair[0]};
    there->input = (struct lines){.fd = pair[1]};
    expect(post_begin(&here->post, &here->store, there->site, pair[0], &failure) == 0, "%s",
           failure.text);
    expect(post_begin(&there->post, &there->store, here->site, pair[1], &failure) == 0, "%s",
           failure.text);
    joined = true;
}

static void part(void)
{
    for (int i = 0; joined && i < 2; i++) {
        post_end(&here[i].post);
        close(here[i].input.fd);
    }
    joined = false;
}

static void end(void)
{
    part();
    for (int i = 0; i < 2; i++)
        store_close(&here[i].store);
    free(here);
    folder_remove(folder);
}

/* A side takes what is there. */
static void take(struct side *side)
{
    struct pollfd ready = {.fd = side->input.fd, .events = POLLIN};
    enum lines_found found = LINES_MORE;
    char *line;

    while (found == LINES_MORE && poll(&ready, 1, 0) == 1) {
        found = lines_fill(&side->input);
        while (found == LINES_MORE && (found = lines_take(&side->input, &line)) == LINES_LINE) {
            const int result = post_take(&side->post, line, &failure);

            expect(result >= 0, "%s: %s", side->site, failure.text);
            side->stored += result > 0;
            found = LINES_MORE;
        }
    }
}

/* Both sides go on until nothing is left. Returns how many rounds that took. */
static int go_on(void)
{
    int rounds = 0;

    do {
        for (int i = 0; i < 2; i++) {
            expect(post_flush(&here[i].post, &failure) == 0, "%s", failure.text);
            take(&here[1 - i]);
        }
    } while (++rounds < 10000 && (post_waits(&here->post) || post_waits(&there->post)));
    return rounds;
}

static void put(struct side *side, const char *path, const char *line)
{
    if (store_write_lazily(&side->store, path, line, &failure))
        unit_trouble(failure.text);
}

static const char *get(struct side *side, const char *path)
{
    static char line[STORE_LINE_SIZE];

    return store_read(&side->store, path, line, &failure) == 0 ? line : "nothing";
}

/* Reads what was written to a descriptor. */
static const char *said(int fd)
{
    static char text[65536];
    const ssize_t length = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[length > 0 ? length : 0] = '\0';
    return text;
}

TEST(records_go_both_ways)
{
    begin();
    put(here, "out/site2/l.0", "{\"a\":\"b\"}");
    put(here, "out/site3/l.0", "another site's");
    put(there, "out/site1/l.1", "from there");
    put(there, "out/site1/m.0", "and one more");
    join();
    (void)go_on();
    expect(here->stored == 2 && there->stored == 1, "%d and %d", here->stored, there->stored);
    expect(strcmp(get(there, "in/site1/l.0"), "{\"a\":\"b\"}") == 0, "%s",
           get(there, "in/site1/l.0"));
    expect(strcmp(get(here, "in/site2/l.1"), "from there") == 0, "%s", get(here, "in/site2/l.1"));
    expect(strcmp(get(here, "in/site2/m.0"), "and one more") == 0, "%s", get(here, "in/site2/m.0"));
    expect(here->post.greeted && there->post.greeted, "no greeting");
    end();
}

TEST(the_first_line_is_the_greeting)
{
    begin();
    put(here, "out/site2/l.0", "{\"a\":1}");
    join();
    expect(strcmp(said(there->input.fd), "{\"cwg-post\":1,\"to\":\"site2\"}\n{\"path\":\"l.0\","
                                         "\"record\":\"{\\\"a\\\":1}\"}\n") == 0,
           "another line");
    end();
}

TEST(a_change_is_sent_once)
{
    begin();
    put(here, "out/site2/l.0", "one");
    join();
    (void)go_on();
    (void)said(there->input.fd);
    for (int i = 0; i < 2; i++) {
        const char *path = i ? "l.0" : NULL;

        expect(post_send(&here->post, path, &failure) == 0 && !said(there->input.fd)[0],
               "sent again");
        put(here, "out/site2/l.0", i ? "three" : "two");
        expect(post_send(&here->post, path, &failure) == 0 && strstr(said(there->input.fd), "l.0"),
               "not sent");
        expect(post_send(&here->post, path, &failure) == 0 && !said(there->input.fd)[0],
               "sent again");
    }
    /* Thousands may change one after the other: a look at one is none at the others. */
    put(here, "out/site2/b.0", "new");
    put(here, "out/site2/m.0", "new");
    expect(post_send(&here->post, "m.0", &failure) == 0 && !strstr(said(there->input.fd), "b.0"),
           "b.0, too");
    expect(post_send(&here->post, "b.0", &failure) == 0 && !strstr(said(there->input.fd), "m.0"),
           "m.0, too");
    expect(post_send(&here->post, NULL, &failure) == 0 && !said(there->input.fd)[0], "sent again");
    (void)store_remove(&here->store, "out/site2/m.0", &failure);
    expect(post_send(&here->post, "m.0", &failure) == 0 && !said(there->input.fd)[0], "removed");
    put(here, "out/site2/m.0", "new");
    expect(post_send(&here->post, "m.0", &failure) == 0 && strstr(said(there->input.fd), "m.0"),
           "told again after it was removed");
    end();
}

/* Names that no record of a link has: what an event of inotify may name. */
TEST(other_names_are_not_sent)
{
    static const char *const names[] = {"..", ".l.0.77", "", "a/b", "-x"};
    char long_name[100] = "";

    begin();
    memset(long_name, 'a', 67);
    join();
    (void)said(there->input.fd);
    for (size_t i = 0; i < COUNT(names); i++)
        expect(post_send(&here->post, names[i], &failure) == 0, "%s", names[i]);
    put(here, "out/site2/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x");
    expect(post_send(&here->post, long_name, &failure) == 0, "long");
    expect(here->post.told_count == 0, "noted");
    expect(post_send(&here->post, NULL, &failure) == 0, "all");
    expect(!said(there->input.fd)[0] && here->post.told_count == 0, "something was sent");
    end();
}

/* One file that can't be read is nothing to the others. */
TEST(a_spoiled_record_stops_no_other)
{
    begin();
    put(here, "out/site2/a.0", "a");
    put(here, "out/site2/c.0", "c");
    if (mkdirat(here->store.directory, "out/site2/b.0", 0700) < 0)
        unit_trouble("mkdirat");
    put(here, "out/site2/aa.0", "\xff is no UTF-8");
    join();
    (void)go_on();
    expect(there->stored == 2, "%d", there->stored);
    end();
}

TEST(a_record_that_is_there_is_not_written_again)
{
    begin();
    put(here, "out/site2/l.0", "one");
    put(there, "in/site1/l.0", "one");
    put(here, "out/site2/m.0", "one");
    put(there, "in/site1/m.0", "another");
    join();
    (void)go_on();
    expect(there->stored == 1, "%d", there->stored);
    expect(strcmp(get(there, "in/site1/m.0"), "one") == 0, "%s", get(there, "in/site1/m.0"));
    end();
}

#define RECORD(by, serial) "{\"by\":\"" by "\",\"body\":\"{\\\"serial\\\":" serial "}\"}"

/* It was on its way in a session that was believed to be lost. */
TEST(an_older_record_replaces_none)
{
    static const struct {
        const char *before, *record;
        bool stored;
    } cases[] = {
        {RECORD("a", "7"), RECORD("a", "8"), true},
        {RECORD("a", "7"), RECORD("a", "6"), false},
        {RECORD("a", "7"), RECORD("b", "6"), true},
        {RECORD("a", "7"), "{\"by\":\"a\"}", false},
        {RECORD("a", "7"), "spoiled", true},
        {"spoiled", RECORD("a", "6"), true},
        {"{}", RECORD("a", "6"), true},
    };

    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        put(here, "out/site2/l.0", cases[i].record);
        put(there, "in/site1/l.0", cases[i].before);
        there->stored = 0;
        join();
        (void)go_on();
        expect(there->stored == cases[i].stored, "%zu: %d", i, there->stored);
        part();
    }
    end();
}

/* Neither side reads before it has begun to write, and no socket has room for all. */
TEST(hundreds_of_records_go_both_ways_at_once)
{
    enum { RECORDS = 800 };
    char path[64], line[1001];
    int64_t begun;

    begin();
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (int i = 0; i < RECORDS; i++) {
        (void)snprintf(path, sizeof(path), "out/site2/l-%d.0", i);
        put(here, path, line);
        (void)snprintf(path, sizeof(path), "out/site1/l-%d.1", i);
        put(there, path, line);
    }
    begun = clock_now();
    join();
    expect(clock_now() - begun < 5000, "began after %d ms", (int)(clock_now() - begun));
    (void)go_on();
    expect(here->stored == RECORDS && there->stored == RECORDS, "%d and %d", here->stored,
           there->stored);
    end();
}

/* Any of these ends the session. */
TEST(garbage_is_refused)
{
    static const struct {
        const char *lines[2]; /* the first one may be NULL */
        const char *refusal;
    } cases[] = {
        {{NULL, ""}, "doesn't greet"},
        {{NULL, "{}"}, "doesn't greet"},
        {{NULL, "SSH-2.0-x"}, "doesn't greet"},
        {{NULL, "{\"path\":\"l.0\",\"record\":\"x\"}"}, "doesn't greet"},
        {{NULL, "{\"cwg\":1}"}, "doesn't greet"},
        {{NULL, "{\"cwg-post\":0}"}, "doesn't greet"},
        {{NULL, "{\"cwg-post\":\"1\"}"}, "doesn't greet"},
        {{NULL, "{\"cwg-post\":2}"}, "by version 2, and this cwg by 1"},
        {{NULL, "{\"cwg-post\":1,\"to\":\"site7\"}"}, "ssh key for site site7, and not for site1"},
        {{"{\"cwg-post\":1,\"to\":\"site1\"}", ""}, "no record"},
        {{"{\"cwg-post\":1}", ""}, "no record"},
        {{"{\"cwg-post\":1}", "[]"}, "no record"},
        {{"{\"cwg-post\":1}", "null"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"l.0\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"record\":\"x\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":7,\"record\":\"x\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"l.0\",\"record\":{}}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"..\",\"record\":\"x\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"../site3/l.0\",\"record\":\"x\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"\",\"record\":\"x\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\".x\",\"record\":\"x\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"a\\u0000b\",\"record\":\"x\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"l.0\",\"record\":\"a\\nb\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"l.0\",\"record\":\"a\\u0000b\"}"}, "no record"},
        {{"{\"cwg-post\":1}", "{\"path\":\"l.0\",\"path\":\"l.1\",\"record\":\"x\"}"}, "no record"},
    };

    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        join();
        here->post.own = "site1";
        if (cases[i].lines[0])
            expect(post_take(&here->post, cases[i].lines[0], &failure) == 0, "%zu: %s", i,
                   failure.text);
        failure.text[0] = '\0';
        expect(post_take(&here->post, cases[i].lines[1], &failure) < 0 &&
                   strstr(failure.text, cases[i].refusal) && unit_is_printable(failure.text),
               "%zu: %s", i, failure.text);
        part();
    }
    end();
}

TEST(a_path_and_a_record_have_a_limit)
{
    char line[STORE_LINE_SIZE + 200], text[STORE_LINE_SIZE];

    begin();
    join();
    expect(post_take(&here->post, "{\"cwg-post\":1}", &failure) == 0, "%s", failure.text);
    memset(text, 'x', sizeof(text));
    for (int length = 66; length <= 67; length++) {
        (void)snprintf(line, sizeof(line), "{\"path\":\"%.*s\",\"record\":\"x\"}", length, text);
        expect(post_take(&here->post, line, &failure) == (length == 66 ? 1 : -1), "%d: %s", length,
               failure.text);
    }
    for (int length = STORE_LINE_SIZE - 2; length <= STORE_LINE_SIZE - 1; length++) {
        (void)snprintf(line, sizeof(line), "{\"path\":\"l.0\",\"record\":\"%.*s\"}", length, text);
        expect(post_take(&here->post, line, &failure) == (length == STORE_LINE_SIZE - 2 ? 1 : -1),
               "%d: %s", length, failure.text);
    }
    end();
}

TEST(a_site_tells_of_so_many_links)
{
    char line[128];
    int stored = 0;

    begin();
    put(here, "in/site2/before.0", "x");
    join();
    expect(post_take(&here->post, "{\"cwg-post\":1}", &failure) == 0, "%s", failure.text);
    expect(post_take(&here->post, "{\"path\":\"m.0\",\"record\":\"x\"}", &failure) == 1 &&
               here->post.kept == 2,
           "counted %zu", here->post.kept);
    here->post.kept = KEEP_RECORDS_MAX - 5;
    while (stored < 10) {
        (void)snprintf(line, sizeof(line), "{\"path\":\"l-%d.0\",\"record\":\"x\"}", stored);
        if (post_take(&here->post, line, &failure) < 0)
            break;
        stored++;
    }
    expect(stored == 5 && strstr(failure.text, "more than 20000 links"), "%d: %s", stored,
           failure.text);
    expect(post_take(&here->post, "{\"path\":\"m.0\",\"record\":\"y\"}", &failure) == 1,
           "one that is there can't change: %s", failure.text);
    end();
}

TEST(silence_ends_a_session)
{
    begin();
    join();
    (void)go_on();
    (void)said(there->input.fd);
    expect(post_run(&here->post, &failure) > clock_now() + POST_PAUSE_MS / 2, "it is early");
    expect(!said(there->input.fd)[0], "a line before it was time");
    here->post.said -= POST_PAUSE_MS;
    expect(post_run(&here->post, &failure) > clock_now() + POST_PAUSE_MS / 2, "%s", failure.text);
    expect(strcmp(said(there->input.fd), "{}\n") == 0, "no line");
    expect(post_take(&there->post, "{}", &failure) == 0, "%s", failure.text);
    there->post.heard -= POST_PAUSE_MS;
    expect(post_take(&there->post, "{}", &failure) == 0 &&
               there->post.heard > clock_now() - POST_PAUSE_MS,
           "not heard: %s", failure.text);
    here->post.heard -= POST_SILENCE_MS - 1000;
    expect(post_run(&here->post, &failure) <= clock_now() + 1000, "called too late");
    here->post.heard -= 1000;
    expect(post_run(&here->post, &failure) == -1 && strstr(failure.text, "silent for 60 s"), "%s",
           failure.text);
    end();
}

TEST(changes_that_nobody_told_of_are_found)
{
    begin();
    join();
    (void)go_on();
    (void)said(there->input.fd);
    put(here, "out/site2/l.0", "new");
    here->post.looked -= POST_LOOK_MS;
    expect(post_run(&here->post, &failure) > 0 && strstr(said(there->input.fd), "new"), "%s",
           failure.text);
    end();
}

/* The agent must not wait for it. */
TEST(a_reader_that_does_not_read_holds_nobody_up)
{
    char line[3001], path[64];
    int64_t begun;

    begin();
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (int i = 0; i < 300; i++) {
        (void)snprintf(path, sizeof(path), "out/site2/l-%d.0", i);
        put(here, path, line);
    }
    begun = clock_now();
    join();
    for (int i = 0; i < 100; i++)
        expect(post_flush(&here->post, &failure) == 0, "%s", failure.text);
    expect(post_waits(&here->post), "all was written");
    expect(clock_now() - begun < 5000, "it took %d ms", (int)(clock_now() - begun));
    expect(post_run(&here->post, &failure) > clock_now(), "%s", failure.text);
    here->post.said -= POST_SILENCE_MS;
    expect(post_run(&here->post, &failure) == -1 && strstr(failure.text, "nobody reads"), "%s",
           failure.text);
    end();
}

/* Nor for one that reads as fast as it can. */
TEST(much_is_sent_in_pieces)
{
    char path[64], line[3001];
    struct stat status = {.st_size = 0};
    int file, pieces = 1;

    begin();
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (int i = 0; i < 100; i++) {
        (void)snprintf(path, sizeof(path), "out/site2/l-%d.0", i);
        put(here, path, line);
    }
    file = open(folder_path(folder, "output"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    expect(post_begin(&here->post, &here->store, "site2", file, &failure) == 0, "%s", failure.text);
    for (; post_waits(&here->post) && pieces < 100; pieces++)
        expect(post_flush(&here->post, &failure) == 0, "%s", failure.text);
    expect(fstat(file, &status) == 0 && status.st_size > 100 * 3000L, "%ld bytes",
           (long)status.st_size);
    expect(pieces > 4 && pieces < 10, "%d pieces", pieces);
    post_end(&here->post);
    close(file);
    end();
}

TEST(a_reader_that_has_gone_ends_a_session)
{
    begin();
    join();
    (void)go_on();
    close(there->input.fd);
    put(here, "out/site2/l.0", "new");
    expect(post_send(&here->post, "l.0", &failure) < 0 && strstr(failure.text, "nobody reads"),
           "%s", failure.text);
    there->input.fd = dup(here->input.fd);
    end();
}

#include "cwg/etcd/gateway/patience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cwg/etcd/gateway/client.h"
#include "cwg_folder.h"
#include "unit.h"

enum {
    DRAWS = 1000,
    SECOND = 1000,
    MINUTE = 60000,
};

static int64_t now = MINUTE;
static const char *answer; /* the server's to a call; NULL: none */
static long status;        /* of HTTP, with the answer */
static int64_t takes;      /* milliseconds until the answer, or until a call without one ends */
static int given;          /* milliseconds that the last call was given */
static int logins;         /* since a test cleared it */
static char asked[256];    /* the body of the last call */

/* Wrapped by the linker. */
int64_t __wrap_clock_now(void);
int __wrap_http_post(struct http *http, const char *url, const char *token, const char *body,
                     int milliseconds, struct http_answer *ret_answer, struct failure *failure);

int64_t __wrap_clock_now(void)
{
    return now;
}

int __wrap_http_post(struct http *http, const char *url, const char *token, const char *body,
                     int milliseconds, struct http_answer *ret_answer, struct failure *failure)
{
    (void)http;
    (void)token;
    (void)snprintf(asked, sizeof(asked), "%s", body);
    *ret_answer = (struct http_answer){.status = status};
    given = milliseconds;
    logins += strstr(url, "authenticate") ? 1 : 0;
    now += takes < milliseconds ? takes : milliseconds;
    if (!answer || takes > milliseconds)
        return fail(failure, "unreachable", "no answer in time");
    ret_answer->body = strdup(answer);
    ret_answer->length = strlen(answer);
    return ret_answer->body ? 0 : -1;
}

static struct client_settings settings;
static struct client client;

static void begin(void)
{
    settings = (struct client_settings){.urls = 2, .user = "site1"};
    client = (struct client){.settings = &settings, .call_ms = CLIENT_CALL_MS};
    takes = logins = 0;
    answer = NULL;
}

/* The server answers a login after so long, or not at all. Returns what comes of it. */
static int log_in(long code, const char *text, int64_t milliseconds)
{
    struct failure failure = {.text = ""};

    status = code;
    answer = text;
    takes = milliseconds;
    return client_authenticate(&client, &failure);
}

/* Returns the longest of many waits. Expects them to be spread from about 0 on. */
static int64_t longest_wait(const struct patience *patience)
{
    int64_t least = INT64_MAX, most = 0;

    for (int i = 0; i < DRAWS; i++) {
        const int64_t wait = patience_spread(patience);

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    expect(least >= 0 && least < most / 10, "the shortest is %d ms", (int)least);
    return most;
}

static void expect_longest(const struct patience *patience, int64_t wanted)
{
    const int64_t most = longest_wait(patience);

    expect(most < wanted && most > wanted * 9 / 10, "the longest is %d ms", (int)most);
}

TEST(a_login_may_take_twice_as_long_each_time_that_no_answer_came_up_to_two_minutes)
{
    static const int wanted[] = {30, 60, 120, 120, 120};
    struct patience patience = {.misses = 0};

    for (size_t i = 0; i < COUNT(wanted); i++) {
        expect(patience_of(&patience) == wanted[i] * SECOND, "%d ms", patience_of(&patience));
        patience_miss(&patience);
    }
    for (int i = 0; i < DRAWS; i++)
        patience_miss(&patience);
    expect(patience_of(&patience) == 120 * SECOND, "%d ms", patience_of(&patience));
    patience_forget(&patience);
    expect(patience_of(&patience) == 30 * SECOND, "%d ms", patience_of(&patience));
}

TEST(logins_are_spread_over_a_second_at_first_and_over_half_of_the_last_one_s_time_after_a_miss)
{
    struct patience patience = {.misses = 0};

    expect_longest(&patience, SECOND);
    patience_miss(&patience);
    expect_longest(&patience, 15 * SECOND);
    patience_miss(&patience);
    expect_longest(&patience, 30 * SECOND);
    for (int i = 0; i < DRAWS; i++) {
        patience_miss(&patience);
        expect(patience_spread(&patience) < 30 * SECOND, "longer than half a minute");
    }
    patience_forget(&patience);
    expect_longest(&patience, SECOND);
}

TEST(a_server_that_is_late_is_given_more_time_and_one_that_refuses_or_is_away_isnt)
{
    begin();
    settings.urls = 1;
    expect(log_in(0, NULL, INT64_MAX) && given == 30 * SECOND, "%d ms", given);
    expect(log_in(0, NULL, INT64_MAX) && given == 60 * SECOND, "%d ms", given);
    expect(log_in(400, "{\"error\":\"authentication failed\",\"code\":3}", SECOND), "it passes");
    expect(log_in(0, NULL, SECOND) && given == 120 * SECOND, "a refusal counts: %d ms", given);
    expect(log_in(0, NULL, SECOND) && given == 120 * SECOND, "no connection counts: %d ms", given);
    expect(log_in(200, "{\"token\":\"t\"}", 100 * SECOND) == 0, "an answer in time fails");
    expect(strcmp(client.token, "t") == 0, "token %s", client.token);
    expect(log_in(0, NULL, INT64_MAX) && given == 30 * SECOND, "not forgiven: %d ms", given);
}

TEST(one_silent_server_of_several_is_given_half_a_minute_each_time_and_all_late_ones_more)
{
    begin();
    for (int i = 0; i < 5; i++) {
        expect(log_in(0, NULL, INT64_MAX) && given == 30 * SECOND, "%d ms", given);
        client_next(&client);
        expect(log_in(200, "{\"token\":\"t\"}", SECOND) == 0, "the other one fails");
        client_next(&client);
    }
    client_next(&client);
    expect(log_in(0, NULL, INT64_MAX) && given == 30 * SECOND, "the other one: %d ms", given);
    expect(log_in(0, NULL, INT64_MAX) && given == 60 * SECOND, "both: %d ms", given);
}

/* Many carriers log in at once at a server that has a part of a processor. It works on all logins
 * at the same time, also on those that nobody waits for any more. */

enum {
    CARRIERS = 300,
    LOGIN_US = 73000, /* of the server's processor, as measured: doc/scale.md */
    STEP = 250,       /* milliseconds */
    LOGINS = 8 * CARRIERS,
};

struct work {
    int left; /* microseconds; 0: done */
    int carrier;
};

static struct herd {
    struct patience patience[CARRIERS];
    int64_t due[CARRIERS];  /* it begins, or */
    int64_t late[CARRIERS]; /* gives up; 0: it has no login */
    bool in[CARRIERS];
    struct work work[LOGINS];
    size_t logins;
    int64_t time;
} herd;

static void ask(int carrier)
{
    struct patience *patience = &herd.patience[carrier];

    if (herd.in[carrier])
        return;
    if (herd.late[carrier] && herd.time >= herd.late[carrier]) {
        for (size_t i = 0; i < herd.logins; i++)
            herd.work[i].carrier = herd.work[i].carrier == carrier ? -1 : herd.work[i].carrier;
        patience_miss(patience);
        herd.late[carrier] = 0;
        herd.due[carrier] = herd.time + patience_spread(patience);
    }
    if (!herd.late[carrier] && herd.time >= herd.due[carrier] && herd.logins < LOGINS) {
        herd.work[herd.logins++] = (struct work){.left = LOGIN_US, .carrier = carrier};
        herd.late[carrier] = herd.time + patience_of(patience);
    }
}

/* The server works for one step. */
static void work(int percent)
{
    int busy = 0, share;

    for (size_t i = 0; i < herd.logins; i++)
        busy += herd.work[i].left > 0;
    share = busy ? STEP * 10 * percent / busy : 0;
    for (size_t i = 0; i < herd.logins; i++) {
        struct work *one = &herd.work[i];

        if (one->left <= 0)
            continue;
        one->left -= share;
        if (one->left <= 0 && one->carrier >= 0)
            herd.in[one->carrier] = true;
    }
}

/* Returns the seconds until all are in; or -1: they aren't within half an hour. */
static int all_log_in(int percent)
{
    herd = (struct herd){.time = 0};
    for (int i = 0; i < CARRIERS; i++)
        herd.due[i] = patience_spread(&herd.patience[i]);
    for (; herd.time < 30 * MINUTE; herd.time += STEP) {
        int in = 0;

        for (int i = 0; i < CARRIERS; i++) {
            ask(i);
            in += herd.in[i];
        }
        if (in == CARRIERS)
            return (int)(herd.time / SECOND);
        work(percent);
    }
    return -1;
}

TEST(three_hundred_carriers_at_once_get_in_at_a_server_with_a_fifth_of_a_processor)
{
    static const struct {
        int percent, seconds;
    } cases[] = {{200, 15}, {100, 30}, {50, 120}, {30, 300}, {20, 900}};

    srandom(1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int seconds = all_log_in(cases[i].percent);

        expect(seconds >= 0 && seconds <= cases[i].seconds, "with %d %% of a processor: %d s",
               cases[i].percent, seconds);
    }
}

TEST(a_token_is_used_at_the_next_server_and_a_new_one_is_had_if_it_is_refused)
{
    struct failure failure = {.text = ""};
    json_t *got;

    begin();
    expect(log_in(200, "{\"token\":\"t\"}", 0) == 0 && logins == 1, "no login");
    client_next(&client);
    expect(strcmp(client.token, "t") == 0, "the token is forgotten");
    answer = "{\"header\":{\"revision\":\"5\"}}";
    expect(client_call(&client, "kv/range", json_object(), &got, &failure) == 0 && logins == 1,
           "%d logins", logins);
    json_decref(got);
    status = 401;
    answer = "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}";
    expect(client_call(&client, "kv/range", json_object(), &got, &failure) && logins == 2,
           "%d logins", logins);
    expect(!client.token[0], "the refused token is kept");
}

TEST(only_a_client_that_has_to_log_in_waits_before_and_only_for_the_server_that_was_late)
{
    int64_t most = 0;

    begin();
    patience_miss(&client.patience[0]);
    settings.user[0] = '\0';
    for (int i = 0; i < DRAWS; i++)
        expect(client_spread(&client) == 0, "a wait without a user");
    settings.user[0] = 'u';
    for (int i = 0; i < DRAWS; i++) {
        const int64_t wait = client_spread(&client);

        most = wait > most ? wait : most;
    }
    expect(most > SECOND, "%d ms", (int)most);
    client_next(&client);
    for (int i = 0; i < DRAWS; i++)
        expect(client_spread(&client) < SECOND, "the other server pays for it");
    client_next(&client);
    client.token[0] = 't';
    for (int i = 0; i < DRAWS; i++)
        expect(client_spread(&client) == 0, "a wait with a token");
}

static void write_password(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    if (!file || fputs(text, file) < 0 || fclose(file) || chmod(path, 0600) < 0)
        unit_trouble(path);
}

TEST(each_login_has_the_password_that_the_file_has_then)
{
    struct failure failure = {.text = ""};
    char folder[FOLDER_SIZE], path[FOLDER_SIZE + 16];

    folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s", folder_path(folder, "password"));
    begin();
    settings.password_file = path;
    status = 400;
    answer = "{\"error\":\"authentication failed\",\"code\":3}";
    write_password(path, "one\n");
    expect(client_authenticate(&client, &failure) && strstr(asked, "\"password\":\"one\""), "%s",
           asked);
    expect(strstr(failure.text, "etcd-user site1") && strstr(failure.text, path), "%s",
           failure.text);
    status = 200;
    answer = "{\"token\":\"t\"}";
    write_password(path, "two");
    expect(client_authenticate(&client, &failure) == 0 && strstr(asked, "\"password\":\"two\""),
           "%s", asked);
    write_password(path, "");
    logins = 0;
    expect(client_authenticate(&client, &failure) && logins == 0 &&
               strstr(failure.text, "has no password"),
           "%s", failure.text);
    folder_remove(folder);
}

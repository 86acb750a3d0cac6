#include "cwg/etcd/gateway/patience.h"

#include <stdlib.h>
#include <string.h>

#include "cwg/etcd/gateway/client.h"
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
    (void)body;
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
    settings = (struct client_settings){.urls = 2, .user = "site1", .password = "secret"};
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

TEST(a_login_may_take_twice_as_long_each_time_that_no_answer_came_up_to_four_minutes)
{
    static const int wanted[] = {30, 60, 120, 240, 240, 240};
    struct patience patience = {.misses = 0};

    for (size_t i = 0; i < COUNT(wanted); i++) {
        expect(patience_of(&patience) == wanted[i] * SECOND, "%d ms", patience_of(&patience));
        patience_miss(&patience);
    }
    for (int i = 0; i < DRAWS; i++)
        patience_miss(&patience);
    expect(patience_of(&patience) == 240 * SECOND, "%d ms", patience_of(&patience));
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
        expect(patience_spread(&patience) < MINUTE, "longer than a minute");
    }
    patience_forget(&patience);
    expect_longest(&patience, SECOND);
}

TEST(a_server_that_is_late_is_given_more_time_and_one_that_refuses_or_is_away_isnt)
{
    begin();
    expect(log_in(0, NULL, INT64_MAX) && given == 30 * SECOND, "%d ms", given);
    expect(log_in(0, NULL, INT64_MAX) && given == 60 * SECOND, "%d ms", given);
    expect(log_in(400, "{\"error\":\"authentication failed\",\"code\":3}", SECOND), "it passes");
    expect(log_in(0, NULL, SECOND) && given == 120 * SECOND, "a refusal counts: %d ms", given);
    expect(log_in(0, NULL, SECOND) && given == 120 * SECOND, "no connection counts: %d ms", given);
    client_next(&client);
    expect(log_in(0, NULL, INT64_MAX) && given == 30 * SECOND, "another server: %d ms", given);
    client_next(&client);
    expect(log_in(200, "{\"token\":\"t\"}", 100 * SECOND) == 0, "an answer in time fails");
    expect(strcmp(client.token, "t") == 0, "token %s", client.token);
    expect(log_in(0, NULL, INT64_MAX) && given == 30 * SECOND, "not forgiven: %d ms", given);
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

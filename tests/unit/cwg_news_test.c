#include "cwg/record/news.h"

#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/store/want.h"
#include "unit.h"

static struct failure failure;

#define KEY   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
#define OTHER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI="
#define ZERO  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NEWS(rest)                                                                                 \
    "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" KEY                                \
    "\",\"endpoints\":[\"192.0.2.1:51801\",\"[2001:db8::1]:51801\"]" rest "}"

static struct news news_of(const char *text)
{
    struct news news = {.serial = 0};
    json_t *body = json_read_line(text);

    if (!body || news_unpack(body, &news, &failure))
        unit_trouble(text);
    json_decref(body);
    return news;
}

TEST(news_are_read_as_they_were_written)
{
    static const char *const texts[] = {
        NEWS(""),
        NEWS(",\"peer\":\"" OTHER "\""),
        NEWS(",\"peer\":\"" OTHER "\",\"heard\":1795747885000"),
        "{\"serial\":2,\"net\":0,\"host\":0,\"up\":false,\"heard\":1}",
        "{\"serial\":1,\"net\":0,\"host\":0,\"up\":false}",
        "{\"serial\":9223372036854775807,\"net\":4194303,\"host\":1,\"up\":true,\"key\":\"" KEY
        "\",\"endpoints\":[]}",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct news news = news_of(texts[i]);
        json_t *body = json_read_line(texts[i]), *again = news_pack(&news);

        expect(json_equal(body, again), "%s", texts[i]);
        json_decref(body);
        json_decref(again);
    }
}

TEST(news_have_what_the_text_says)
{
    const struct news news = news_of(NEWS(",\"peer\":\"" OTHER "\",\"later\":[1]"));
    char text[ENDPOINT_TEXT_SIZE];

    expect(news.serial == 3 && news.net == 7 && news.host == 1 && news.up, "numbers");
    expect(news.key.bytes[31] == 1 && news.peer.bytes[31] == 2, "keys");
    expect(news.endpoints == 2, "%d endpoints", news.endpoints);
    endpoint_to_text(&news.endpoint[1], text);
    expect(strcmp(text, "[2001:db8::1]:51801") == 0, "%s", text);
}

/* What isn't up has no key, whatever is told. */
TEST(an_end_that_is_down_has_nothing_else)
{
    const struct news news =
        news_of("{\"serial\":3,\"net\":7,\"host\":1,\"up\":false,\"key\":\"" KEY
                "\",\"endpoints\":7,\"peer\":\"" KEY "\"}");

    expect(key_is_zero(&news.key) && key_is_zero(&news.peer) && news.endpoints == 0, "something");
}

TEST(news_that_are_wrong_in_one_member_are_refused)
{
    static const struct {
        const char *member, *value; /* JSON; NULL for none */
    } cases[] = {
        {"serial", NULL},
        {"serial", "0"},
        {"serial", "-1"},
        {"serial", "1.0"},
        {"serial", "\"3\""},
        {"serial", "null"},
        {"net", NULL},
        {"net", "-1"},
        {"net", "2147483648"},
        {"net", "\"7\""},
        {"host", NULL},
        {"host", "-1"},
        {"host", "2"},
        {"host", "true"},
        {"up", NULL},
        {"up", "1"},
        {"up", "null"},
        {"key", NULL},
        {"key", "7"},
        {"key", "\"\""},
        {"key", "\"" ZERO "\""},
        {"key", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAF=\""},
        {"key", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\""},
        {"key", "\"" KEY "\\u0000\""},
        {"peer", "\"" ZERO "\""},
        {"peer", "null"},
        {"heard", "0"},
        {"heard", "\"1\""},
        {"peer", "{}"},
        {"endpoints", NULL},
        {"endpoints", "{}"},
        {"endpoints", "\"192.0.2.1:1\""},
        {"endpoints", "[7]"},
        {"endpoints", "[null]"},
        {"endpoints", "[\"192.0.2.1\"]"},
        {"endpoints", "[\"192.0.2.1:0\"]"},
        {"endpoints", "[\"192.0.2.1:1 -\"]"},
        {"endpoints", "[\"192.0.2.1:1\\ncwg_destroy\"]"},
        {"endpoints", "[\"site:1\"]"},
        {"endpoints", "[\"0.0.0.0:1\"]"},
        {"endpoints", "[\"[fe80::1]:1\"]"},
        {"endpoints", "[\"192.0.2.1:1\",\"\"]"},
        {"endpoints", "[\"192.0.2.1:1\",\"192.0.2.1:2\",\"192.0.2.1:3\",\"192.0.2.1:4\","
                      "\"192.0.2.1:5\"]"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *body = json_read_line(NEWS(""));
        struct news news = {.serial = 77};

        if (cases[i].value)
            (void)json_object_set_new(
                body, cases[i].member,
                json_loads(cases[i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
        else
            (void)json_object_del(body, cases[i].member);
        failure.text[0] = '\0';
        expect(news_unpack(body, &news, &failure) < 0, "%s: %s", cases[i].member, cases[i].value);
        expect(news.serial == 77 && unit_is_printable(failure.text), "%s: %s", cases[i].member,
               failure.text);
        json_decref(body);
    }
    expect(news_unpack(NULL, &(struct news){.serial = 0}, &failure) < 0, "no body");
}

TEST(news_are_equal_if_all_but_the_serial_is)
{
    static const char *const texts[] = {
        NEWS(""),
        NEWS(",\"peer\":\"" KEY "\""),
        NEWS(",\"peer\":\"" OTHER "\""),
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":false}",
        "{\"serial\":3,\"net\":8,\"host\":1,\"up\":false}",
        "{\"serial\":3,\"net\":7,\"host\":0,\"up\":false}",
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" OTHER "\",\"endpoints\":[]}",
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" KEY "\",\"endpoints\":[]}",
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" KEY
        "\",\"endpoints\":[\"192.0.2.1:1\"]}",
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" KEY
        "\",\"endpoints\":[\"192.0.2.1:2\"]}",
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" KEY
        "\",\"endpoints\":[\"192.0.2.2:1\"]}",
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" KEY
        "\",\"endpoints\":[\"[2001:db8::1]:1\"]}",
        "{\"serial\":3,\"net\":7,\"host\":1,\"up\":true,\"key\":\"" KEY
        "\",\"endpoints\":[\"[2001:db8::2]:1\"]}",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct news one = news_of(texts[i]);

        one.serial = 99;
        for (size_t j = 0; j < COUNT(texts); j++) {
            const struct news other = news_of(texts[j]);

            expect(news_equal(&one, &other) == (i == j), "%s and %s", texts[i], texts[j]);
        }
    }
}

#define WANT                                                                                       \
    "{\"link\":\"l-7f3a\",\"net\":7,\"host\":1,"                                                   \
    "\"container\":{\"engine\":\"podman\",\"name\":\"web\"},"                                      \
    "\"peer\":{\"site\":\"site2\"},"                                                               \
    "\"port\":51801,\"keepalive\":25,\"mtu\":1280,\"off\":true,"                                   \
    "\"forget\":true,\"psk\":\"/etc/cwg/a psk\"}"

TEST(a_want_is_read_as_it_was_written)
{
    struct want want, again;
    char *line;

    expect(want_read(WANT, &want, &failure) == 0, "%s", failure.text);
    expect(strcmp(want.link, "l-7f3a") == 0 && want.net == 7 && want.host == 1 &&
               strcmp(want.engine, "podman") == 0 && strcmp(want.name, "web") == 0 &&
               strcmp(want.site, "site2") == 0 && want.port == 51801 && want.keepalive == 25 &&
               want.mtu == 1280 && want.off && want.forget &&
               strcmp(want.psk, "/etc/cwg/a psk") == 0,
           "another want");
    line = want_write(&want);
    expect(line && want_read(line, &again, &failure) == 0 && want_equal(&want, &again), "%s", line);
    free(line);
}

TEST(a_want_needs_no_settings)
{
    struct want want;

    expect(want_read("{\"link\":\"l\",\"net\":0,\"host\":0,\"container\":{\"name\":\"web\"},"
                     "\"peer\":{\"site\":\"s\"}}",
                     &want, &failure) == 0,
           "%s", failure.text);
    expect(!want.engine[0] && !want.port && !want.keepalive && !want.mtu && !want.off, "something");
}

/* A name of 64 characters, and 16 and 254 for others. */
#define N16  "aaaaaaaaaaaaaaaa"
#define N64  N16 N16 N16 N16
#define N254 N64 N64 N64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

TEST(a_want_that_is_wrong_in_one_member_is_refused)
{
    static const struct {
        const char *path[2]; /* of a member; the second may be NULL */
        const char *value;
        const char *refusal;
    } cases[] = {
        {{"link"}, NULL, "needs a name"},
        {{"link"}, "7", "needs a name"},
        {{"link"}, "\"\"", "needs a name"},
        {{"link"}, "\"..\"", "needs a name"},
        {{"link"}, "\".l\"", "needs a name"},
        {{"link"}, "\"-l\"", "needs a name"},
        {{"link"}, "\"_l\"", "needs a name"},
        {{"link"}, "\"a/b\"", "needs a name"},
        {{"link"}, "\"a b\"", "needs a name"},
        {{"link"}, "\"a\\u0000b\"", "needs a name"},
        {{"link"}, "\"a\\nb\"", "needs a name"},
        {{"link"}, "\"\\u00e4\"", "needs a name"},
        {{"link"}, "\"" N64 "\"", "needs a name"},
        {{"net"}, NULL, "\"net\" is missing: a number from 0 to 8388607"},
        {{"net"}, "-1", "\"net\""},
        {{"net"}, "2147483648", "\"net\""},
        {{"net"}, "7.0", "\"net\""},
        {{"host"}, NULL, "\"host\""},
        {{"host"}, "2", "\"host\""},
        {{"container"}, NULL, "\"container\""},
        {{"container"}, "\"web\"", "\"container\""},
        {{"container", "name"}, NULL, "\"container\""},
        {{"container", "name"}, "7", "\"container\""},
        {{"container", "name"}, "\"\"", "\"container\""},
        {{"container", "name"}, "\"--all\"", "\"container\""},
        {{"container", "name"}, "\"$(id)\"", "\"container\""},
        {{"container", "name"}, "\"a/b\"", "\"container\""},
        {{"container", "name"}, "\"" N254 "\"", "\"container\""},
        {{"container", "engine"}, "\"-x\"", "\"container\""},
        {{"container", "engine"}, "\"a;b\"", "\"container\""},
        {{"container", "engine"}, "7", "\"container\""},
        {{"container", "engine"}, "\"" N16 "\"", "\"container\""},
        {{"peer"}, NULL, "\"peer\" needs"},
        {{"peer"}, "[]", "\"peer\" needs"},
        {{"peer", "site"}, NULL, "\"peer\" needs"},
        {{"peer", "site"}, "\"..\"", "\"peer\" needs"},
        {{"peer", "site"}, "\"" N64 "\"", "\"peer\" needs"},
        {{"port"}, "-1", "\"port\""},
        {{"port"}, "65536", "\"port\""},
        {{"port"}, "\"1\"", "\"port\""},
        {{"keepalive"}, "65536", "\"keepalive\""},
        {{"keepalive"}, "null", "\"keepalive\""},
        {{"mtu"}, "575", "\"mtu\""},
        {{"mtu"}, "65456", "\"mtu\""},
        {{"off"}, "\"yes\"", "\"off\""},
        {{"off"}, "1", "\"off\""},
        {{"forget"}, "1", "\"forget\" has to be true or false"},
        {{"psk"}, "7", "\"psk\""},
        {{"psk"}, "\"key\"", "\"psk\""},
        {{"psk"}, "\"/" N254 "/\"", "\"psk\""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *body = json_read_line(WANT);
        json_t *in = cases[i].path[1] ? json_object_get(body, cases[i].path[0]) : body;
        const char *member = cases[i].path[cases[i].path[1] != NULL];
        struct want want = {.net = 77};
        char *line;

        if (cases[i].value)
            (void)json_object_set_new(
                in, member, json_loads(cases[i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
        else
            (void)json_object_del(in, member);
        line = json_dumps(body, JSON_COMPACT);
        failure.text[0] = '\0';
        expect(want_read(line, &want, &failure) < 0 && strstr(failure.text, cases[i].refusal) &&
                   unit_is_printable(failure.text),
               "%s: %s", line, failure.text);
        expect(want.net == 77, "%s: written", line);
        free(line);
        json_decref(body);
    }
}

TEST(what_is_no_want_is_refused)
{
    static const char *const lines[] = {"",     "{}",     "[]",
                                        "null", WANT "x", "{\"link\":\"l\",\"link\":\"l\"}"};
    struct want want;

    for (size_t i = 0; i < COUNT(lines); i++)
        expect(want_read(lines[i], &want, &failure) < 0, "%s", lines[i]);
}

TEST(wants_are_equal_if_all_is)
{
    struct want want, other;

    if (want_read(WANT, &want, &failure))
        unit_trouble("want_read");
    expect(want_equal(&want, &want), "itself");
#define DIFFERS(change)                                                                            \
    other = want;                                                                                  \
    change;                                                                                        \
    expect(!want_equal(&want, &other), #change)
    DIFFERS(other.link[0]++);
    DIFFERS(other.net++);
    DIFFERS(other.host = 0);
    DIFFERS(other.engine[0]++);
    DIFFERS(other.name[0]++);
    DIFFERS(other.site[0]++);
    DIFFERS(other.port++);
    DIFFERS(other.keepalive++);
    DIFFERS(other.mtu++);
    DIFFERS(other.off = false);
}

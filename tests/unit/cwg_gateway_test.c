#include "cwg/etcd/gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct gateway_entry entry;

static json_t *read_json(const char *text)
{
    json_t *read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    if (!read)
        unit_trouble(text);
    return read;
}

/* Expects a request to be this text, and frees it. */
static void expect_request(json_t *request, const char *text)
{
    char *dumped = request ? json_dumps(request, JSON_COMPACT) : NULL;

    expect(dumped && strcmp(dumped, text) == 0, "%s", dumped ? dumped : "NULL");
    free(dumped);
    json_decref(request);
}

TEST(requests_are_as_etcd_reads_them)
{
    expect_request(gateway_get("/a"), "{\"key\":\"L2E=\"}");
    expect_request(gateway_put("/a", "", 7), "{\"key\":\"L2E=\",\"value\":\"\",\"lease\":\"7\"}");
    expect_request(gateway_range("/a", "/b", 500, 9007199254740993),
                   "{\"key\":\"L2E=\",\"range_end\":\"L2I=\",\"limit\":500,\"revision\":"
                   "\"9007199254740993\",\"sort_order\":\"ASCEND\",\"sort_target\":\"KEY\"}");
    expect_request(gateway_compare("/a", 0), "{\"key\":\"L2E=\",\"target\":\"MOD\",\"result\":"
                                             "\"EQUAL\",\"mod_revision\":\"0\"}");
    expect_request(gateway_watch("/a", "/b", 3),
                   "{\"create_request\":{\"key\":\"L2E=\",\"range_end\":\"L2I=\","
                   "\"start_revision\":\"3\",\"fragment\":true}}");
    expect_request(
        gateway_transaction(
            NULL, json_pack("[o]", gateway_operation("request_delete_range", gateway_delete("/a"))),
            NULL),
        "{\"success\":[{\"request_delete_range\":{\"key\":\"L2E=\"}}]}");
}

TEST(the_end_of_a_prefix_is_the_next_key)
{
    char end[GATEWAY_KEY_SIZE];

    gateway_end_of("/cwg/site/a/", end);
    expect(strcmp(end, "/cwg/site/a0") == 0, "%s", end);
}

/* Numbers of 64 bits are texts, and zero is left out. */
TEST(numbers)
{
    static const struct {
        const char *text;
        int result;
        int64_t number;
    } cases[] = {
        {"{}", 0, 0},
        {"{\"n\":\"0\"}", 0, 0},
        {"{\"n\":\"9223372036854775807\"}", 0, INT64_MAX},
        {"{\"n\":9223372036854775807}", 0, INT64_MAX},
        {"{\"n\":\"9223372036854775808\"}", -1, 0},
        {"{\"n\":\"99999999999999999999999\"}", -1, 0},
        {"{\"n\":\"-1\"}", -1, 0},
        {"{\"n\":-1}", -1, 0},
        {"{\"n\":\"\"}", -1, 0},
        {"{\"n\":\"1 \"}", -1, 0},
        {"{\"n\":\"0x1\"}", -1, 0},
        {"{\"n\":1.5}", -1, 0},
        {"{\"n\":null}", -1, 0},
        {"{\"n\":true}", -1, 0},
        {"{\"n\":[]}", -1, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *object = read_json(cases[i].text);
        int64_t number = 77;

        expect(gateway_number(object, "n", &number) == cases[i].result && number == cases[i].number,
               "%s: %lld", cases[i].text, (long long)number);
        json_decref(object);
    }
}

TEST(headers)
{
    json_t *answer = read_json("{\"header\":{\"cluster_id\":\"14841639068965178418\","
                               "\"member_id\":\"1\",\"revision\":\"41\",\"raft_term\":\"2\"}}");
    struct gateway_header header = gateway_header(answer);

    expect(header.cluster == 14841639068965178418U && header.revision == 41, "%lld",
           (long long)header.revision);
    json_decref(answer);
    for (int i = 0; i < 3; i++) {
        static const char *const none[] = {"{}", "{\"header\":[]}",
                                           "{\"header\":{\"revision\":\"x\",\"cluster_id\":7}}"};

        answer = read_json(none[i]);
        header = gateway_header(answer);
        expect(header.cluster == 0 && header.revision == 0, "%s", none[i]);
        json_decref(answer);
    }
}

static int read_entry(const char *text)
{
    json_t *packed = read_json(text);
    const int result = gateway_read_entry(packed, &entry);

    json_decref(packed);
    return result;
}

TEST(keys_with_their_values)
{
    expect(read_entry("{\"key\":\"L2E=\",\"value\":\"eA==\",\"mod_revision\":\"3\"}") == 0 &&
               strcmp(entry.key, "/a") == 0 && strcmp(entry.value, "x") == 0 &&
               entry.revision == 3 && !entry.deleted && !entry.foreign,
           "%s %s", entry.key, entry.value);
    /* A value that is empty is left out. */
    expect(read_entry("{\"key\":\"L2E=\"}") == 0 && !entry.value[0] && !entry.foreign, "empty");
    /* These aren't ours. */
    expect(read_entry("{\"key\":\"L2E=\",\"value\":\"YQBi\"}") == 0 && entry.foreign, "NUL");
    expect(read_entry("{\"key\":\"L2E=\",\"value\":\"YQpi\"}") == 0 && entry.foreign, "newline");
    expect(read_entry("{\"key\":\"L2E=\",\"value\":\"!\"}") == 0 && entry.foreign, "no base64");
    expect(read_entry("{\"key\":\"L2E=\",\"value\":7}") == 0 && entry.foreign, "a number");
    expect(read_entry("{\"value\":\"eA==\"}") == -1, "no key");
    expect(read_entry("{\"key\":\"\"}") == -1, "an empty key");
    expect(read_entry("{\"key\":\"L2EA\"}") == -1, "a NUL in a key");
    expect(read_entry("{\"key\":\"L2\"}") == -1, "half a key");
    expect(read_entry("{\"key\":\"L2E=\",\"mod_revision\":\"x\"}") == -1, "no revision");
}

/* A value of so many bytes: 4095 are the most. */
TEST(a_value_has_a_limit)
{
    for (size_t length = GATEWAY_VALUE_SIZE - 4; length < GATEWAY_VALUE_SIZE + 5; length++) {
        char value[GATEWAY_VALUE_SIZE + 8];
        json_t *put;

        memset(value, 'v', length);
        value[length] = '\0';
        put = gateway_put("/a", value, 0);
        expect(gateway_read_entry(put, &entry) == 0 &&
                   entry.foreign == (length >= GATEWAY_VALUE_SIZE) &&
                   (entry.foreign || strcmp(entry.value, value) == 0),
               "%zu", length);
        json_decref(put);
    }
}

TEST(events)
{
    json_t *event = read_json("{\"kv\":{\"key\":\"L2E=\",\"value\":\"eA==\"}}");

    expect(gateway_read_event(event, &entry) == 0 && !entry.deleted, "PUT is left out");
    json_decref(event);
    event = read_json("{\"type\":\"DELETE\",\"kv\":{\"key\":\"L2E=\",\"mod_revision\":\"9\"}}");
    expect(gateway_read_event(event, &entry) == 0 && entry.deleted && entry.revision == 9,
           "DELETE");
    json_decref(event);
    event = read_json("{\"type\":\"DELETE\"}");
    expect(gateway_read_event(event, &entry) == -1, "no key");
    json_decref(event);
}

/* Where a list goes on: behind the key, and behind those that are none of ours. */
TEST(the_next_page_begins_behind_any_key)
{
    static const struct {
        const char *key, *next; /* of the key base64 */
    } cases[] = {
        {"L2E=", "/a\x01"},  {"L2EA", "/a "}, /* "/a" and a NUL */
        {"L2EKYg==", "/a "},                  /* "/a", a newline, "b" */
        {"", NULL},          {"!", NULL},
    };
    char next[GATEWAY_KEY_SIZE], long_key[4001] = "";
    json_t *packed;

    for (size_t i = 0; i < COUNT(cases); i++) {
        packed = json_pack("{s:s}", "key", cases[i].key);
        expect(gateway_key_after(packed, next) == (cases[i].next ? 0 : -1) &&
                   (!cases[i].next || strcmp(next, cases[i].next) == 0),
               "%zu: %s", i, next);
        json_decref(packed);
    }
    for (size_t i = 0; i + 4 < sizeof(long_key); i += 4)
        memcpy(long_key + i, "YWFh", 5); /* "aaa" */
    packed = json_pack("{s:s}", "key", long_key);
    expect(gateway_key_after(packed, next) == 0 && strlen(next) == 403 && next[402] == '\xff',
           "%zu", strlen(next));
    json_decref(packed);
}

TEST(errors)
{
    static const struct {
        const char *text;
        enum gateway_code code;
        const char *says;
    } cases[] = {
        {"{\"header\":{}}", GATEWAY_FINE, ""},
        {"{\"error\":\"x\",\"message\":\"etcdserver: y\",\"code\":5}", GATEWAY_ABSENT,
         "etcdserver: y"},
        {"{\"error\":\"only this\",\"code\":16}", GATEWAY_NO_TOKEN, "only this"},
        {"{\"error\":{\"grpc_code\":1,\"http_code\":408,\"message\":\"closing\"}}",
         GATEWAY_CANCELLED, "closing"},
        {"{\"code\":9,\"message\":\"etcdserver: z\"}", GATEWAY_UNMET, "etcdserver: z"},
        {"{\"error\":{\"code\":16,\"message\":\"token\"}}", GATEWAY_NO_TOKEN, "token"},
        {"{\"error\":\"etcdserver: mvcc: database space exceeded\",\"message\":\"etcdserver: mvcc: "
         "database space exceeded\",\"code\":8}",
         GATEWAY_FULL, "etcdserver: mvcc: database space exceeded"},
        {"{\"code\":8,\"message\":\"etcdserver: mvcc: database space exceeded\"}", GATEWAY_FULL,
         "etcdserver: mvcc: database space exceeded"},
        {"{\"error\":\"etcdserver: too many requests\",\"code\":8}", GATEWAY_UNAVAILABLE,
         "etcdserver: too many requests"},
        {"{\"code\":8,\"message\":\"etcdserver: too many requests\"}", GATEWAY_UNAVAILABLE,
         "etcdserver: too many requests"},
        {"{\"error\":{}}", GATEWAY_UNAVAILABLE, "an error without a text"},
        {"{\"error\":7}", GATEWAY_UNAVAILABLE, "an error without a text"},
        {"{\"error\":\"x\",\"code\":0}", GATEWAY_UNAVAILABLE, "x"},
        {"{\"error\":\"x\",\"code\":99999}", GATEWAY_UNAVAILABLE, "x"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *answer = read_json(cases[i].text);
        const char *text;

        expect(gateway_error(answer, &text) == cases[i].code && strcmp(text, cases[i].says) == 0,
               "%s: %s", cases[i].text, text);
        json_decref(answer);
    }
}

/* Objects with and without a newline between them, cut at each place. */
TEST(a_stream_may_be_cut_anywhere)
{
    static const char text[] = "{\"a\":\"}\\\"{\\\\\"}\n{\"b\":[{},{\"c\":1}]}{\"d\":2}\r\n\n {}";

    for (size_t cut = 0; cut < sizeof(text); cut++) {
        struct gateway_stream stream = {.bytes = NULL};
        json_t *object;
        int count = 0;

        for (int part = 0; part < 2; part++) {
            expect(gateway_stream_add(&stream, part ? text + cut : text,
                                      part ? sizeof(text) - 1 - cut : cut) == 0,
                   "%zu", cut);
            while (gateway_stream_next(&stream, &object) > 0) {
                count++;
                json_decref(object);
            }
        }
        expect(count == 4 && stream.length == 0, "%zu: %d", cut, count);
        gateway_stream_clear(&stream);
    }
}

TEST(what_is_no_object_ends_a_stream)
{
    static const char *const cases[] = {"CommonName of client sending a request",
                                        "}",
                                        "[1]",
                                        "{\"a\":1,\"a\":2}",
                                        "{a}",
                                        "{]",
                                        "7",
                                        "{\"a\":\"\xff\"}"};
    struct gateway_stream stream = {.bytes = NULL};
    json_t *object;

    for (size_t i = 0; i < COUNT(cases); i++) {
        expect(gateway_stream_add(&stream, cases[i], strlen(cases[i])) == 0 &&
                   gateway_stream_next(&stream, &object) == -1 && !object,
               "%s", cases[i]);
        gateway_stream_clear(&stream);
    }
    for (int i = 0; i < 100; i++)
        (void)gateway_stream_add(&stream, "[", 1);
    expect(gateway_stream_next(&stream, &object) == -1, "too deep");
    gateway_stream_clear(&stream);
}

/* 10 MB are taken in one object; more than GATEWAY_OBJECT_MAX are not. */
TEST(an_object_has_a_limit)
{
    enum { PIECE = 65536 };
    struct gateway_stream stream = {.bytes = NULL};
    char piece[PIECE];
    json_t *object;
    size_t length = 0;

    memset(piece, 'x', sizeof(piece));
    (void)gateway_stream_add(&stream, "{\"a\":\"", 6);
    for (; length < 10000000; length += PIECE) {
        expect(gateway_stream_add(&stream, piece, PIECE) == 0 &&
                   gateway_stream_next(&stream, &object) == 0,
               "%zu", length);
    }
    (void)gateway_stream_add(&stream, "\"}\n", 3);
    expect(gateway_stream_next(&stream, &object) == 1 &&
               json_string_length(json_object_get(object, "a")) == length,
           "10 MB");
    json_decref(object);
    while (length < 100000000 && gateway_stream_add(&stream, piece, PIECE) == 0)
        length += PIECE;
    expect(stream.length <= GATEWAY_OBJECT_MAX && length < 100000000, "%zu", length);
    gateway_stream_clear(&stream);
}

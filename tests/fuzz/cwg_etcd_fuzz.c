/* Any bytes as what etcd answers, to calls and in a watch: lists, claims, transactions, events. The
 * store is in memory, and nothing is sent. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/etcd/carry/hearing.h"
#include "cwg/etcd/gateway/watcher.h"
#include "cwg/name/end.h"
#include "fuzz.h"
#include "parts.h"

static const char *answers, *answers_end; /* those that are left: a NUL ends each */

int __wrap_http_post(struct http *http, const char *url, const char *token, const char *body,
                     int milliseconds, struct http_answer *ret_answer, struct failure *failure);
int __wrap_store_read(const struct store *store, const char *path,
                      char ret_line[static STORE_LINE_SIZE], struct failure *failure);
int __wrap_store_write(const struct store *store, const char *path, const char *line,
                       struct failure *failure);
int __wrap_store_write_lazily(const struct store *store, const char *path, const char *line,
                              struct failure *failure);
int __wrap_store_remove(const struct store *store, const char *path, struct failure *failure);
char **__wrap_store_list(const struct store *store, const char *path, struct failure *failure);
bool __wrap_sitekey_verify(const struct key *public, const void *bytes, size_t length,
                           const uint8_t signature[static SIGNATURE_SIZE]);
int __wrap_faccessat(int directory, const char *path, int mode, int flags);

/* The next answer. With a '!' before it, it is one of status 400. */
int __wrap_http_post(struct http *http, const char *url, const char *token, const char *body,
                     int milliseconds, struct http_answer *ret_answer, struct failure *failure)
{
    const bool wrong = answers[0] == '!';

    (void)http, (void)token, (void)milliseconds;
    require(strncmp(url, "http://127.0.0.1/v3/", 20) == 0 && body[0] == '{');
    *ret_answer = (struct http_answer){.status = wrong ? 400 : 200};
    answers += wrong;
    if (!*answers)
        return fail(failure, "unreachable", "none is left");
    ret_answer->body = strdup(answers);
    ret_answer->length = strlen(answers);
    answers += ret_answer->length;
    answers += answers < answers_end;
    return ret_answer->body ? 0 : -1;
}

int __wrap_store_read(const struct store *store, const char *path,
                      char ret_line[static STORE_LINE_SIZE], struct failure *failure)
{
    (void)store, (void)failure;
    if (strncmp(path, "out/", 4) != 0)
        return 1;
    (void)snprintf(ret_line, STORE_LINE_SIZE, "{}");
    return 0;
}

/* A line comes to nothing but a place of its own: in/PEER/X, want/X, site/X, signed/.../X. */
static void check_path(const char *path)
{
    const char *last = strrchr(path, '/');

    require(last && end_is_name(last + 1) && !strstr(path, "..") && strlen(path) < STORE_PATH_SIZE);
    require(strncmp(path, "in/peer/", 8) == 0 || strncmp(path, "want/", 5) == 0 ||
            strncmp(path, "site/", 5) == 0 || strncmp(path, "signed/", 7) == 0);
}

int __wrap_store_write(const struct store *store, const char *path, const char *line,
                       struct failure *failure)
{
    (void)store, (void)failure;
    check_path(path);
    require(strlen(line) + 1 < STORE_LINE_SIZE && !strchr(line, '\n'));
    return 0;
}

int __wrap_store_write_lazily(const struct store *store, const char *path, const char *line,
                              struct failure *failure)
{
    require(strncmp(path, "in/peer/", 8) == 0);
    return __wrap_store_write(store, path, line, failure);
}

int __wrap_store_remove(const struct store *store, const char *path, struct failure *failure)
{
    (void)store, (void)failure;
    require(strncmp(path, "want/", 5) == 0);
    check_path(path);
    return 0;
}

char **__wrap_store_list(const struct store *store, const char *path, struct failure *failure)
{
    char **names = calloc(2, sizeof(char *) + 8);

    (void)store, (void)failure;
    if (names && strncmp(path, "out", 3) == 0)
        names[0] = strcpy((char *)(names + 2), path[3] ? "l.0" : "peer");
    return names;
}

/* Chance signs nothing: a signature of zeros is right. */
bool __wrap_sitekey_verify(const struct key *public, const void *bytes, size_t length,
                           const uint8_t signature[static SIGNATURE_SIZE])
{
    static const uint8_t zeros[SIGNATURE_SIZE];

    (void)public, (void)bytes, (void)length;
    return memcmp(signature, zeros, sizeof(zeros)) == 0;
}

int __wrap_faccessat(int directory, const char *path, int mode, int flags)
{
    (void)directory, (void)mode, (void)flags;
    return strcmp(path, "in/peer") == 0 ? 0 : -1;
}

/* Of right answers. The key "/p/site/own/" is base64 of twelve bytes: others can stand behind it.
 */
#define OWN "L3Avc2l0ZS9vd24v"
static const char *const parts[] = {
    "{\"header\":{\"cluster_id\":\"1\",\"revision\":\"9\"}",
    ",\"kvs\":[",
    "{\"key\":\"" OWN "aW4vcGVlci9sLjE=\",\"mod_revision\":\"3\",\"value\":\"",
    "{\"key\":\"" OWN "d2FudC9sLjA=\",\"mod_revision\":\"3\",\"value\":\"",
    "{\"key\":\"" OWN "c2l0ZS9wZWVy\",\"mod_revision\":\"3\",\"value\":\"",
    "{\"key\":\"" OWN "YWdlbnQ=\",\"mod_revision\":\"8\",\"value\":\"",
    "{\"key\":\"" OWN "c3RhdHVzL2wuMA==\",\"mod_revision\":\"3\",\"value\":\"",
    "e30=\"}",
    "]",
    ",\"more\":true",
    "}",
    ",\"succeeded\":true",
    ",\"responses\":[{\"response_range\":{\"kvs\":[",
    "]}}]",
    "{\"ID\":\"77\",\"TTL\":\"60\"}",
    "{\"result\":{\"TTL\":\"60\"}}",
    "{\"result\":{\"header\":{\"revision\":\"10\"},\"events\":[",
    "{\"type\":\"DELETE\",\"kv\":",
    "{\"kv\":",
    "]}}",
    "{\"result\":{\"canceled\":true,\"compact_revision\":\"9\"}}",
    "{\"error\":\"x\",\"message\":\"y\",\"code\":8}",
    "{\"error\":\"x\",\"code\":7}",
    "{\"error\":\"x\",\"code\":16}",
    ",",
    "!",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client_settings settings = {
        .url = {"http://127.0.0.1"}, .urls = 1, .prefix = "/p", .user = "u"};
    static const struct store store = {.directory = -1};
    struct client client = {.settings = &settings, .call_ms = 1000};
    struct orders orders = {.store = &store, .site = "own", .operators = 1, .operator= {{{1}}} };
    struct presence presence = {
        .client = &client, .store = &store, .site = "own", .id = "a", .boot = "b"};
    struct telling telling = {.client = &client, .store = &store, .site = "own", .all = true};
    struct hearing hearing = {.site = "own",
                              .store = &store,
                              .client = &client,
                              .orders = &orders,
                              .presence = &presence,
                              .telling = &telling,
                              .listing = true,
                              .quiet = true};
    struct watcher watcher = {.client = &client};
    struct failure failure = {.text = ""};
    size_t length;
    char *text = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);
    int64_t beat;
    bool is_new;

    answers = text;
    answers_end = text + length;
    (void)client_authenticate(&client, &failure);
    (void)presence_claim(&presence, &failure);
    (void)client_list(&client, "/p/site/own/", hearing_take, &hearing, &is_new, &failure);
    (void)telling_run(&telling, 1, &failure);
    presence.beat_due = presence.kept_due = 0;
    (void)presence_run(&presence, &beat, &failure);
    hearing.listing = false;
    if (*answers && gateway_stream_add(&watcher.objects, answers, strlen(answers)) == 0 &&
        watcher_take(&watcher, hearing_take, &hearing, &failure))
        require(failure.text[0] != '\0');
    gateway_stream_clear(&watcher.objects);
    telling_end(&telling);
    hearing_end(&hearing);
    free(text);
    return 0;
}

/* Any bytes as the lines that another site sends: they are taken, and the records that were stored
 * are opened as the agent opens them; and as a declared link. The store is in memory. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/record/news.h"
#include "cwg/record/record.h"
#include "cwg/store/post.h"
#include "cwg/store/store.h"
#include "cwg/store/want.h"
#include "fuzz.h"
#include "parts.h"

/* The records of the store that were written last; more than these are forgotten. */
static struct {
    char path[STORE_PATH_SIZE];
    char line[STORE_LINE_SIZE];
} stored[8];
static size_t writes;

/* In the place of the real ones. */

int __wrap_store_read(const struct store *store, const char *path,
                      char ret_line[static STORE_LINE_SIZE], struct failure *failure);
int __wrap_store_write_lazily(const struct store *store, const char *path, const char *line,
                              struct failure *failure);
char **__wrap_store_list(const struct store *store, const char *path, struct failure *failure);
bool __wrap_sitekey_verify(const struct key *public, const void *bytes, size_t length,
                           const uint8_t signature[static SIGNATURE_SIZE]);

int __wrap_store_read(const struct store *store, const char *path,
                      char ret_line[static STORE_LINE_SIZE], struct failure *failure)
{
    (void)store;
    (void)failure;
    for (size_t i = 0; i < 8; i++) {
        if (strcmp(stored[i].path, path) == 0) {
            memcpy(ret_line, stored[i].line, STORE_LINE_SIZE);
            return 0;
        }
    }
    return 1;
}

/* A line comes to nothing but a place of the site's own. */
int __wrap_store_write_lazily(const struct store *store, const char *path, const char *line,
                              struct failure *failure)
{
    static const char own[] = "in/site2/";
    size_t i = 0;

    (void)store;
    (void)failure;
    require(strncmp(path, own, strlen(own)) == 0 && end_is_name(path + strlen(own)) &&
            strlen(path) < STORE_PATH_SIZE);
    require(strlen(line) + 1 < STORE_LINE_SIZE && !strchr(line, '\n'));
    while (i < 8 && strcmp(stored[i].path, path) != 0)
        i++;
    if (i == 8)
        i = writes++ % 8;
    (void)snprintf(stored[i].path, sizeof(stored[i].path), "%s", path);
    (void)snprintf(stored[i].line, sizeof(stored[i].line), "%s", line);
    return 0;
}

char **__wrap_store_list(const struct store *store, const char *path, struct failure *failure)
{
    (void)store;
    (void)path;
    (void)failure;
    return calloc(1, sizeof(char *));
}

/* Chance signs nothing: a signature of zeros is right. */
bool __wrap_sitekey_verify(const struct key *public, const void *bytes, size_t length,
                           const uint8_t signature[static SIGNATURE_SIZE])
{
    static const uint8_t zeros[SIGNATURE_SIZE];

    (void)public;
    require(length > 5 && memcmp(bytes, "cwg1", 5) == 0);
    return memcmp(signature, zeros, sizeof(zeros)) == 0;
}

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
#define A22 "AAAAAAAAAAAAAAAAAAAAAA"

/* What is read is written, and read again as the same. */
static void check_news(const json_t *body)
{
    struct failure failure = {.text = ""};
    struct news news, again;
    json_t *packed;

    if (news_unpack(body, &news, &failure)) {
        require(failure.text[0]);
        return;
    }
    require(news.serial > 0 && news.endpoints >= 0 && news.endpoints <= NEWS_ENDPOINTS_MAX);
    require(news.up ? !key_is_zero(&news.key) : key_is_zero(&news.key) && news.endpoints == 0);
    packed = news_pack(&news);
    require(news_unpack(packed, &again, &failure) == 0 && news_equal(&news, &again) &&
            news.serial == again.serial);
    json_decref(packed);
}

static void check_want(const char *line)
{
    struct failure failure = {.text = ""};
    struct want want, again;
    char *written;

    if (want_read(line, &want, &failure)) {
        require(failure.text[0]);
        return;
    }
    require(want_is_name(want.link) && want_is_name(want.site) && end_is_name(want.name) &&
            (!want.engine[0] || end_is_name(want.engine)) && want.host <= 1);
    written = want_write(&want);
    require(written && want_read(written, &again, &failure) == 0 && want_equal(&want, &again));
    free(written);
}

/* Opens what was stored, as the agent does. */
static void open_records(void)
{
    struct failure failure = {.text = ""};
    struct key signer;

    require(key_from_text(KEY, &signer) == 0);
    for (size_t i = 0; i < 8; i++) {
        json_t *body = NULL;

        if (!stored[i].path[0])
            continue;
        if (record_open(stored[i].line, "site1", strrchr(stored[i].path, '/') + 1, &signer, &body,
                        &failure) == 0) {
            require(record_serial(body) > 0);
            check_news(body);
        } else {
            require(!body && failure.text[0]);
        }
        json_decref(body);
        (void)record_is_older(stored[i].line, stored[(i + 1) % 8].line);
        check_want(stored[i].line);
    }
}

/* Of right lines. */
static const char *const parts[] = {
    "{\"cwg-post\":1}\n",
    "{}\n",
    "{\"path\":\"l.1\",\"record\":\"",
    "\"}\n",
    "{\\\"v\\\":1,\\\"by\\\":\\\"ec4916dd28fc4c10\\\",\\\"body\\\":\\\"",
    "\\\",\\\"sig\\\":\\\"" A22 A22 A22 "AAAAAAAAAAAAAAAAAAAA==\\\"}",
    "{\\\\\\\"serial\\\\\\\":7,\\\\\\\"net\\\\\\\":7,\\\\\\\"host\\\\\\\":1,\\\\\\\"up\\\\\\\":",
    "true,\\\\\\\"key\\\\\\\":\\\\\\\"" KEY "\\\\\\\",\\\\\\\"endpoints\\\\\\\":[",
    "\\\\\\\"192.0.2.1:1\\\\\\\"",
    ",\\\\\\\"peer\\\\\\\":\\\\\\\"" KEY "\\\\\\\"",
    "false}",
    "]}",
    ",",
    "{\"link\":\"l\",\"net\":7,\"host\":0",
    ",\"container\":{\"engine\":\"podman\",\"name\":\"web\"}",
    ",\"peer\":{\"site\":\"site2\"}",
    ",\"port\":1,\"keepalive\":25,\"mtu\":1280,\"off\":true",
    "}\n",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int nowhere;
    static const struct store store = {.directory = -1};
    static struct post post;
    struct failure failure = {.text = ""};
    size_t length;
    char *text = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);
    char *left = text;
    int result = 0;

    if (nowhere == 0)
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    memset(stored, 0, sizeof(stored));
    writes = 0;
    require(post_begin(&post, &store, "site2", nowhere, &failure) == 0);
    for (char *line; (line = strsep(&left, "\n"));) {
        check_want(line);
        if (result >= 0)
            result = post_take(&post, line, &failure);
        require(result < 0 ? failure.text[0] != '\0' : post.greeted);
    }
    require(post.greeted || writes == 0);
    post_end(&post);
    open_records();
    free(text);
    return 0;
}

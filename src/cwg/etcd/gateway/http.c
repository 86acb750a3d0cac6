#include "cwg/etcd/gateway/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/clock.h"

enum {
    CONNECT_MS = 5000,
    KEEPALIVE_SECONDS = 20,
    FDS_MAX = 2,
};

int http_open(struct http *http, const struct http_settings *settings, int interrupt,
              struct failure *failure)
{
    *http = (struct http){.settings = *settings, .interrupt = interrupt};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(http->multi = curl_multi_init()) ||
        !(http->easy = curl_easy_init())) {
        http_close(http);
        return fail(failure, "system", "libcurl can't be used");
    }
    return 0;
}

void http_close(struct http *http)
{
    if (http->easy)
        curl_easy_cleanup(http->easy);
    if (http->multi)
        (void)curl_multi_cleanup(http->multi);
    http->easy = http->multi = NULL;
    curl_global_cleanup();
}

/* What every request has. Environment and files of libcurl's have no say. HTTP/1.1: a stream that
 * shares its connection is held up by what else is there (etcd#15402). */
static void set_up(const struct http *http, CURL *easy, const char *url, const char *body,
                   char *error)
{
    error[0] = '\0';
    curl_easy_reset(easy);
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_SECONDS);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (http->settings.ca) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, http->settings.ca);
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        (void)curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* the file may be mended */
    }
    if (http->settings.cert)
        (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, http->settings.cert);
    if (http->settings.key)
        (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, http->settings.key);
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    (void)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
}

/* Without "Expect": etcd would be asked before each longer request. Returns NULL if there is no
 * memory. */
static struct curl_slist *make_headers(const char *token, bool stream)
{
    char line[1024];
    const char *const lines[] = {"Expect:", "Content-Type: application/json", token ? line : NULL,
                                 stream ? "Grpc-Metadata-hasleader: true" : NULL};
    struct curl_slist *headers = NULL;

    (void)snprintf(line, sizeof(line), "Authorization: %.990s", token ? token : "");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct curl_slist *more = lines[i] ? curl_slist_append(headers, lines[i]) : headers;

        if (!more) {
            curl_slist_free_all(headers);
            return NULL;
        }
        headers = more;
    }
    return headers;
}

/* Notes which requests have ended. */
static void reap(struct http *http)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        if (http->stream && message->easy_handle == http->stream->easy) {
            http->stream->ended = http->stream->came = true;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE,
                                    &http->stream->status);
        } else {
            http->done = true;
            http->result = (int)message->data.result;
        }
    }
}

static int perform(struct http *http, struct failure *failure)
{
    int running;

    if (curl_multi_perform(http->multi, &running) != CURLM_OK)
        return fail(failure, "system", "libcurl can't go on");
    reap(http);
    return 0;
}

/* Waits as long as nothing comes. Returns 1 if a descriptor can be read; 0; or -1. */
static int wait_once(struct http *http, const int fds[], int count, int64_t deadline,
                     struct failure *failure)
{
    struct curl_waitfd waited[FDS_MAX];
    bool ready = false;

    for (int i = 0; i < count; i++)
        waited[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    if (curl_multi_poll(http->multi, waited, (unsigned)count, clock_until(deadline), NULL) !=
        CURLM_OK)
        return fail(failure, "system", "libcurl can't wait");
    for (int i = 0; i < count; i++)
        ready |= waited[i].revents != 0;
    return ready;
}

int http_wait(struct http *http, const int fds[], int count, int64_t deadline,
              struct failure *failure)
{
    if (perform(http, failure))
        return -1;
    if (http->stream && http->stream->came)
        return 0;
    return wait_once(http, fds, count, deadline, failure) < 0 ? -1 : perform(http, failure);
}

/* Calls */

static size_t take_answer(char *bytes, size_t size, size_t count, void *owner)
{
    struct http_answer *answer = owner;
    const size_t length = size * count;
    char *more;

    if (answer->length + length > HTTP_ANSWER_MAX)
        return 0;
    more = realloc(answer->body, answer->length + length + 1);
    if (!more)
        return 0;
    memcpy(more + answer->length, bytes, length);
    answer->body = more;
    answer->length += length;
    more[answer->length] = '\0';
    return length;
}

/* Runs the call to its end. Returns 0, or -1. */
static int run(struct http *http, int64_t deadline, struct failure *failure)
{
    const int count = http->interrupt >= 0 ? 1 : 0;

    http->done = false;
    while (!http->done) {
        int ready;

        if (perform(http, failure))
            return -1;
        if (http->done)
            return 0;
        ready = wait_once(http, &http->interrupt, count, deadline, failure);
        if (ready < 0)
            return -1;
        if (ready > 0)
            return fail(failure, "interrupted", "interrupted");
        if (clock_now() >= deadline)
            return fail(failure, "unreachable", "no answer in time");
    }
    return 0;
}

int http_post(struct http *http, const char *url, const char *token, const char *body,
              int milliseconds, struct http_answer *ret_answer, struct failure *failure)
{
    struct curl_slist *headers = make_headers(token, false);
    char text[CURL_ERROR_SIZE];
    int error;

    *ret_answer = (struct http_answer){.body = NULL};
    if (!headers)
        return fail(failure, "system", "no memory");
    set_up(http, http->easy, url, body, text);
    (void)curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, ret_answer);
    error = curl_multi_add_handle(http->multi, http->easy) == CURLM_OK
                ? run(http, clock_now() + milliseconds, failure)
                : fail(failure, "system", "libcurl can't begin");
    if (!error && http->result != CURLE_OK)
        error = fail(failure, http->result == CURLE_WRITE_ERROR ? "too-long" : "unreachable",
                     "%.400s", text[0] ? text : curl_easy_strerror((CURLcode)http->result));
    if (!error)
        (void)curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    else if (http->done && http->result == CURLE_PEER_FAILED_VERIFICATION)
        failure_add(failure, " (etcd-ca is %.300s)",
                    http->settings.ca ? http->settings.ca : "the system's");
    (void)curl_multi_remove_handle(http->multi, http->easy);
    curl_easy_reset(http->easy); /* it points to this function's own things */
    curl_slist_free_all(headers);
    if (!error && !ret_answer->body)
        error = fail(failure, "unreachable", "an empty answer");
    if (error)
        http_free_answer(ret_answer);
    return error;
}

void http_free_answer(struct http_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

/* The stream */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *owner)
{
    struct http_stream *stream = owner;
    const size_t length = size * count;

    stream->came = true;
    return stream->take(stream->owner, bytes, length) ? 0 : length;
}

int http_open_stream(struct http *http, struct http_stream *stream, const char *url,
                     const char *token, const char *body, struct failure *failure)
{
    stream->ended = stream->came = false;
    stream->status = 0;
    stream->headers = make_headers(token, true);
    stream->easy = stream->headers ? curl_easy_init() : NULL;
    if (!stream->easy) {
        curl_slist_free_all(stream->headers);
        return fail(failure, "system", "no memory");
    }
    set_up(http, stream->easy, url, body, stream->error);
    (void)curl_easy_setopt(stream->easy, CURLOPT_HTTPHEADER, stream->headers);
    (void)curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, stream);
    (void)curl_easy_setopt(stream->easy, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(stream->easy, CURLOPT_FORBID_REUSE, 1L);
    http->stream = stream;
    if (curl_multi_add_handle(http->multi, stream->easy) == CURLM_OK)
        return perform(http, failure);
    http_close_stream(http, stream);
    return fail(failure, "system", "libcurl can't begin");
}

void http_close_stream(struct http *http, struct http_stream *stream)
{
    if (!stream->easy)
        return;
    (void)curl_multi_remove_handle(http->multi, stream->easy);
    curl_easy_cleanup(stream->easy);
    curl_slist_free_all(stream->headers);
    stream->easy = stream->headers = NULL;
    if (http->stream == stream)
        http->stream = NULL;
}

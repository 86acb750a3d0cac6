#include "cwg/etcd/gateway/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Is it a name or a number, with a port or without? */
static bool is_place(const char *text)
{
    static const char signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
                                ":[]";

    return text[0] && strspn(text, signs) == strlen(text);
}

int client_add_url(struct client_settings *settings, const char *url, struct failure *failure)
{
    const char *place = strstr(url, "://");
    char *kept;
    size_t length;

    if (settings->urls >= CLIENT_URLS_MAX)
        return fail(failure, "etcd", "more than %d servers", CLIENT_URLS_MAX);
    if ((!begins_with(url, "http://") && !begins_with(url, "https://")) ||
        strlen(url) >= CLIENT_URL_SIZE)
        return fail(failure, "etcd", "%.300s: a server is http[s]://HOST[:PORT]", url);
    kept = settings->url[settings->urls];
    (void)snprintf(kept, CLIENT_URL_SIZE, "%s", url);
    length = strlen(kept);
    if (kept[length - 1] == '/')
        kept[length - 1] = '\0';
    place = kept + (place - url) + strlen("://");
    if (!is_place(place))
        return fail(failure, "etcd", "%.300s: a server is http[s]://HOST[:PORT]", url);
    settings->urls++;
    return 0;
}

int client_set_prefix(struct client_settings *settings, const char *prefix, struct failure *failure)
{
    const size_t length = strlen(prefix);

    if (prefix[0] != '/' || length < 2 || length >= CLIENT_PREFIX_SIZE || prefix[length - 1] == '/')
        return fail(failure, "etcd", "%.200s: the prefix has to be such as /cwg/v1", prefix);
    for (const char *byte = prefix; *byte; byte++) {
        if (*byte <= ' ' || *byte > '~')
            return fail(failure, "etcd", "%.200s: the prefix has to be such as /cwg/v1", prefix);
    }
    (void)snprintf(settings->prefix, sizeof(settings->prefix), "%s", prefix);
    return 0;
}

int client_read_password(const char *path, char ret_password[static CLIENT_USER_SIZE],
                         struct failure *failure)
{
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status = {.st_mode = 0};
    ssize_t length = -1;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        length = read(fd, ret_password, CLIENT_USER_SIZE);
    if (fd >= 0)
        close(fd);
    if (length < 0)
        return fail(failure, "etcd", "can't read the password in %.300s: %s", path,
                    fd < 0 ? strerror(errno) : "it is no file");
    if (status.st_mode & 007)
        return fail(failure, "etcd", "everybody may read %.300s: chmod o= it", path);
    if (length == CLIENT_USER_SIZE)
        return fail(failure, "etcd", "the password in %.300s is too long", path);
    ret_password[length] = '\0';
    ret_password[strcspn(ret_password, "\n")] = '\0';
    return ret_password[0] ? 0 : fail(failure, "etcd", "%.300s has no password", path);
}

/* Does it stay on this machine? */
static bool is_loopback(const char *url)
{
    const char *rest = NULL;

    if (begins_with(url, "http://[::1]"))
        rest = url + strlen("http://[::1]");
    else if (begins_with(url, "http://localhost"))
        rest = url + strlen("http://localhost");
    else if (begins_with(url, "http://127."))
        rest = url + strlen("http://127.") + strspn(url + strlen("http://127."), "0123456789.");
    return rest && (!*rest || *rest == ':');
}

int client_check(const struct client_settings *settings, struct failure *failure)
{
    if (settings->urls == 0)
        return fail(
            failure, "etcd",
            "no server of etcd is given: it needs a line `etcd URL` in cwg.conf, or --config FILE");
    if (!settings->http.cert != !settings->http.key)
        return fail(failure, "etcd", "a certificate needs its key, and a key its certificate");
    if (!settings->user[0] != !settings->password_file)
        return fail(failure, "etcd", "a user needs a password, and a password its user");
    for (int i = 0; i < settings->urls; i++) {
        const char *url = settings->url[i];

        if (!begins_with(url, "https://") && !is_loopback(url) && settings->user[0])
            return fail(failure, "etcd", "%s: a password needs https", url);
    }
    return 0;
}

int client_open(struct client *client, const struct client_settings *settings, int interrupt,
                struct failure *failure)
{
    *client = (struct client){.settings = settings, .call_ms = CLIENT_CALL_MS};
    return http_open(&client->http, &settings->http, interrupt, failure);
}

void client_close(struct client *client)
{
    http_close(&client->http);
}

const char *client_url(const struct client *client)
{
    return client->settings->url[client->server];
}

void client_next(struct client *client)
{
    client->server = (client->server + 1) % client->settings->urls;
}

int64_t client_spread(const struct client *client)
{
    const bool logs_in = client->settings->user[0] && !client->token[0];

    return logs_in ? patience_spread(&client->patience[client->server]) : 0;
}

/* What etcd says of a call that it refuses. Returns -1. */
static int refuse(struct client *client, enum gateway_code code, const char *text,
                  struct failure *failure)
{
    static const char *const words[] = {
        [GATEWAY_FORBIDDEN] = "forbidden",
        [GATEWAY_FULL] = "full",
        [GATEWAY_COMPACTED] = "compacted",
        [GATEWAY_UNAVAILABLE] = "unreachable",
    };
    const size_t count = sizeof(words) / sizeof(words[0]);
    const char *word = (size_t)code < count && words[code] ? words[code] : "etcd";
    char quoted[FAILURE_QUOTE_SIZE];

    client->code = code;
    fail(failure, word, "%s: %s", client_url(client), failure_quote(text, quoted));
    if (code == GATEWAY_FORBIDDEN && client->settings->user[0])
        failure_add(failure, " to etcd-user %s", client->settings->user);
    return -1;
}

/* Reads an answer. etcd says some things as plain text. */
static int read_answer(struct client *client, const struct http_answer *answer, json_t **ret_answer,
                       struct failure *failure)
{
    json_t *read = json_loadb(answer->body, answer->length, JSON_REJECT_DUPLICATES, NULL);
    enum gateway_code code;
    const char *text;
    int error = 0;

    if (!json_is_object(read) && answer->status == 200)
        error = refuse(client, GATEWAY_UNAVAILABLE, "its answer isn't etcd's", failure);
    else if (!json_is_object(read))
        error = refuse(client, GATEWAY_WRONG, answer->body, failure);
    else if ((code = gateway_error(read, &text)) != GATEWAY_FINE)
        error = refuse(client, code, text, failure);
    else if (answer->status != 200)
        error = refuse(client, GATEWAY_UNAVAILABLE, "it answers without an answer", failure);
    if (error) {
        json_decref(read);
        read = NULL;
    }
    *ret_answer = read;
    return read ? 0 : -1;
}

/* Posts a text once. */
static int post(struct client *client, const char *name, const char *body, int milliseconds,
                json_t **ret_answer, struct failure *failure)
{
    struct http_answer answer;
    struct failure reason = {.text = ""};
    char url[CLIENT_URL_SIZE + 64];
    int error;

    *ret_answer = NULL;
    client->code = GATEWAY_FINE;
    (void)snprintf(url, sizeof(url), "%s/v3/%s", client_url(client), name);
    if (http_post(&client->http, url, client->token[0] ? client->token : NULL, body, milliseconds,
                  &answer, &reason))
        return fail(failure, reason.code, "%s: %.400s", client_url(client), reason.text);
    error = read_answer(client, &answer, ret_answer, failure);
    http_free_answer(&answer);
    return error;
}

/* How long a login may take: more only if each server was late. One that is silent holds nobody up
 * for longer if another one answers. */
static int login_ms(const struct client *client)
{
    int least = patience_of(&client->patience[0]);

    for (int i = 1; i < client->settings->urls; i++) {
        const int one = patience_of(&client->patience[i]);

        least = one < least ? one : least;
    }
    return least;
}

/* Posts a login, and notes whether the server had time for it. */
static int post_login(struct client *client, const char *body, json_t **ret_answer,
                      struct failure *failure)
{
    struct patience *patience = &client->patience[client->server];
    const int milliseconds = login_ms(client);
    const int64_t deadline = clock_now() + milliseconds;
    const int error = post(client, "auth/authenticate", body, milliseconds, ret_answer, failure);

    if (!error)
        patience_forget(patience);
    else if (clock_now() >= deadline)
        patience_miss(patience);
    return error;
}

/* The body of a login, with the password that the file has now. Returns NULL with a failure. */
static char *make_login(const struct client_settings *settings, struct failure *failure)
{
    char password[CLIENT_USER_SIZE] = "";
    json_t *request;
    char *body;

    if (settings->password_file && client_read_password(settings->password_file, password, failure))
        return NULL;
    request = json_pack("{s:s,s:s}", "name", settings->user, "password", password);
    explicit_bzero(password, sizeof(password));
    body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!body)
        fail(failure, "system", "the name or the password isn't UTF-8");
    return body;
}

int client_authenticate(struct client *client, struct failure *failure)
{
    json_t *answer;
    const char *token;
    char *body;
    int error;

    client->token[0] = '\0';
    if (!client->settings->user[0])
        return 0;
    body = make_login(client->settings, failure);
    if (!body)
        return -1;
    error = post_login(client, body, &answer, failure);
    explicit_bzero(body, strlen(body));
    free(body);
    if (error && client->code == GATEWAY_UNMET)
        return 0; /* this etcd has no users */
    if (error && client->code == GATEWAY_WRONG)
        failure_add(failure, " (etcd-user %s, and the password in %.300s)", client->settings->user,
                    client->settings->password_file);
    token = json_text(answer, "token", CLIENT_TOKEN_SIZE - 1);
    if (token && strpbrk(token, "\r\n"))
        token = NULL;
    if (!error && !token)
        error = refuse(client, GATEWAY_UNAVAILABLE, "it gives no token", failure);
    if (!error)
        (void)snprintf(client->token, sizeof(client->token), "%s", token);
    json_decref(answer);
    return error;
}

/* Is it a token's fault? "auth: revision in header is old", and "user name is empty" without one.
 */
static bool is_of_token(const struct client *client, const struct failure *failure)
{
    return client->settings->user[0] &&
           (client->code == GATEWAY_NO_TOKEN ||
            (client->code == GATEWAY_WRONG &&
             (strstr(failure->text, "revision") || strstr(failure->text, "user name is empty"))));
}

int client_call(struct client *client, const char *name, json_t *request, json_t **ret_answer,
                struct failure *failure)
{
    char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    int error;

    *ret_answer = NULL;
    client->code = GATEWAY_FINE;
    json_decref(request);
    if (!body)
        return fail(failure, "system", "no memory");
    error = post(client, name, body, client->call_ms, ret_answer, failure);
    if (error && is_of_token(client, failure) && client_authenticate(client, failure) == 0)
        error = post(client, name, body, client->call_ms, ret_answer, failure);
    free(body);
    if (!error)
        client_see(client, gateway_header(*ret_answer).revision);
    return error;
}

void client_see(struct client *client, int64_t revision)
{
    client->revision = revision > client->revision ? revision : client->revision;
}

void client_key(const struct client *client, char ret_key[static GATEWAY_KEY_SIZE],
                const char *format, ...)
{
    const int length = snprintf(ret_key, GATEWAY_KEY_SIZE, "%s/", client->settings->prefix);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(ret_key + length, GATEWAY_KEY_SIZE - (size_t)length, format, arguments);
    va_end(arguments);
}

/* Lists */

/* What is called for each key. */
struct taker {
    int (*take)(void *owner, const struct gateway_entry *entry, struct failure *failure);
    void *owner;
};

/* Takes a page, and writes where the next one begins. Returns 1 if there are more; 0; or -1. */
static int take_page(const json_t *answer, char from[static GATEWAY_KEY_SIZE],
                     const struct taker *taker, struct failure *failure)
{
    const json_t *entries = json_object_get(answer, "kvs"), *packed;
    char next[GATEWAY_KEY_SIZE];
    bool moved = false;
    size_t i;

    json_array_foreach(entries, i, packed)
    {
        struct gateway_entry entry;

        if (gateway_key_after(packed, next) || strcmp(next, from) <= 0)
            continue;
        moved = true;
        (void)snprintf(from, GATEWAY_KEY_SIZE, "%s", next);
        if (gateway_read_entry(packed, &entry) == 0 && taker->take(taker->owner, &entry, failure))
            return -1;
    }
    if (!json_is_true(json_object_get(answer, "more")))
        return 0;
    return moved ? 1 : fail(failure, "etcd", "a list without an end");
}

int64_t client_list(struct client *client, const char *prefix,
                    int (*take)(void *owner, const struct gateway_entry *entry,
                                struct failure *failure),
                    void *owner, bool *ret_new, struct failure *failure)
{
    const struct taker taker = {.take = take, .owner = owner};
    char from[GATEWAY_KEY_SIZE], end[GATEWAY_KEY_SIZE];
    struct gateway_header header = {.revision = 0};
    const int64_t seen = client->revision;
    int more = 1, limit = CLIENT_PAGE;

    (void)snprintf(from, sizeof(from), "%s", prefix);
    gateway_end_of(prefix, end);
    while (more > 0) {
        json_t *answer;
        const int error = client_call(
            client, "kv/range", gateway_range(from, end, limit, header.revision), &answer, failure);

        if (error && (!failure_is(failure, "too-long") || limit == 1))
            return -1;
        limit = error ? limit / 2 : CLIENT_PAGE; /* somebody's values are long */
        if (error)
            continue;
        if (header.revision == 0)
            header = gateway_header(answer);
        more = header.revision > 0
                   ? take_page(answer, from, &taker, failure)
                   : refuse(client, GATEWAY_UNAVAILABLE, "its answer isn't etcd's", failure);
        json_decref(answer);
    }
    if (more < 0)
        return -1;
    *ret_new = client->cluster && (client->cluster != header.cluster || seen > header.revision);
    if (*ret_new)
        client->revision = header.revision;
    client->cluster = header.cluster;
    return header.revision;
}

#include "cwg/store/post.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/base/lines.h"
#include "cwg/store/keep.h"

#define MEMBER "cwg-post"

enum {
    VERSION_NUMBER = 1,
    DIGEST_SIZE = 32,
    WRITES_MAX = 16, /* at once: the agent has other things to do */
};

/* A record of out/SITE. */
struct post_told {
    char path[KEEP_PATH_LENGTH_MAX + 1];
    uint8_t digest[DIGEST_SIZE]; /* SHA-256 of the line that was sent last */
    bool sent;
    bool look; /* it may be another one now */
};

/* Puts an object's line behind what is to be sent, and frees the object. Returns whether there was
 * room. */
static bool say(struct post *post, json_t *object)
{
    const size_t room = sizeof(post->unsent) - post->unsent_length;
    const size_t length =
        object ? json_dumpb(object, post->unsent + post->unsent_length, room, JSON_COMPACT) : 0;
    const bool fits = length > 0 && length < room;

    json_decref(object);
    if (fits) {
        post->unsent[post->unsent_length + length] = '\n';
        post->unsent_length += length + 1;
    }
    return fits;
}

static void place_of(const char *way, const struct post *post, const char *path,
                     char ret_place[static STORE_PATH_SIZE])
{
    (void)snprintf(ret_place, STORE_PATH_SIZE, "%s/%s%s%.*s", way, post->site, path ? "/" : "",
                   KEEP_PATH_LENGTH_MAX, path ? path : "");
}

int post_begin(struct post *post, const struct store *store, const char *site, int out,
               struct failure *failure)
{
    const int64_t now = clock_now();

    *post = (struct post){.store = store, .out = out, .heard = now, .said = now};
    (void)snprintf(post->site, sizeof(post->site), "%.63s", site);
    (void)say(post, json_pack("{s:i,s:s}", MEMBER, VERSION_NUMBER, "to", post->site));
    return post_send(post, NULL, failure);
}

/* What has changed */

static int compare(const void *path, const void *told)
{
    return strcmp(path, ((const struct post_told *)told)->path);
}

/* Takes over the names of out/SITE, with what is known of those that were there before: both lists
 * are sorted. */
static int look_at_all(struct post *post, struct failure *failure)
{
    const struct post_told *before = post->told;
    size_t left = post->told_count;
    char place[STORE_PATH_SIZE];
    struct post_told *told;
    size_t count = 0;
    char **names;

    place_of("out", post, NULL, place);
    names = store_list(post->store, place, failure);
    while (names && names[count])
        count++;
    told = names ? calloc(count + 1, sizeof(*told)) : NULL;
    if (!told) {
        free(names);
        return names ? fail_errno(failure, ENOMEM, "can't list the records") : -1;
    }
    count = 0;
    for (char **name = names; *name; name++) {
        if (strlen(*name) > KEEP_PATH_LENGTH_MAX)
            continue;
        for (; left > 0 && strcmp(before->path, *name) < 0; left--)
            before++;
        if (left > 0 && strcmp(before->path, *name) == 0)
            told[count] = *before;
        else
            (void)snprintf(told[count].path, sizeof(told->path), "%s", *name);
        told[count++].look = true;
    }
    free(names);
    free(post->told);
    post->told = told;
    post->told_count = count;
    post->looked = clock_now();
    return 0;
}

/* Marks one record. One that is new is put where it belongs. */
static int look_at(struct post *post, const char *path, struct failure *failure)
{
    struct post_told *told =
        post->told_count ? bsearch(path, post->told, post->told_count, sizeof(*told), compare)
                         : NULL;
    size_t i = post->told_count;

    if (!told) {
        told = reallocarray(post->told, post->told_count + 1, sizeof(*told));
        if (!told)
            return fail_errno(failure, ENOMEM, "can't note a record");
        post->told = told;
        for (; i > 0 && strcmp(path, told[i - 1].path) < 0; i--)
            ;
        memmove(told + i + 1, told + i, (post->told_count - i) * sizeof(*told));
        told += i;
        *told = (struct post_told){.sent = false};
        (void)snprintf(told->path, sizeof(told->path), "%s", path);
        post->told_count++;
    }
    told->look = true;
    return 0;
}

int post_send(struct post *post, const char *path, struct failure *failure)
{
    if (path && (!end_is_name(path) || strlen(path) > KEEP_PATH_LENGTH_MAX))
        return 0; /* no record of a link */
    if (path ? look_at(post, path, failure) : look_at_all(post, failure))
        return -1;
    post->unlooked = true;
    return post_flush(post, failure);
}

/* Sending */

/* Puts one record behind what is to be sent, unless the other program has it. One that can't be
 * read is nothing to the other records. Returns whether there was room. */
static bool say_record(struct post *post, struct post_told *told)
{
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE], place[STORE_PATH_SIZE];
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};

    place_of("out", post, told->path, place);
    if (store_read(post->store, place, line, &failure)) {
        told->sent = false;
        return true;
    }
    (void)EVP_Digest(line, strlen(line), digest, NULL, EVP_sha256(), NULL);
    if (told->sent && memcmp(told->digest, digest, sizeof(told->digest)) == 0)
        return true;
    if (!say(post, json_pack("{s:s,s:s}", "path", told->path, "record", line)))
        return post->unsent_length == 0; /* there never will be room */
    memcpy(told->digest, digest, sizeof(told->digest));
    told->sent = true;
    post->sent++;
    return true;
}

/* Fills `unsent` with what may have changed. */
static void fill(struct post *post)
{
    for (size_t i = 0; post->unlooked && i < post->told_count; i++) {
        struct post_told *told = &post->told[i];

        if (told->look && !say_record(post, told))
            return;
        told->look = false;
    }
    post->unlooked = false;
}

bool post_waits(const struct post *post)
{
    return post->unsent_length > 0 || post->unlooked;
}

/* The descriptor may be a blocking one. So nothing is written before poll(2) says that there is
 * room, and no more than a pipe then has room for. */
int post_flush(struct post *post, struct failure *failure)
{
    struct pollfd room = {.fd = post->out, .events = POLLOUT};

    for (int i = 0; i < WRITES_MAX; i++) {
        ssize_t written;

        if (post->unsent_length < PIPE_BUF)
            fill(post);
        if (post->unsent_length == 0 || poll(&room, 1, 0) <= 0)
            return 0;
        written = write(post->out, post->unsent,
                        post->unsent_length < PIPE_BUF ? post->unsent_length : PIPE_BUF);
        if (written < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (written < 0)
            return fail(failure, "unreachable", "%s: nobody reads what is sent", post->site);
        post->said = clock_now();
        post->unsent_length -= (size_t)written;
        memmove(post->unsent, post->unsent + written, post->unsent_length);
    }
    return 0;
}

/* Taking */

/* Reads the first line. One of an earlier cwg doesn't say for which site it is. Returns 0, or -1.
 */
static int take_greeting(const struct post *post, const json_t *object, struct failure *failure)
{
    const char *to = json_text(object, "to", WANT_SITE_SIZE - 1);
    int64_t version;

    if (json_whole(object, MEMBER, 1, INT32_MAX, &version))
        return fail(failure, "protocol", "%s: it doesn't greet as cwg does", post->site);
    if (version != VERSION_NUMBER)
        return fail(failure, "version",
                    "%s: cwg there carries records by version %d, and this cwg by %d", post->site,
                    (int)version, VERSION_NUMBER);
    return to && post->own && strcmp(to, post->own) != 0
               ? fail(failure, "protocol",
                      "%s: its authorized_keys takes this site's ssh key for site %s, and not for "
                      "%s: mend `cwg inbox` there",
                      post->site, to, post->own)
               : 0;
}

int post_take(struct post *post, const char *line, struct failure *failure)
{
    json_t *object = json_read_line(line);
    const char *path = json_text(object, "path", KEEP_PATH_LENGTH_MAX);
    const char *record = json_text(object, "record", STORE_LINE_SIZE - 2);
    int result;

    if (!post->greeted)
        result = take_greeting(post, object, failure);
    else if (object && json_object_size(object) == 0)
        result = 0;
    else if (!path || !end_is_name(path) || !record || strchr(record, '\n'))
        result = fail(failure, "protocol", "%s: it sends something that is no record", post->site);
    else
        result = keep(post->store, post->site, path, record, &post->kept, failure);
    if (result >= 0) {
        post->greeted = true;
        post->heard = clock_now();
    }
    json_decref(object);
    return result;
}

int64_t post_run(struct post *post, struct failure *failure)
{
    const int64_t now = clock_now();
    int64_t due;

    if (now - post->heard >= POST_SILENCE_MS)
        return fail(failure, "silent", "%s: it has been silent for %d s", post->site,
                    POST_SILENCE_MS / 1000);
    if (post->unsent_length > 0 && now - post->said >= POST_SILENCE_MS)
        return fail(failure, "silent", "%s: nobody reads what is sent", post->site);
    if (now - post->looked >= POST_LOOK_MS && post_send(post, NULL, failure))
        return -1;
    if (now - post->said >= POST_PAUSE_MS && !post_waits(post))
        (void)say(post, json_object());
    if (post_flush(post, failure))
        return -1;
    due = post->said + (post->unsent_length > 0 ? POST_SILENCE_MS : POST_PAUSE_MS);
    due = due < post->heard + POST_SILENCE_MS ? due : post->heard + POST_SILENCE_MS;
    return due < post->looked + POST_LOOK_MS ? due : post->looked + POST_LOOK_MS;
}

void post_end(struct post *post)
{
    free(post->told);
    post->told = NULL;
    post->told_count = 0;
    post->unlooked = false;
}

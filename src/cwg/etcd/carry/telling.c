#include "cwg/etcd/carry/telling.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/store/keep.h"

enum {
    DIGEST_SIZE = 32,
    PATH_SIZE = 8 + WANT_SITE_SIZE + KEEP_PATH_LENGTH_MAX,
    REFUSED_FIRST_MS = 5000, /* until a key is tried again that this site may not write: twice as */
    REFUSED_MAX_MS = 300000, /* long each time, up to this */
    FULL_FIRST_MS = 2000,    /* until a full store is tried again: twice as long each time, up to */
    FULL_MAX_MS = 60000,     /* this */
};

_Static_assert((int)CLIENT_OPERATIONS *((int)STORE_LINE_SIZE + (int)GATEWAY_KEY_SIZE) < 1 << 20,
               "etcd takes 1.5 MiB at once");

/* A file of the store that is told. */
struct told {
    char path[PATH_SIZE];
    uint8_t digest[DIGEST_SIZE]; /* SHA-256 of what was put last */
    bool put;
    bool look; /* it may be another one now */
    bool found;
    bool gone;        /* it was removed: that doesn't wait for `due` */
    bool listed;      /* the list has it that comes now */
    int refused;      /* so often etcd has said in a row that it isn't allowed */
    int64_t due;      /* it isn't put before */
    int64_t revision; /* of etcd's, in which it was put or read last */
    int64_t mended;   /* when somebody else's line was found there last; 0: never */
};

static bool is_status(const char *path)
{
    return strncmp(path, "status/", strlen("status/")) == 0;
}

/* Where a path is in the list, or would be. */
static size_t place_of(const struct telling *telling, const char *path)
{
    size_t low = 0, high = telling->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (strcmp(telling->told[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Returns NULL if there is no memory: the next look at all finds it. */
static struct told *find_or_add(struct telling *telling, const char *path)
{
    const size_t i = place_of(telling, path);
    struct told *told = telling->told;

    if (i < telling->count && strcmp(told[i].path, path) == 0)
        return &told[i];
    if (telling->count == telling->room) {
        const size_t room = telling->room ? 2 * telling->room : 64;

        told = reallocarray(told, room, sizeof(*told));
        if (!told)
            return NULL;
        telling->told = told;
        telling->room = room;
    }
    memmove(&told[i + 1], &told[i], (telling->count++ - i) * sizeof(*told));
    told[i] = (struct told){.put = false};
    (void)snprintf(told[i].path, sizeof(told[i].path), "%s", path);
    return &told[i];
}

void telling_see(struct telling *telling, const char *path)
{
    struct told *told;

    if (!path) {
        telling->all = true;
    } else if (strlen(path) < PATH_SIZE && (told = find_or_add(telling, path))) {
        const int64_t soon = clock_now() + TELLING_STATUS_MS;

        told->look = true;
        told->gone = faccessat(telling->store->directory, path, F_OK, 0) < 0;
        told->due = told->due > soon ? soon : told->due; /* it may be allowed now */
    }
}

/* When it may be put. A state that is none any more goes at once. */
static int64_t due_of(const struct told *told)
{
    return told->gone && !told->refused && is_status(told->path) ? 0 : told->due;
}

void telling_retry(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++) {
        if (telling->told[i].refused) {
            telling->told[i].refused = 0;
            telling->told[i].due = 0;
        }
    }
    telling->due = 0;
    telling_see(telling, NULL);
}

/* Somebody else has changed what this site had put. It is put again at once, unless that was so a
 * moment ago: who writes all the time isn't answered all the time. */
static void mend(struct told *told)
{
    const int64_t now = clock_now();

    if (!told->mended || now - told->mended >= TELLING_STATUS_MS) {
        told->mended = now;
        told->due = now;
    }
}

void telling_know(struct telling *telling, const char *path, const char *line, int64_t revision)
{
    struct told *told = strlen(path) < PATH_SIZE ? find_or_add(telling, path) : NULL;
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};

    if (told && line)
        told->listed = true;
    if (!told || revision <= told->revision)
        return;
    if (line)
        (void)EVP_Digest(line, strlen(line), digest, NULL, EVP_sha256(), NULL);
    if (told->put && (!line || memcmp(told->digest, digest, DIGEST_SIZE) != 0))
        mend(told);
    memcpy(told->digest, digest, DIGEST_SIZE);
    told->put = line != NULL;
    told->look = true;
    told->revision = revision;
}

void telling_begin_list(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++)
        telling->told[i].listed = false;
}

void telling_end_list(struct telling *telling, int64_t revision)
{
    for (size_t i = 0; i < telling->count; i++) {
        const struct told *told = &telling->told[i];

        if (is_status(told->path) && told->put && !told->listed)
            telling_know(telling, told->path, NULL, revision);
    }
}

void telling_again(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++) {
        telling->told[i].put = false;
        telling->told[i].look = true;
        telling->told[i].revision = 0;
    }
    telling->all = true;
}

static int look_into(struct telling *telling, const char *folder, struct failure *failure)
{
    char **names = store_list(telling->store, folder, failure);
    char path[STORE_PATH_SIZE + END_NAME_SIZE];

    for (char **name = names; name && *name; name++) {
        struct told *told = NULL;

        if (strlen(*name) <= KEEP_PATH_LENGTH_MAX) {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, *name);
            told = find_or_add(telling, path);
        }
        if (told)
            told->look = told->found = true;
    }
    free(names);
    return names ? 0 : -1;
}

/* Looks at all that is told. A status that isn't there any more is looked at, too: it is deleted.
 */
static void look_at_all(struct telling *telling)
{
    struct failure failure = {.text = ""};
    char **sites = store_list(telling->store, "out", &failure);
    char folder[STORE_PATH_SIZE];
    size_t left = 0;
    int error = sites ? 0 : -1;

    for (size_t i = 0; i < telling->count; i++)
        telling->told[i].found = false;
    for (char **site = sites; site && *site; site++) {
        (void)snprintf(folder, sizeof(folder), "out/%.300s", *site);
        if (want_is_name(*site) && strcmp(*site, telling->site) != 0)
            error |= look_into(telling, folder, &failure);
    }
    error |= look_into(telling, "status", &failure);
    for (size_t i = 0; i < telling->count; i++) {
        struct told *told = &telling->told[i];

        if (!told->found && told->put && is_status(told->path))
            told->look = told->gone = true;
        if (error || told->found || told->look)
            telling->told[left++] = *told;
    }
    telling->count = left;
    free(sites);
    telling->all = false;
    telling->looked = clock_now();
}

/* One transaction */

struct batch {
    json_t *operations;
    struct told *told[CLIENT_OPERATIONS];
    uint8_t digest[CLIENT_OPERATIONS][DIGEST_SIZE];
    bool gone[CLIENT_OPERATIONS];
    int count;
};

/* Writes the key of a path. */
static void key_of(const struct telling *telling, const char *path,
                   char ret_key[static GATEWAY_KEY_SIZE])
{
    const char *rest = strchr(path, '/') + 1;
    const char *name = strchr(rest, '/');

    if (is_status(path))
        client_key(telling->client, ret_key, "site/%s/status/%s", telling->site, rest);
    else
        client_key(telling->client, ret_key, "site/%.*s/in/%s/%s", (int)(name - rest), rest,
                   telling->site, name + 1);
}

/* A line can't be told. The others are. */
static void refuse(struct telling *telling, struct told *told, const struct failure *failure)
{
    int64_t wait = REFUSED_FIRST_MS;

    for (int i = 0; i < told->refused && wait < REFUSED_MAX_MS; i++)
        wait *= 2;
    told->look = true;
    told->refused++;
    told->due = clock_now() + (wait < REFUSED_MAX_MS ? wait : REFUSED_MAX_MS);
    (void)snprintf(telling->refusal, sizeof(telling->refusal), "%s", failure->text);
}

/* Puts a file into the transaction, if it has changed. A record for another site that can't be read
 * is nothing to the others. */
static void add(struct telling *telling, struct batch *batch, struct told *told)
{
    char line[STORE_LINE_SIZE], key[GATEWAY_KEY_SIZE];
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};
    struct failure failure;
    const int found = store_read(telling->store, told->path, line, &failure);
    const bool gone = found > 0 && is_status(told->path);

    told->gone = gone;
    if (found < 0 && is_status(told->path)) {
        refuse(telling, told, &failure);
        return;
    }
    told->look = found == 0 || gone;
    if (found == 0)
        (void)EVP_Digest(line, strlen(line), digest, NULL, EVP_sha256(), NULL);
    if ((found == 0 && told->put && memcmp(told->digest, digest, DIGEST_SIZE) == 0) ||
        (gone && !told->put))
        told->look = false;
    if (!told->look) {
        told->refused = 0;
        return;
    }
    key_of(telling, told->path, key);
    (void)json_array_append_new(
        batch->operations, gone ? gateway_operation("request_delete_range", gateway_delete(key))
                                : gateway_operation("request_put", gateway_put(key, line, 0)));
    memcpy(batch->digest[batch->count], digest, DIGEST_SIZE);
    batch->gone[batch->count] = gone;
    batch->told[batch->count++] = told;
}

static void fill(struct telling *telling, struct batch *batch)
{
    const int64_t now = clock_now();
    const int most = telling->alone ? 1 : CLIENT_OPERATIONS;

    for (size_t i = 0; i < telling->count && batch->count < most; i++) {
        struct told *told = &telling->told[i];

        if (told->look && due_of(told) <= now)
            add(telling, batch, told);
    }
}

static void note_put(struct telling *telling, struct batch *batch, int64_t revision)
{
    const int64_t now = clock_now();

    for (int i = 0; i < batch->count; i++) {
        struct told *told = batch->told[i];

        memcpy(told->digest, batch->digest[i], DIGEST_SIZE);
        told->put = !batch->gone[i];
        telling->had_room |= told->put; /* a full etcd takes what is deleted */
        told->look = told->gone = false;
        told->refused = 0;
        told->revision = revision;
        if (is_status(told->path))
            told->due = now + TELLING_STATUS_MS;
    }
}

/* The text stays as long as one isn't allowed. */
static void forget_refusal(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++) {
        if (telling->told[i].refused)
            return;
    }
    telling->refusal[0] = '\0';
}

/* etcd doesn't allow a key. */
static void refuse_key(struct telling *telling, struct told *told, const struct failure *failure)
{
    struct failure named = *failure;
    char key[GATEWAY_KEY_SIZE];

    key_of(telling, told->path, key);
    failure_add(&named, ", to write %s", key);
    refuse(telling, told, &named);
}

/* etcd has answered that it doesn't do it. Returns 0: others may go on; or -1. */
static int note_refusal(struct telling *telling, struct batch *batch, const struct failure *failure)
{
    const int64_t now = clock_now();

    if (telling->client->code == GATEWAY_FORBIDDEN && batch->count > 1) {
        telling->alone = (size_t)batch->count; /* one of them isn't allowed */
        return 0;
    }
    if (telling->client->code == GATEWAY_FORBIDDEN) {
        refuse_key(telling, batch->told[0], failure);
        telling->alone -= telling->alone > 0;
        return 0;
    }
    (void)snprintf(telling->refusal, sizeof(telling->refusal), "%s", failure->text);
    if (telling->client->code == GATEWAY_FULL) {
        int64_t wait = FULL_FIRST_MS;

        for (int i = 0; i < telling->full && wait < FULL_MAX_MS; i++)
            wait *= 2;
        wait = wait < FULL_MAX_MS ? wait : FULL_MAX_MS;
        telling->full++;
        telling->due = now + wait / 2 + random() % (wait / 2);
        return 0;
    }
    return -1;
}

/* Puts one transaction. Returns 0; 1: the presence isn't ours any more; 2: nothing was left; or
 * -1. */
static int put(struct telling *telling, int64_t presence, struct failure *failure)
{
    struct batch batch = {.operations = json_array()};
    char key[GATEWAY_KEY_SIZE];
    json_t *answer;
    int64_t revision;
    bool done;

    fill(telling, &batch);
    if (batch.count == 0) {
        json_decref(batch.operations);
        telling->full = 0;
        forget_refusal(telling);
        return 2;
    }
    client_key(telling->client, key, "site/%s/agent", telling->site);
    if (client_call(telling->client, "kv/txn",
                    gateway_transaction(json_pack("[o]", gateway_compare(key, presence)),
                                        batch.operations, NULL),
                    &answer, failure))
        return telling->client->code == GATEWAY_FINE ? -1 : note_refusal(telling, &batch, failure);
    done = json_is_true(json_object_get(answer, "succeeded"));
    revision = gateway_header(answer).revision;
    json_decref(answer);
    if (!done)
        return 1;
    telling->alone -= telling->alone > 0;
    telling->full = 0;
    note_put(telling, &batch, revision);
    forget_refusal(telling);
    return 0;
}

int telling_run(struct telling *telling, int64_t presence, struct failure *failure)
{
    int result = 0;

    if (telling->all || clock_now() - telling->looked >= TELLING_LOOK_MS)
        look_at_all(telling);
    while (result == 0 && clock_now() >= telling->due)
        result = put(telling, presence, failure);
    return result == 2 ? 0 : result;
}

int64_t telling_due(const struct telling *telling)
{
    int64_t due = telling->looked + TELLING_LOOK_MS;

    if (telling->all)
        return telling->due;
    for (size_t i = 0; i < telling->count; i++) {
        const struct told *told = &telling->told[i];

        if (told->look && due_of(told) < due)
            due = due_of(told);
    }
    return due > telling->due ? due : telling->due;
}

bool telling_is_behind(const struct telling *telling, int64_t now)
{
    if (telling->all)
        return true;
    for (size_t i = 0; i < telling->count; i++) {
        const struct told *told = &telling->told[i];

        if (is_status(told->path) && told->look && (told->refused || due_of(told) <= now))
            return true;
    }
    return false;
}

size_t telling_waiting(const struct telling *telling)
{
    size_t count = 0;

    for (size_t i = 0; i < telling->count; i++)
        count += telling->told[i].look;
    return count;
}

void telling_end(struct telling *telling)
{
    free(telling->told);
    telling->told = NULL;
    telling->count = telling->room = 0;
}

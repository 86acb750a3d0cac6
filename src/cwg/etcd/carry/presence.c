#include "cwg/etcd/carry/presence.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/store/standing.h"

enum {
    LEASE_SECONDS = 60,
    KEEP_MS = 20000,
    CLAIM_MS = 20000, /* between two looks at another's key */
    CLAIMS = 3,
};

/* Reads a line of a file. "" if it can't be read. */
static void read_word(int fd, char *ret_word, size_t size)
{
    const ssize_t length = fd < 0 ? -1 : read(fd, ret_word, size - 1);

    ret_word[length > 0 ? length : 0] = '\0';
    ret_word[strcspn(ret_word, "\n")] = '\0';
}

/* A new id: a copy of the machine has it as well, but not its boot. */
static int make_id(int fd, char ret_id[static PRESENCE_ID_SIZE])
{
    unsigned char bytes[(PRESENCE_ID_SIZE - 1) / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -1;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(ret_id + 2 * i, 3, "%02x", bytes[i]);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, ret_id, strlen(ret_id), 0) < 0 || fsync(fd) < 0)
        return -1;
    return 0;
}

int presence_open(struct presence *presence, struct client *client, const struct store *store,
                  const char *site, const char *state, struct failure *failure)
{
    const int boot = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    char path[PATH_MAX];
    int fd;

    *presence = (struct presence){.client = client, .store = store, .site = site};
    (void)snprintf(path, sizeof(path), "%.3500s/etcd.id", state);
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(failure, "etcd", "can't open %.500s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return fail(failure, "running", "cwg etcd runs already in %.500s", state);
    }
    read_word(boot, presence->boot, sizeof(presence->boot));
    if (boot >= 0)
        close(boot);
    read_word(fd, presence->id, sizeof(presence->id));
    if (strlen(presence->id) == PRESENCE_ID_SIZE - 1 &&
        strspn(presence->id, "0123456789abcdef") == PRESENCE_ID_SIZE - 1)
        return 0;
    return make_id(fd, presence->id) ? fail(failure, "etcd", "can't write %.500s", path) : 0;
}

static json_t *pack(struct presence *presence, const char *key, bool told)
{
    struct utsname machine = {.nodename = ""};
    json_t *value, *packed;
    char *text;

    (void)uname(&machine);
    machine.nodename[PRESENCE_HOST_SIZE - 1] = '\0';
    value = json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:b}", "agent", presence->id, "boot",
                      presence->boot, "host", machine.nodename, "version", VERSION, "beat",
                      (json_int_t)++presence->beats, "told", told, "behind", presence->behind);
    text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    packed = text ? gateway_put(key, text, presence->lease) : NULL;
    free(text);
    return packed;
}

/* Did the last call fail since etcd has no room? Notes its words. */
static bool is_full(struct presence *presence, const struct failure *failure)
{
    if (presence->client->code != GATEWAY_FULL)
        return false;
    (void)snprintf(presence->full, sizeof(presence->full), "%s", failure->text);
    return true;
}

/* Ends the lease, and with it the key. If etcd doesn't hear of it, the lease ends by itself. */
static void give_back(struct presence *presence)
{
    struct failure failure;
    char id[24];
    json_t *answer;

    (void)snprintf(id, sizeof(id), "%lld", (long long)presence->lease);
    if (client_call(presence->client, "lease/revoke", json_pack("{s:s}", "ID", id), &answer,
                    &failure) == 0)
        json_decref(answer);
    presence->lease = 0;
    presence->revision = 0;
    presence->claim_due = clock_now() + CLAIM_MS;
}

/* Returns 0; 1: there is no room; or -1. */
static int grant(struct presence *presence, struct failure *failure)
{
    json_t *answer;

    if (presence->lease)
        return 0;
    if (client_call(presence->client, "lease/grant", json_pack("{s:i}", "TTL", LEASE_SECONDS),
                    &answer, failure))
        return is_full(presence, failure) ? 1 : -1;
    (void)gateway_number(answer, "ID", &presence->lease);
    json_decref(answer);
    presence->kept_due = clock_now() + KEEP_MS;
    return presence->lease ? 0 : fail(failure, "unreachable", "etcd grants no lease");
}

enum {
    PUT_CHANGED, /* it was changed since: *ret_now is the key as it is now */
    PUT_DONE,
    PUT_FULL,
};

/* Puts the key, if it was changed last at `revision`; 0: if it isn't there. Returns how that went,
 * or -1. */
static int put(struct presence *presence, int64_t revision, struct gateway_entry *ret_now,
               struct failure *failure)
{
    const bool told = standing_is_told(presence->store);
    char key[GATEWAY_KEY_SIZE];
    json_t *answer;
    int done;

    client_key(presence->client, key, "site/%s/agent", presence->site);
    if (client_call(
            presence->client, "kv/txn",
            gateway_transaction(
                json_pack("[o]", gateway_compare(key, revision)),
                json_pack("[o]", gateway_operation("request_put", pack(presence, key, told))),
                json_pack("[o]", gateway_operation("request_range", gateway_get(key)))),
            &answer, failure)) {
        if (presence->client->code == GATEWAY_ABSENT)
            presence->lease = 0; /* it has ended */
        if (!is_full(presence, failure))
            return -1;
        if (!presence->said_well || !told || presence->behind)
            give_back(presence);
        return PUT_FULL;
    }
    done = json_is_true(json_object_get(answer, "succeeded")) ? PUT_DONE : PUT_CHANGED;
    *ret_now = (struct gateway_entry){.revision = 0};
    presence->full[0] = '\0';
    if (done == PUT_DONE) {
        presence->said_well = told && !presence->behind;
        presence->known = presence->revision = gateway_header(answer).revision;
    } else {
        const json_t *first = json_array_get(json_object_get(answer, "responses"), 0);
        const json_t *range = json_object_get(first, "response_range");

        (void)gateway_read_entry(json_array_get(json_object_get(range, "kvs"), 0), ret_now);
    }
    json_decref(answer);
    return done;
}

/* Whose is the key? Notes another's machine. */
static bool is_ours(struct presence *presence, const char *value)
{
    json_t *read = json_read_line(value);
    const char *id = json_text(read, "agent", PRESENCE_ID_SIZE - 1);
    const char *boot = json_text(read, "boot", sizeof(presence->boot) - 1);
    const char *host = json_text(read, "host", PRESENCE_HOST_SIZE - 1);
    const bool ours =
        id && boot && strcmp(id, presence->id) == 0 && strcmp(boot, presence->boot) == 0;
    struct failure printable = {.text = ""};

    fail(&printable, "", "%s", host && host[0] ? host : "a machine without a name");
    if (!ours)
        (void)snprintf(presence->other, sizeof(presence->other), "%.64s", printable.text);
    json_decref(read);
    return ours;
}

int presence_claim(struct presence *presence, struct failure *failure)
{
    struct gateway_entry now = {.revision = 0};
    int64_t known;
    int done = PUT_CHANGED;
    int granted;

    presence->revision = 0;
    known = presence->known;
    presence->claim_due = clock_now() + CLAIM_MS;
    granted = grant(presence, failure);
    if (granted)
        return granted < 0 ? -1 : 0;
    for (int i = 0; i < CLAIMS && done == PUT_CHANGED; i++) {
        const int64_t before = now.revision;

        done = put(presence, before, &now, failure);
        if (done < 0)
            return -1;
        presence->lost |= done == PUT_DONE && known && before != known;
        if (done == PUT_CHANGED && now.revision && !is_ours(presence, now.value) &&
            !presence->takeover)
            return 0;
    }
    if (done == PUT_DONE) {
        presence->takeover = false;
        presence->other[0] = '\0';
        presence->beat_due = clock_now() + PRESENCE_BEAT_MS;
    }
    return 0;
}

/* Returns 0; 1 if the lease has ended; or -1. */
static int keep(struct presence *presence, struct failure *failure)
{
    char id[24];
    json_t *answer;
    int64_t left;

    (void)snprintf(id, sizeof(id), "%lld", (long long)presence->lease);
    if (client_call(presence->client, "lease/keepalive", json_pack("{s:s}", "ID", id), &answer,
                    failure))
        return -1;
    (void)gateway_number(json_object_get(answer, "result"), "TTL", &left);
    json_decref(answer);
    presence->kept_due = clock_now() + KEEP_MS;
    return left > 0 ? 0 : 1;
}

static int beat(struct presence *presence, int64_t *ret_beat, struct failure *failure)
{
    struct gateway_entry now;
    const int done = put(presence, presence->revision, &now, failure);

    if (done < 0)
        return -1;
    presence->beat_due = clock_now() + PRESENCE_BEAT_MS;
    if (done == PUT_CHANGED)
        return presence_claim(presence, failure);
    if (done == PUT_DONE)
        *ret_beat = presence->revision;
    return 0;
}

int presence_run(struct presence *presence, int64_t *ret_beat, struct failure *failure)
{
    const int64_t now = clock_now();

    *ret_beat = 0;
    if (presence->lease && now >= presence->kept_due) {
        const int ended = keep(presence, failure);

        if (ended < 0)
            return -1;
        if (ended) {
            presence->lease = 0;
            return presence_claim(presence, failure);
        }
    }
    if (!presence->revision)
        return now >= presence->claim_due ? presence_claim(presence, failure) : 0;
    return now >= presence->beat_due ? beat(presence, ret_beat, failure) : 0;
}

int64_t presence_due(const struct presence *presence)
{
    const int64_t due = presence->revision ? presence->beat_due : presence->claim_due;

    return presence->lease && presence->kept_due < due ? presence->kept_due : due;
}

void presence_say(struct presence *presence, bool behind)
{
    if (behind != presence->behind)
        presence->beat_due = clock_now();
    presence->behind = behind;
}

enum presence_word presence_read(const char *value)
{
    json_t *read = json_read_line(value);
    const enum presence_word word = !json_is_true(json_object_get(read, "told")) ? PRESENCE_SILENT
                                    : json_is_true(json_object_get(read, "behind"))
                                        ? PRESENCE_BEHIND
                                        : PRESENCE_WELL;

    json_decref(read);
    return word;
}

void presence_retry(struct presence *presence)
{
    presence->claim_due = 0;
    if (presence->full[0])
        presence->beat_due = 0;
}

void presence_see(struct presence *presence, int64_t revision, bool deleted)
{
    if (revision <= presence->revision || (!presence->revision && !deleted))
        return;
    presence->revision = 0; /* another's now, or nobody's */
    presence->claim_due = clock_now();
}

void presence_end(struct presence *presence)
{
    if (presence->revision && presence->lease)
        give_back(presence);
}

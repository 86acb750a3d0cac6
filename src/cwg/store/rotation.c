#include "cwg/store/rotation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/record/record.h"

static void path_of(const char *state, const char *name, char ret_path[static PATH_MAX])
{
    (void)snprintf(ret_path, PATH_MAX, "%.3500s/%s", state, name);
}

/* Is the old key the key still? Then a rotation was cut short, before the new one was in place. */
static bool is_begun(const char *path, const char *old)
{
    struct failure failure = {.text = ""};
    struct sitekey key[2] = {{.pair = NULL}};
    const bool same = sitekey_read(path, &key[0], &failure) == 0 &&
                      sitekey_read(old, &key[1], &failure) == 0 &&
                      key_equal(&key[0].public, &key[1].public);

    sitekey_close(&key[0]);
    sitekey_close(&key[1]);
    return same;
}

int rotation_make(const char *state, struct failure *failure)
{
    char path[PATH_MAX], old[PATH_MAX], fresh[PATH_MAX];
    struct sitekey key;

    path_of(state, "site.key", path);
    path_of(state, "site.key.old", old);
    path_of(state, "site.key.new", fresh);
    if (is_begun(path, old))
        (void)unlink(old);
    (void)unlink(fresh); /* of a rotation that was cut short: nobody knows it */
    if (sitekey_make(fresh, &key, failure))
        return -1;
    sitekey_close(&key);
    if (link(path, old) < 0) {
        const int error = errno;

        (void)unlink(fresh);
        return error == EEXIST
                   ? fail(
                         failure, "key",
                         "the key before this one is kept still, for sites that may know no other: "
                         "cwg keys --drop-old, once all have taken this one")
                   : fail(failure, "key", "can't keep %.300s: %s", path, strerror(error));
    }
    return rename(fresh, path) < 0
               ? fail(failure, "key", "can't put %.300s in place: %s", path, strerror(errno))
               : 0;
}

/* Has a site been told of this key? */
static bool is_told(const struct store *store, const char *place, const char *site,
                    const struct key *signer, const char *key)
{
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE];
    json_t *body = NULL;
    const char *told;
    bool same;

    if (store_read(store, place, line, &failure) ||
        record_open(line, site, ROTATION_NAME, signer, &body, &failure))
        return false;
    told = json_text(body, "key", KEY_TEXT_LENGTH);
    same = told && strcmp(told, key) == 0;
    json_decref(body);
    return same;
}

/* A serial is above that of the rotation before, also if the clock was set back in between. */
static int64_t next_serial(const struct store *store, const char *place)
{
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE];
    const int64_t today = clock_today();
    const int64_t last = store_read(store, place, line, &failure) ? 0 : record_claimed_serial(line);

    return today > last ? today : last + 1;
}

/* Returns 1 if it was written. */
static int tell_site(const struct store *store, const char *site, const struct sitekey *old,
                     const struct key *fresh, struct failure *failure)
{
    char place[STORE_PATH_SIZE], key[KEY_TEXT_LENGTH + 1];
    json_t *body;
    char *line;
    int error;

    key_to_text(fresh, key);
    (void)snprintf(place, sizeof(place), "out/%.63s/" ROTATION_NAME, site);
    if (is_told(store, place, site, &old->public, key))
        return 0;
    body = json_pack("{s:I,s:s}", "serial", (json_int_t)next_serial(store, place), "key", key);
    line = record_sign(old, site, ROTATION_NAME, body, failure);
    error = line ? store_write(store, place, line, failure) : -1;
    free(line);
    json_decref(body);
    return error ? -1 : 1;
}

int rotation_tell(const char *state, const struct store *store, const struct sitekey *key,
                  void (*told)(void *owner, const char *site), void *owner, struct failure *failure)
{
    char path[PATH_MAX];
    struct sitekey old;
    char **sites;
    int found;

    path_of(state, "site.key.old", path);
    found = sitekey_read(path, &old, failure);
    if (found)
        return found > 0 ? 0 : -1;
    sites = key_equal(&old.public, &key->public) ? NULL : store_list(store, "site", failure);
    for (char **site = sites; site && *site && found >= 0; site++) {
        found = tell_site(store, *site, &old, &key->public, failure);
        if (found > 0 && told)
            told(owner, *site);
    }
    free(sites);
    sitekey_close(&old);
    return found < 0 ? -1 : 0;
}

int rotation_take(const char *line, const char *receiver, struct site_record *known,
                  struct failure *failure)
{
    json_t *body = NULL;
    const char *text;
    struct key key;
    int result = 0;

    if (record_open(line, receiver, ROTATION_NAME, &known->key, &body, failure))
        return 0; /* what the key that is known hasn't signed tells nothing */
    text = json_text(body, "key", KEY_TEXT_LENGTH);
    if (!text || key_from_text(text, &key) || key_is_zero(&key)) {
        result =
            fail(failure, "record", "site %s tells of a new key in an unknown way", known->name);
    } else if (record_serial(body) > known->serial && !key_equal(&key, &known->key)) {
        known->key = key;
        known->serial = record_serial(body);
        result = 1;
    }
    json_decref(body);
    return result;
}

int rotation_hear(const struct store *store, const char *own, const char *site,
                  struct failure *failure)
{
    char place[STORE_PATH_SIZE], line[STORE_LINE_SIZE];
    struct site_record known;
    int result;

    (void)snprintf(place, sizeof(place), "in/%.63s/" ROTATION_NAME, site);
    if (store_read(store, place, line, failure) || trust_read(store, site, &known, failure))
        return 0;
    result = rotation_take(line, own, &known, failure);
    return result > 0 && trust_write(store, &known, failure) ? -1 : result;
}

bool rotation_is_kept(const char *state)
{
    char path[PATH_MAX];

    path_of(state, "site.key.old", path);
    return access(path, F_OK) == 0;
}

int rotation_drop(const char *state, struct failure *failure)
{
    char path[PATH_MAX];

    path_of(state, "site.key.old", path);
    if (unlink(path) == 0)
        return 0;
    return errno == ENOENT ? 1
                           : fail(failure, "key", "can't remove %.300s: %s", path, strerror(errno));
}

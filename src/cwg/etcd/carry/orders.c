#include "cwg/etcd/carry/orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/record/record.h"
#include "cwg/store/declare.h"

int orders_open(const struct orders *orders, const char *path, const char *line, json_t **ret_body,
                struct failure *failure)
{
    *ret_body = NULL;
    if (orders->operators == 0)
        return fail(failure, "refused", "%.200s: no operator is configured", path);
    for (int i = 0; i < orders->operators; i++) {
        if (record_open(line, orders->site, path, &orders->operator[i], ret_body, failure) == 0)
            return 0;
    }
    return -1;
}

bool orders_is_end(const json_t *body)
{
    return json_is_true(json_object_get(body, "gone"));
}

int orders_read_want(const char *path, const json_t *body, struct want *ret_want,
                     struct failure *failure)
{
    char *text = json_dumps(body, JSON_COMPACT);
    char expected[STORE_PATH_SIZE];
    struct want want;
    int error;

    if (!text)
        return fail(failure, "system", "no memory");
    error = want_read(text, &want, failure);
    free(text);
    if (error)
        return -1;
    (void)snprintf(expected, sizeof(expected), "want/%.63s.%u", want.link, want.host);
    if (strcmp(expected, path) != 0)
        return fail(failure, "refused", "%.200s: its want is that of %s", path, expected);
    *ret_want = want;
    return 0;
}

int orders_read_site(const char *path, const json_t *body, struct site_record *ret_site,
                     struct failure *failure)
{
    const char *site = json_text(body, "site", WANT_SITE_SIZE - 1);
    const char *text = json_text(body, "key", KEY_TEXT_LENGTH);
    struct key key;

    if (!site || strcmp(site, strchr(path, '/') + 1) != 0 || !text || key_from_text(text, &key) ||
        key_is_zero(&key))
        return fail(failure, "refused", "%.200s: its site or key is wrong", path);
    (void)snprintf(ret_site->name, sizeof(ret_site->name), "%s", site);
    ret_site->key = key;
    return 0;
}

/* The serial of the record of a path that was taken last; 0 if there was none. It was checked when
 * it was taken: whoever signed it then, it counts, even if that operator isn't one any more. */
static int64_t serial_before(const struct orders *orders, const char *kept)
{
    char line[STORE_LINE_SIZE];
    struct failure failure;

    return store_read(orders->store, kept, line, &failure) ? 0 : record_claimed_serial(line);
}

/* A want, or the end of one. */
static int take_want(const struct orders *orders, const char *path, const json_t *body,
                     struct failure *failure)
{
    struct want want;
    char *line;
    int error;

    if (orders_is_end(body)) {
        char before[STORE_LINE_SIZE];
        const int found = store_read(orders->store, path, before, failure);

        return found == 0 ? declare_forget_end(orders->store, path, before, failure) : -(found < 0);
    }
    if (orders_read_want(path, body, &want, failure))
        return -1;
    line = want_write(&want);
    error = line ? store_write(orders->store, path, line, failure)
                 : fail(failure, "system", "no memory");
    free(line);
    return error;
}

/* The key of another site. How it is reached by ssh isn't the operator's to say. */
static int take_site(const struct orders *orders, const char *path, const json_t *body,
                     struct failure *failure)
{
    struct site_record told, record = {.serial = 0};
    struct failure unread;

    if (orders_read_site(path, body, &told, failure))
        return -1;
    if (strcmp(told.name, orders->site) == 0)
        return fail(failure, "refused", "%.200s: its site or key is wrong", path);
    (void)trust_read(orders->store, told.name, &record, &unread);
    (void)snprintf(record.name, sizeof(record.name), "%s", told.name);
    if (!key_equal(&record.key, &told.key))
        record.serial = 0; /* the site's own words were of another key */
    record.key = told.key;
    return trust_write(orders->store, &record, failure);
}

int orders_take(const struct orders *orders, const char *path, const char *line,
                struct failure *failure)
{
    char kept[STORE_PATH_SIZE];
    json_t *body;
    int error;

    if (orders_open(orders, path, line, &body, failure))
        return -1;
    (void)snprintf(kept, sizeof(kept), "signed/%.400s", path);
    if (record_serial(body) <= serial_before(orders, kept)) {
        json_decref(body);
        return 0;
    }
    error = strncmp(path, "want/", strlen("want/")) == 0 ? take_want(orders, path, body, failure)
                                                         : take_site(orders, path, body, failure);
    json_decref(body);
    /* The record comes last: what is half done is done again. */
    return error || store_write(orders->store, kept, line, failure) ? -1 : 1;
}

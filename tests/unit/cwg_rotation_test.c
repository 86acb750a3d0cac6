#include "cwg/store/rotation.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/record/record.h"
#include "cwg/store/trust.h"
#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE];
static struct store store;
static struct failure failure;

static struct sitekey read_key(const char *name)
{
    struct sitekey key;

    if (sitekey_read(folder_path(folder, name), &key, &failure))
        unit_trouble(failure.text);
    return key;
}

static void begin(void)
{
    struct sitekey key;

    failure.text[0] = '\0';
    folder_make(folder);
    if (store_open(&store, folder_path(folder, "store"), &failure) ||
        sitekey_make(folder_path(folder, "site.key"), &key, &failure))
        unit_trouble(failure.text);
    sitekey_close(&key);
}

static void end(void)
{
    store_close(&store);
    folder_remove(folder);
}

TEST(a_key_is_made_whole_or_not_at_all)
{
    struct sitekey key;
    struct stat status;

    begin();
    /* What a killed process has left under the temporary name is no key. */
    (void)snprintf(failure.text, sizeof(failure.text), "site.key2.%d", (int)getpid());
    close(open(folder_path(folder, failure.text), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    expect(sitekey_make(folder_path(folder, "site.key2"), &key, &failure) == 0, "%s", failure.text);
    sitekey_close(&key);
    expect(stat(folder_path(folder, "site.key2"), &status) == 0 &&
               (status.st_mode & 07777) == 0600 && status.st_nlink == 1,
           "mode %o", status.st_mode);
    expect(sitekey_make(folder_path(folder, "site.key2"), &key, &failure) < 0, "one was replaced");
    expect(sitekey_read(folder_path(folder, "site.key2"), &key, &failure) == 0, "%s", failure.text);
    sitekey_close(&key);
    end();
}

TEST(a_rotation_can_be_cut_short_anywhere)
{
    struct sitekey first, now;

    begin();
    first = read_key("site.key");
    /* After the new key, before the old one is kept. */
    if (sitekey_make(folder_path(folder, "site.key.new"), &now, &failure))
        unit_trouble(failure.text);
    sitekey_close(&now);
    expect(rotation_make(folder, &failure) == 0, "%s", failure.text);
    expect(rotation_make(folder, &failure) < 0 && strstr(failure.text, "--drop-old"), "%s",
           failure.text);
    now = read_key("site.key.old");
    expect(key_equal(&now.public, &first.public), "another old key");
    sitekey_close(&now);
    now = read_key("site.key");
    expect(!key_equal(&now.public, &first.public), "the same key");
    sitekey_close(&first);
    first = now;
    /* After the old key is kept, before the new one is in place. */
    expect(rotation_drop(folder, &failure) == 0 && rotation_drop(folder, &failure) == 1, "%s",
           failure.text);
    {
        char old[PATH_MAX + 32];

        (void)snprintf(old, sizeof(old), "%s", folder_path(folder, "site.key.old"));
        if (link(folder_path(folder, "site.key"), old) < 0)
            unit_trouble("link");
    }
    expect(rotation_make(folder, &failure) == 0, "%s", failure.text);
    now = read_key("site.key");
    expect(!key_equal(&now.public, &first.public), "the same key");
    sitekey_close(&now);
    sitekey_close(&first);
    end();
}

/* Tells site "other" of a new key, and brings what is told to where "other" would read it. */
static void tell_and_bring(const struct sitekey *key, char line[static STORE_LINE_SIZE])
{
    expect(rotation_tell(folder, &store, key, NULL, NULL, &failure) == 0, "%s", failure.text);
    expect(store_read(&store, "out/other/key", line, &failure) == 0, "nothing is told");
}

TEST(the_other_site_takes_a_new_key_once_and_from_the_old_one_alone)
{
    char line[STORE_LINE_SIZE], again[STORE_LINE_SIZE];
    struct sitekey first, second;
    struct site_record self = {.name = "self"}, other = {.name = "other", .key = {.bytes = {9}}};
    struct site_record known;

    begin();
    first = read_key("site.key");
    self.key = first.public;
    expect(trust_write(&store, &self, &failure) == 0 && trust_write(&store, &other, &failure) == 0,
           "%s", failure.text);
    expect(rotation_hear(&store, "other", "self", &failure) == 0, "of nothing");
    expect(rotation_make(folder, &failure) == 0, "%s", failure.text);
    second = read_key("site.key");
    tell_and_bring(&second, line);
    tell_and_bring(&second, again);
    expect(strcmp(line, again) == 0, "it is told anew each time");
    expect(store_write(&store, "in/self/key", line, &failure) == 0, "%s", failure.text);
    expect(rotation_hear(&store, "another", "self", &failure) == 0, "another site's record");
    expect(rotation_hear(&store, "other", "self", &failure) == 1, "%s", failure.text);
    expect(trust_read(&store, "self", &known, &failure) == 0 &&
               key_equal(&known.key, &second.public) && known.serial > 0,
           "another key");
    expect(rotation_hear(&store, "other", "self", &failure) == 0, "twice");
    /* An operator declares the old key again: the record, which is no newer, counts no more. */
    known.key = first.public;
    expect(trust_write(&store, &known, &failure) == 0 &&
               rotation_hear(&store, "other", "self", &failure) == 0,
           "an old record was taken");
    sitekey_close(&first);
    sitekey_close(&second);
    end();
}

TEST(a_rotation_is_believed_after_the_clock_was_set_back)
{
    const int64_t later = (int64_t)1 << 52; /* milliseconds: a clock that was far ahead */
    struct site_record self = {.name = "self"}, other = {.name = "other", .key = {.bytes = {9}}};
    struct site_record known;
    struct sitekey first, second;
    char line[STORE_LINE_SIZE];
    char *before;
    json_t *body;

    begin();
    first = read_key("site.key");
    self.key = first.public;
    self.serial = later;
    body = json_pack("{s:I,s:s}", "serial", (json_int_t)later, "key", "of the rotation before");
    before = record_sign(&first, "other", "key", body, &failure);
    expect(before && store_write(&store, "out/other/key", before, &failure) == 0 &&
               trust_write(&store, &self, &failure) == 0 &&
               trust_write(&store, &other, &failure) == 0,
           "%s", failure.text);
    expect(rotation_make(folder, &failure) == 0, "%s", failure.text);
    second = read_key("site.key");
    tell_and_bring(&second, line);
    expect(store_write(&store, "in/self/key", line, &failure) == 0 &&
               rotation_hear(&store, "other", "self", &failure) == 1 &&
               trust_read(&store, "self", &known, &failure) == 0 && known.serial == later + 1,
           "%s", failure.text);
    json_decref(body);
    free(before);
    sitekey_close(&first);
    sitekey_close(&second);
    end();
}

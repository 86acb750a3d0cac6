#include "cwg/etcd/fleet/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/record/record.h"
#include "cwg/store/trust.h"
#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE];
static struct failure failure;
static struct sitekey ada, eve, key1, key2,
    key3; /* an operator, a stranger; of site s1, and later */
static struct store store;
static struct overview overview;

static void make_key(const char *name, struct sitekey *key)
{
    if (sitekey_make(folder_path(folder, name), key, &failure))
        unit_trouble(failure.text);
}

static void begin(void)
{
    folder_make(folder);
    if (store_open(&store, folder, &failure))
        unit_trouble(failure.text);
    make_key("ada", &ada);
    make_key("eve", &eve);
    make_key("key1", &key1);
    make_key("key2", &key2);
    make_key("key3", &key3);
    overview = (struct overview){.prefix = "/p/site/",
                                 .orders = {.operators = 1, .operator= {ada.public} } };
}

static void finish(void)
{
    struct sitekey *keys[] = {&ada, &eve, &key1, &key2, &key3};

    overview_clear(&overview);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        sitekey_close(keys[i]);
    store_close(&store);
    folder_remove(folder);
}

/* etcd has a line at a key below /p/site/. */
static void have(const char *key, const char *line)
{
    struct gateway_entry entry = {.revision = 1};

    (void)snprintf(entry.key, sizeof(entry.key), "/p/site/%s", key);
    (void)snprintf(entry.value, sizeof(entry.value), "%s", line);
    expect(overview_take(&overview, &entry, &failure) == 0, "%s: %s", key, failure.text);
}

/* The same for a record: its body, a format of printf(3), is signed for a site and a path. */
static void have_record(const char *key, const struct sitekey *signer, const char *site,
                        const char *path, const char *body)
{
    json_t *packed = json_loads(body, 0, NULL);
    char *line = record_sign(signer, site, path, packed, &failure);

    if (!packed || !line)
        unit_trouble(body);
    have(key, line);
    free(line);
    json_decref(packed);
}

static void have_key(const char *teller, const char *site, const struct sitekey *signer,
                     const struct sitekey *key, int serial)
{
    char place[160], path[80], body[200], text[KEY_TEXT_LENGTH + 1];

    key_to_text(&key->public, text);
    (void)snprintf(path, sizeof(path), "site/%s", site);
    (void)snprintf(place, sizeof(place), "%s/%s", teller, path);
    (void)snprintf(body, sizeof(body), "{\"site\":\"%s\",\"key\":\"%s\",\"serial\":%d}", site, text,
                   serial);
    have_record(place, signer, teller, path, body);
}

/* A site says at another one that it has a new key. */
static void have_rotation(const char *receiver, const char *site, const struct sitekey *old,
                          const struct sitekey *key, int serial)
{
    char place[160], body[200], text[KEY_TEXT_LENGTH + 1];

    key_to_text(&key->public, text);
    (void)snprintf(place, sizeof(place), "%s/in/%s/key", receiver, site);
    (void)snprintf(body, sizeof(body), "{\"key\":\"%s\",\"serial\":%d}", text, serial);
    have_record(place, old, receiver, "key", body);
}

#define STATUS                                                                                     \
    "{\"link\":\"l1\",\"net\":7,\"host\":0,\"container\":\"podman/web\",\"site\":\"s2\","          \
    "\"state\":\"connected\",\"since\":1795729867,\"reason\":\"\",\"serial\":9}"
#define WANT                                                                                       \
    "{\"link\":\"l1\",\"net\":7,\"host\":0,\"container\":{\"engine\":\"\",\"name\":\"web\"},"      \
    "\"peer\":{\"site\":\"s2\"},\"serial\":3}"

static void have_status(const struct sitekey *key)
{
    have_record("s1/status/l1.0", key, "operators", "status/l1.0", STATUS);
}

static void have_want(const struct sitekey *operator)
{
    have_record("s1/want/l1.0", operator, "s1", "want/l1.0", WANT);
}

/* Expects one end, in a state and with a reason. */
static void expect_end(const char *state, const char *reason)
{
    const struct standing_link *link;

    overview_judge(&overview, &store);
    expect(overview.count == 1, "%zu ends", overview.count);
    link = &overview.ends[0]->link;
    expect(strcmp(link->state, state) == 0, "%s: %s", link->state, link->reason);
    expect(strncmp(link->reason, reason, strlen(reason)) == 0, "%s", link->reason);
    expect(strcmp(link->link, "l1") == 0 && link->host == 0, "%s.%u", link->link, link->host);
}

TEST(a_state_is_believed_by_the_key_that_an_operator_has_signed)
{
    const struct overview_end *end;

    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&key1);
    have_want(&ada);
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end("connected", "");
    end = overview.ends[0];
    expect(end->declared && standing_is_well(end->link.state), "it isn't well");
    expect(strcmp(end->link.container, "podman/web") == 0 && end->link.since == 1795729867, "%s",
           end->link.container);
    expect(strcmp(end->link.address, "10.0.0.14") == 0 && strcmp(end->link.site, "s2") == 0 &&
               strcmp(end->link.peer, "10.0.0.15") == 0 && end->link.net == 7,
           "%s, %s", end->link.address, end->link.site);
    finish();
}

TEST(a_state_without_a_declaration_is_shown_and_its_place_is_the_sites_word)
{
    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&key1);
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end("connected", "");
    expect(!overview.ends[0]->declared && strcmp(overview.ends[0]->link.address, "10.0.0.14") == 0,
           "%s", overview.ends[0]->link.address);
    finish();
}

TEST(a_state_that_another_key_signed_or_that_was_moved_or_changed_is_not_believed)
{
    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&eve);
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end("not believed", "status/l1.0: it is signed by the key");
    expect(!standing_is_well(overview.ends[0]->link.state), "it is well");
    overview_clear(&overview);
    (void)snprintf(overview.prefix, sizeof(overview.prefix), "/p/site/");
    have("s1/agent", "{\"told\":true}");
    have_record("s1/status/l1.0", &key1, "operators", "status/l2.0", STATUS);
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end("not believed", "status/l1.0: its signature isn't");
    overview_clear(&overview);
    (void)snprintf(overview.prefix, sizeof(overview.prefix), "/p/site/");
    have("s1/agent", "{\"told\":true}");
    have_record("s1/status/l1.0", &key1, "s2", "status/l1.0", STATUS);
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end("not believed", "status/l1.0: its signature isn't");
    overview_clear(&overview);
    (void)snprintf(overview.prefix, sizeof(overview.prefix), "/p/site/");
    have("s1/agent", "{\"told\":true}");
    have("s1/status/l1.0", "{\"state\":\"connected\"}");
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end("not believed", "status/l1.0: it isn't a record");
    finish();
}

TEST(a_site_whose_key_is_not_known_is_not_believed)
{
    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&key1);
    have_key("s2", "s1", &eve, &key1, 3);
    expect_end("not believed", "no operator here has signed a key of site s1");
    finish();
}

TEST(without_an_operators_record_the_key_is_that_of_the_store_and_of_this_site_itself)
{
    struct site_record site = {.name = "s1", .key = key1.public};

    begin();
    site.key = key1.public;
    if (trust_write(&store, &site, &failure))
        unit_trouble(failure.text);
    have("s1/agent", "{\"told\":true}");
    have_status(&key1);
    expect_end("connected", "");
    /* The operator's comes first. */
    have_key("s2", "s1", &ada, &key2, 3);
    expect_end("not believed", "status/l1.0: it is signed by the key");
    finish();
    begin();
    (void)snprintf(overview.own.name, sizeof(overview.own.name), "s1");
    overview.own.key = key1.public;
    have("s1/agent", "{\"told\":true}");
    have_status(&key1);
    expect_end("connected", "");
    finish();
}

TEST(the_newest_record_of_an_operators_counts_and_none_of_a_strangers)
{
    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&key2);
    have_key("s2", "s1", &ada, &key2, 4);
    have_key("s3", "s1", &ada, &key1, 3);
    have_key("s4", "s1", &eve, &key1, 5);
    expect_end("connected", "");
    finish();
}

TEST(a_sites_own_word_for_a_new_key_is_followed_in_whichever_order_it_comes)
{
    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&key3);
    have_rotation("s2", "s1", &key1, &key2, 10);
    have_key("s2", "s1", &ada, &key1, 3);
    have_rotation("s3", "s1", &key2, &key3, 11);
    expect_end("connected", "");
    finish();
    /* An older one, which leads back, or one that nobody who is known has signed. */
    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&key2);
    have_key("s2", "s1", &ada, &key1, 3);
    have_rotation("s2", "s1", &key1, &key2, 10);
    have_rotation("s3", "s1", &key2, &key1, 9);
    have_rotation("s4", "s1", &eve, &key3, 12);
    expect_end("connected", "");
    finish();
    /* One that was told to another site. */
    begin();
    have("s1/agent", "{\"told\":true}");
    have_status(&key2);
    have_key("s2", "s1", &ada, &key1, 3);
    have_record("s3/in/s1/key", &key1, "s2", "key", "{\"serial\":10}");
    expect_end("not believed", "");
    finish();
}

/* The site is there, and says a beat of which its state comes. */
static void expect_word(const char *beat, const char *state)
{
    begin();
    have("s1/agent", beat);
    have_status(&key1);
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end(state, "");
    expect(strcmp(overview.ends[0]->link.last, "connected") == 0 &&
               !standing_is_well(overview.ends[0]->link.state),
           "%s", overview.ends[0]->link.last);
    finish();
}

TEST(without_its_machine_at_etcd_or_with_an_agent_that_hangs_a_state_is_one_of_before)
{
    begin();
    have_status(&key1);
    have_key("s2", "s1", &ada, &key1, 3);
    expect_end("site is silent", "");
    expect(strcmp(overview.ends[0]->link.last, "connected") == 0 &&
               overview.ends[0]->link.since == 0 && !standing_is_well(overview.ends[0]->link.state),
           "%s", overview.ends[0]->link.last);
    finish();
    expect_word("{\"told\":false}", "agent is silent");
    expect_word("{\"told\":false,\"behind\":true}", "agent is silent");
    expect_word("{\"told\":true,\"behind\":true}", "unconfirmed");
    expect_word("", "agent is silent"); /* nobody's words say nothing good */
}

TEST(an_end_is_well_if_it_works_or_is_not_to_be_there)
{
    static const char *const well[] = {"connected", "in session", "off"};
    static const char *const other[] = {"waiting for its container",
                                        "refused",
                                        "creating",
                                        "waiting for the other site",
                                        "the other end is down",
                                        "connecting",
                                        "stale",
                                        "not looked at yet",
                                        "no agent runs",
                                        "agent is silent",
                                        "site is silent",
                                        "unconfirmed",
                                        "not told yet",
                                        "not believed",
                                        ""};

    for (size_t i = 0; i < COUNT(well); i++)
        expect(standing_is_well(well[i]), "%s", well[i]);
    for (size_t i = 0; i < COUNT(other); i++)
        expect(!standing_is_well(other[i]), "%s", other[i]);
}

TEST(a_declared_end_that_has_told_nothing_is_shown_unless_a_stranger_declared_it_or_it_ended)
{
    begin();
    have_want(&ada);
    expect_end("not told yet", "nobody is at etcd");
    expect(overview.ends[0]->declared && !standing_is_well(overview.ends[0]->link.state) &&
               strcmp(overview.ends[0]->link.container, "web") == 0,
           "%s", overview.ends[0]->link.container);
    finish();
    begin();
    have_want(&eve);
    have_record("s1/want/l2.0", &ada, "s1", "want/l2.0", "{\"gone\":true,\"serial\":4}");
    have_record("s1/want/l3.0", &ada, "s1", "want/l3.0", WANT); /* another link's */
    overview_judge(&overview, &store);
    expect(overview.count == 0 && overview.foreign == 1, "%zu, %zu", overview.count,
           overview.foreign);
    finish();
}

TEST(a_state_of_another_net_or_site_than_the_declared_ones_is_none_of_the_declared_end)
{
    static const char *const wants[] = {
        "{\"link\":\"l1\",\"net\":8,\"host\":0,\"container\":{\"engine\":\"\",\"name\":\"web\"},"
        "\"peer\":{\"site\":\"s2\"},\"serial\":3}",
        "{\"link\":\"l1\",\"net\":7,\"host\":0,\"container\":{\"engine\":\"\",\"name\":\"web\"},"
        "\"peer\":{\"site\":\"s3\"},\"serial\":3}",
    };

    for (size_t i = 0; i < COUNT(wants); i++) {
        begin();
        have("s1/agent", "{\"told\":true}");
        have_status(&key1);
        have_record("s1/want/l1.0", &ada, "s1", "want/l1.0", wants[i]);
        have_key("s2", "s1", &ada, &key1, 3);
        expect_end("not told yet", "its site tells of net 7 with site s2");
        finish();
    }
}

TEST(what_is_no_key_of_cwgs_counts_for_nothing)
{
    static const char *const keys[] = {"s1",
                                       "s1/",
                                       "/status/l1.0",
                                       "../status/l1.0",
                                       "s1/status/l1",
                                       "s1/status/l1.2",
                                       "s1/status/../l1.0",
                                       "s1/status/.0",
                                       "s1/want/l1",
                                       "s1/in/s2",
                                       "s1/in//key",
                                       "s1/in/s2/key/x",
                                       "s1/other/l1.0",
                                       "s1/site/",
                                       "s1/site/a/b"};

    begin();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        have(keys[i], "{}");
    overview_judge(&overview, &store);
    expect(overview.count == 0, "%s", overview.ends[0]->link.link);
    finish();
}

TEST(both_ends_of_a_link_stand_below_each_other)
{
    static const char *const order[] = {"a.0 s2", "a.1 s1", "a-b.0 s1", "a-b.1 s2"};

    begin();
    have("s1/status/a-b.0", "x");
    have("s1/status/a.1", "x");
    have("s2/status/a-b.1", "x");
    have("s2/status/a.0", "x");
    overview_judge(&overview, &store);
    for (size_t i = 0; i < 4 && overview.count == 4; i++) {
        const struct overview_end *end = overview.ends[i];
        char text[160];

        (void)snprintf(text, sizeof(text), "%s.%u %s", end->link.link, end->link.host,
                       end->site->record.name);
        expect(strcmp(text, order[i]) == 0, "%s", text);
    }
    expect(overview.count == 4, "%zu", overview.count);
    finish();
}

TEST(memory_is_bounded)
{
    static struct gateway_entry entry = {.revision = 1};
    int64_t taken = 0;

    begin();
    (void)memset(entry.value, 'x', sizeof(entry.value) - 1);
    do
        (void)snprintf(entry.key, sizeof(entry.key), "/p/site/s1/status/l%08d.0", (int)taken);
    while (taken++ < 200000 && overview_take(&overview, &entry, &failure) == 0);
    expect(taken > 10000 && taken < 200000 && overview.bytes < (300 << 20), "%d", (int)taken);
    expect(strncmp(failure.text, "etcd has more", 13) == 0, "%s", failure.text);
    finish();
}

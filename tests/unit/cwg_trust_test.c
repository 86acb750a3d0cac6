#include "cwg/store/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/store/declare.h"
#include "cwg_folder.h"
#include "unit.h"

#define KEY  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
#define KEY2 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI="
#define KEY3 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM="
#define KEY4 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ="
#define KEY5 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAU="
#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

#define SITE(name, key) "{\"site\":\"" name "\",\"key\":\"" key "\"}"
/* With a host. */
#define LINK_OF_S2 "{\"link\":\"l\",\"net\":7,\"host\":%d,\"container\":\"web\",\"site\":\"s2\"}"

static char folder[FOLDER_SIZE];
static struct store store;
static struct failure failure;

static void begin(void)
{
    folder_make(folder);
    if (store_open(&store, folder, &failure))
        unit_trouble(failure.text);
}

static void end(void)
{
    store_close(&store);
    folder_remove(folder);
}

TEST(a_site_is_read_as_it_was_written)
{
    struct site_record site = {.name = "s2", .key = {.bytes = {1}}, .ssh = "a@b", .serial = 7};
    struct site_record again;

    begin();
    expect(trust_read(&store, "s2", &again, &failure) == 1, "it is known");
    expect(trust_write(&store, &site, &failure) == 0, "%s", failure.text);
    expect(trust_read(&store, "s2", &again, &failure) == 0 &&
               memcmp(&site, &again, sizeof(site)) == 0,
           "%s", failure.text);
    site.ssh[0] = '\0';
    expect(trust_write(&store, &site, &failure) == 0 &&
               trust_read(&store, "s2", &again, &failure) == 0 && !again.ssh[0],
           "%s", failure.text);
    end();
}

TEST(what_is_no_site_is_refused)
{
    static const char *const lines[] = {
        "",
        "{}",
        "{\"site\":\"s2\"}",
        "{\"key\":\"" KEY "\"}",
        "{\"site\":\"s2\",\"key\":\"" ZERO "\"}",
        "{\"site\":\"s2\",\"key\":\"AAAA\"}",
        "{\"site\":\"a/b\",\"key\":\"" KEY "\"}",
        "{\"site\":\"s3\",\"key\":\"" KEY "\"}", /* in s2's file */
        "{\"site\":\"s2\",\"key\":\"" KEY "\",\"ssh\":7}",
        "{\"site\":\"s2\",\"key\":\"" KEY "\",\"ssh\":\"-oProxyCommand=x\"}",
        "{\"site\":\"s2\",\"key\":\"" KEY "\",\"serial\":-1}",
        "{\"site\":\"s2\",\"key\":\"" KEY "\",\"serial\":\"1\"}",
    };
    struct site_record site = {.serial = 77};

    begin();
    for (size_t i = 0; i < COUNT(lines); i++) {
        failure.text[0] = '\0';
        expect(store_write(&store, "site/s2", lines[i], &failure) == 0, "%s", failure.text);
        expect(trust_read(&store, "s2", &site, &failure) < 0 && failure.text[0] &&
                   unit_is_printable(failure.text),
               "%s: %s", lines[i], failure.text);
        expect(site.serial == 77, "%s: written", lines[i]);
    }
    end();
}

TEST(a_site_that_cant_be_read_any_more_stays_as_it_was)
{
    struct trust trust = {.sites = NULL};

    begin();
    expect(trust_load(&trust, &store, &failure) == 0 && !trust_find(&trust, "s2"), "of none");
    expect(store_write(&store, "site/s2", "{\"site\":\"s2\",\"key\":\"" KEY "\"}", &failure) == 0 &&
               store_write(&store, "site/s1", "{\"site\":\"s1\",\"key\":\"" KEY2 "\"}", &failure) ==
                   0,
           "%s", failure.text);
    expect(trust_load(&trust, &store, &failure) == 0 && trust.count == 2, "%s", failure.text);
    expect(trust_find(&trust, "s1")->key.bytes[31] == 2 &&
               trust_find(&trust, "s2")->key.bytes[31] == 1 && !trust_find(&trust, "s"),
           "another site");
    expect(store_write(&store, "site/s2", "spoiled", &failure) == 0, "%s", failure.text);
    expect(trust_load(&trust, &store, &failure) < 0 && trust_find(&trust, "s2") &&
               trust_find(&trust, "s2")->key.bytes[31] == 1 && trust_find(&trust, "s1"),
           "forgotten");
    expect(store_remove(&store, "site/s2", &failure) == 0 &&
               trust_load(&trust, &store, &failure) == 0 && !trust_find(&trust, "s2"),
           "it isn't forgotten");
    trust_close(&trust);
    end();
}

TEST(a_file_declares_sites_and_links_to_known_ones)
{
    static const char link[] = "{\"links\":[{\"link\":\"l\",\"net\":7,\"host\":0,"
                               "\"container\":\"web\",\"site\":\"s2\"}]}";
    struct site_record site = {.name = "s2", .key = {.bytes = {[31] = 1}}, .serial = 7};
    struct declared declared;
    char line[STORE_LINE_SIZE];

    begin();
    expect(declare(&store, link, NULL, &declared, &failure) < 0 &&
               strstr(failure.text, "isn't known"),
           "%s", failure.text);
    expect(store_read(&store, "want/l.0", line, &failure) == 1, "it is declared");
    expect(trust_write(&store, &site, &failure) == 0, "%s", failure.text);
    expect(declare(&store, link, NULL, &declared, &failure) == 0 && declared.links == 1, "%s",
           failure.text);
    expect(store_read(&store, "want/l.0", line, &failure) == 0 && !strstr(line, "key\""), "%s",
           line);
    /* The same key keeps what is known of it, and another one begins anew. */
    expect(declare(&store, "{\"sites\":[{\"site\":\"s2\",\"key\":\"" KEY "\"}]}", NULL, &declared,
                   &failure) == 0 &&
               trust_read(&store, "s2", &site, &failure) == 0 && site.serial == 7,
           "%s", failure.text);
    expect(declare(&store, "{\"sites\":[{\"site\":\"s2\",\"key\":\"" KEY2 "\"}]}", NULL, &declared,
                   &failure) == 0 &&
               trust_read(&store, "s2", &site, &failure) == 0 && site.serial == 0 &&
               site.key.bytes[31] == 2,
           "%s", failure.text);
    end();
}

TEST(a_file_of_another_form_declares_nothing)
{
    static const struct {
        const char *link, *said; /* the link's further members */
    } cases[] = {
        {",\"keepalve\":0", "link l: no member is called \"keepalve\": cwg-links(5) lists all"},
        {",\"ends\":[]", "link l: no member is called \"ends\": cwg-links(5) lists all"},
        {",\"off\":\"yes\"", "link l: \"off\" has to be true or false"},
        {"}],\"site\":[{", "the file: no member is called \"site\": cwg-links(5) lists all"},
        {"}],\"sites\":[{\"site\":\"s2\",\"key\":\"" KEY "\",\"user\":\"cwg\"",
         "a site: no member is called \"user\": cwg-links(5) lists all"},
        {"}],\"sites\":{", "\"sites\" has to be a list"},
    };
    struct site_record site = {.name = "s2", .key = {.bytes = {[31] = 1}}};
    char text[400], line[STORE_LINE_SIZE];
    struct declared declared;

    begin();
    expect(trust_write(&store, &site, &failure) == 0, "%s", failure.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"links\":[{\"link\":\"l\",\"net\":7,\"host\":0,\"container\":"
                       "\"web\",\"site\":\"s2\"%s}%s}",
                       cases[i].link, strstr(cases[i].link, "s\":{") ? "" : "]");
        failure.text[0] = '\0';
        expect(declare(&store, text, NULL, &declared, &failure) < 0 &&
                   strcmp(failure.text, cases[i].said) == 0,
               "%s: %s", text, failure.text);
        expect(store_read(&store, "want/l.0", line, &failure) == 1, "%s: it is declared", text);
    }
    end();
}

/* Members of a link, in place of "net":7,"host":0, and what is said of them. */
TEST(a_number_that_is_wrong_is_named)
{
    static const struct {
        const char *members, *said;
    } cases[] = {
        {"\"host\":0", "link l: \"net\" is missing: a number from 0 to 8388607"},
        {"\"net\":8388608,\"host\":0", "link l: \"net\" has to be a number from 0 to 8388607"},
        {"\"net\":\"7\",\"host\":0",
         "link l: \"net\" has to be a number from 0 to 8388607, and no text"},
        {"\"net\":7,\"host\":2", "link l: \"host\" has to be 0 or 1"},
        {"\"net\":7,\"host\":0,\"port\":65536",
         "link l: \"port\" has to be a number from 0 to 65535"},
        {"\"net\":7,\"host\":0,\"keepalive\":-1",
         "link l: \"keepalive\" has to be a number of seconds from 0 to 65535"},
        {"\"net\":7,\"host\":0,\"mtu\":575",
         "link l: \"mtu\" has to be 0, or a number from 576 to 65455"},
        {"\"net\":7,\"host\":0,\"mtu\":null",
         "link l: \"mtu\" has to be 0, or a number from 576 to 65455"},
        {"\"net\":7,\"host\":0,\"psk\":\"k\"", "l: \"psk\" has to be the absolute path of a file"},
        {"\"net\":7,\"host\":0,\"mtu\":0", ""},
    };
    struct declared declared;
    char text[400];

    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"sites\":[" SITE("s2", KEY) "],\"links\":[{\"link\":\"l\",%s,"
                                                      "\"container\":\"web\",\"site\":\"s2\"}]}",
                       cases[i].members);
        failure.text[0] = '\0';
        (void)declare(&store, text, NULL, &declared, &failure);
        expect(strcmp(failure.text, cases[i].said) == 0, "%s: %s", text, failure.text);
    }
    end();
}

TEST(what_is_no_object_is_no_file)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"", "nothing is declared: the file, or standard input, is empty"},
        {" \n", "nothing is declared: the file, or standard input, is empty"},
        {"[]", "the file has to be one object of JSON: see cwg-links(5)"},
        {"{\n\"sites\"}", "line 2: "},
    };
    struct declared declared;

    begin();
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(declare(&store, cases[i].text, NULL, &declared, &failure) < 0 &&
                   strstr(failure.text, cases[i].said) == failure.text,
               "%s: %s", cases[i].text, failure.text);
    end();
}

/* A list of sites, and what is said of it: this site is s1 of KEY3, and s2 of KEY is known. */
TEST(a_name_and_a_key_belong_to_one_site)
{
    static const struct {
        const char *sites, *said; /* NULL: in order */
    } cases[] = {
        {SITE("s2", KEY3), "site s2: that is this site's own key: call `cwg keys` at s2, not here"},
        {SITE("s1", KEY2), "site s1: this site itself has that name, and another key: declare the "
                           "other site, or give one of the two another name (site NAME in "
                           "cwg.conf)"},
        {SITE("s3", KEY2) "," SITE("s3", KEY4), "\"sites\" has s3 twice"},
        {SITE("s3", KEY2) "," SITE("s3", KEY2), "\"sites\" has s3 twice"},
        {SITE("s3", KEY2) "," SITE("s4", KEY2),
         "sites s3 and s4 have one key: one of the two keys was copied wrongly"},
        {SITE("s9", KEY), "site s9: site s2 has this key already: one of the two keys was copied "
                          "wrongly; if s2 is called s9 now, `cwg forget --site s2` first"},
        {SITE("s1", KEY3), NULL},
        {SITE("s9", KEY) "," SITE("s2", KEY2), NULL}, /* s2 had a wrong one */
    };
    const struct site_record known = {.name = "s2", .key = {.bytes = {[31] = 1}}};
    const struct key own = {.bytes = {[31] = 3}};
    const struct declare_options options = {.own = "s1", .own_key = &own};
    struct declared declared;
    char text[400];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct trust trust = {.sites = NULL};

        begin();
        expect(trust_write(&store, &known, &failure) == 0, "%s", failure.text);
        (void)snprintf(text, sizeof(text), "{\"sites\":[" SITE("s5", KEY5) ",%s]}", cases[i].sites);
        failure.text[0] = '\0';
        expect(declare(&store, text, &options, &declared, &failure) == (cases[i].said ? -1 : 0) &&
                   strcmp(failure.text, cases[i].said ? cases[i].said : "") == 0,
               "%s: %s", text, failure.text);
        expect(trust_load(&trust, &store, &failure) == 0 &&
                   (!cases[i].said || (trust.count == 1 && trust.sites[0].key.bytes[31] == 1)),
               "%s: something is declared", text);
        trust_close(&trust);
        end();
    }
}

TEST(an_end_stands_in_a_file_but_once)
{
    static const struct {
        int host[2];
        const char *said;
    } cases[] = {
        {{0, 0}, "\"links\" has l with host 0 twice"},
        {{1, 1}, "\"links\" has l with host 1 twice"},
        {{0, 1}, ""},
    };
    struct declared declared;
    char text[400];

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        (void)snprintf(text, sizeof(text),
                       "{\"sites\":[" SITE("s2", KEY) "],\"links\":[" LINK_OF_S2 "," LINK_OF_S2
                                                      "]}",
                       cases[i].host[0], cases[i].host[1]);
        failure.text[0] = '\0';
        (void)declare(&store, text, NULL, &declared, &failure);
        expect(strcmp(failure.text, cases[i].said) == 0, "%s: %s", text, failure.text);
        end();
    }
}

/* Is there a line at a path? */
static bool is_there(const char *path)
{
    char line[STORE_LINE_SIZE];

    return store_read(&store, path, line, &failure) == 0;
}

static void write_want(const char *path, const char *link, const char *site, bool forget)
{
    const struct want want = {.net = 7, .keepalive = WANT_KEEPALIVE, .forget = forget};
    struct want whole = want;
    char *line;

    (void)snprintf(whole.link, sizeof(whole.link), "%s", link);
    (void)snprintf(whole.site, sizeof(whole.site), "%s", site);
    (void)snprintf(whole.name, sizeof(whole.name), "web");
    line = want_write(&whole);
    expect(line && store_write(&store, path, line, &failure) == 0, "%s", failure.text);
    free(line);
}

TEST(a_site_with_links_isnt_forgotten)
{
    struct site_record site = {.name = "s2", .key = {.bytes = {1}}};

    begin();
    expect(trust_write(&store, &site, &failure) == 0, "%s", failure.text);
    write_want("want/a.0", "a", "s2", false);
    write_want("want/b.0", "b", "s3", false);
    write_want("want/c.0", "c", "s2", true);
    write_want("label/d.0", "d", "s2", false);
    expect(trust_forget(&store, "s2", &failure) < 0 &&
               strcmp(failure.text, "links with site s2 are declared: a, c (which the agent has to "
                                    "remove yet), d (by a label)") == 0,
           "%s", failure.text);
    expect(is_there("site/s2"), "it is forgotten");
    for (int i = 0; i < 200; i++) {
        char path[64], link[32];

        (void)snprintf(link, sizeof(link), "e%d", i);
        (void)snprintf(path, sizeof(path), "want/e%d.0", i);
        write_want(path, link, "s2", false);
    }
    expect(trust_forget(&store, "s2", &failure) < 0 && is_there("site/s2"), "with many links");
    end();
}

TEST(a_want_that_cant_be_read_keeps_all_sites)
{
    struct site_record site = {.name = "s2", .key = {.bytes = {1}}};

    begin();
    expect(trust_write(&store, &site, &failure) == 0 &&
               store_write(&store, "want/a.0", "spoiled", &failure) == 0,
           "%s", failure.text);
    failure.text[0] = '\0';
    expect(trust_forget(&store, "s2", &failure) < 0 && strstr(failure.text, "want/a.0"), "%s",
           failure.text);
    expect(is_there("site/s2"), "it is forgotten");
    end();
}

TEST(of_a_forgotten_site_only_an_operators_record_is_left)
{
    static const char *const gone[] = {"site/s2",    "in/s2/a.1",  "in/s2/key", "out/s2/a.0",
                                       "out/s2/key", "carrier/s2", "caller/s2"};
    static const char *const kept[] = {"signed/site/s2",  "site/s3",    "in/s3/a.1", "out/s3/a.0",
                                       "signed/want/a.0", "carrier/s3", "caller/s3"};

    begin();
    expect(trust_forget(&store, "s2", &failure) == 1, "of an empty store: %s", failure.text);
    expect(trust_forget(&store, "../s2", &failure) == 1, "no name: %s", failure.text);
    for (size_t i = 0; i < COUNT(gone); i++)
        expect(store_write(&store, gone[i], "x", &failure) == 0 &&
                   store_write(&store, kept[i], "x", &failure) == 0,
               "%s", failure.text);
    expect(trust_forget(&store, "s2", &failure) == 0, "%s", failure.text);
    for (size_t i = 0; i < COUNT(gone); i++)
        expect(!is_there(gone[i]) && is_there(kept[i]), "%s, %s", gone[i], kept[i]);
    expect(trust_forget(&store, "s2", &failure) == 1, "twice: %s", failure.text);
    /* It was cut short. */
    expect(store_write(&store, "out/s2/a.0", "x", &failure) == 0, "%s", failure.text);
    expect(trust_forget(&store, "s2", &failure) == 0 && !is_there("out/s2/a.0"), "%s",
           failure.text);
    end();
}

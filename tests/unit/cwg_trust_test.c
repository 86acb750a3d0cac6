#include "cwg/store/trust.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/store/declare.h"
#include "unit.h"

#define KEY  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
#define KEY2 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI="
#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static char folder[PATH_MAX];
static struct store store;
static struct failure failure;

static void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/cwg-unit.XXXXXX");
    if (!mkdtemp(folder) || store_open(&store, folder, &failure))
        unit_trouble("mkdtemp");
}

static void end(void)
{
    char command[PATH_MAX + 16];

    store_close(&store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        unit_trouble("rm");
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
    expect(declare(&store, "{\"sites\":[{\"site\":\"s2\",\"key\":\"" KEY2 "\",\"serial\":9}]}",
                   NULL, &declared, &failure) == 0 &&
               trust_read(&store, "s2", &site, &failure) == 0 && site.serial == 9 &&
               site.key.bytes[31] == 2,
           "%s", failure.text);
    end();
}

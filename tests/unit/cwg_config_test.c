#include "cwg/agent/settings/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct config config;
static struct failure failure;

/* Reads a text, of which each byte behind the end would be noticed. */
static int parse(const char *text)
{
    const size_t length = strlen(text);
    char *copy = unit_copy(text, length);
    const int error = config_parse(copy, length, "file", &config, &failure);

    free(copy);
    return error;
}

static const char *endpoint(int i)
{
    static char text[ENDPOINT_TEXT_SIZE];

    endpoint_to_text(&config.endpoint[i], text);
    return text;
}

TEST(an_empty_file_sets_nothing)
{
    static const struct config nothing;
    static const char *const texts[] = {"", "\n", "# nothing\n", "  \t \n\n   # site a", "#"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        memset(&config, 'x', sizeof(config));
        expect(parse(texts[i]) == 0 && memcmp(&config, &nothing, sizeof(config)) == 0, "%zu", i);
    }
}

TEST(each_setting_is_read)
{
    const int error = parse("# of site a\n"
                            "site\ta.b-c_1 # and a comment\n"
                            "  state /var/lib/other\n"
                            "helper /run/h#.sock\n"
                            "endpoint 192.0.2.1\n"
                            "endpoint 2001:db8::1\n"
                            "metrics 127.0.0.1:9586\n"
                            "etcd https://one.example:2379 http://[2001:db8::2]:2379\n"
                            "etcd-prefix /a/b\n"
                            "etcd-ca /ca\n"
                            "etcd-cert /cert\n"
                            "etcd-key /key\n"
                            "etcd-user alice\n"
                            "etcd-password /password\n"
                            "operator op " KEY "\n"
                            "operator op2 " KEY "\n"
                            "labels podman docker");

    expect(!error, "%s", failure.text);
    expect(strcmp(config.site, "a.b-c_1") == 0, "%s", config.site);
    expect(strcmp(config.state, "/var/lib/other") == 0, "%s", config.state);
    expect(strcmp(config.helper, "/run/h#.sock") == 0, "%s", config.helper);
    expect(config.endpoints == 2 && !config.endpoint_none, "%d", config.endpoints);
    expect(strncmp(endpoint(0), "192.0.2.1:", 10) == 0, "%s", endpoint(0));
    expect(strncmp(endpoint(1), "[2001:db8::1]:", 14) == 0, "%s", endpoint(1));
    expect(strcmp(config.metrics, "127.0.0.1:9586") == 0, "%s", config.metrics);
    expect(config.etcds == 2 && strcmp(config.etcd[0], "https://one.example:2379") == 0 &&
               strcmp(config.etcd[1], "http://[2001:db8::2]:2379") == 0,
           "%s", config.etcd[0]);
    expect(strcmp(config.etcd_prefix, "/a/b") == 0, "%s", config.etcd_prefix);
    expect(strcmp(config.etcd_ca, "/ca") == 0 && strcmp(config.etcd_cert, "/cert") == 0 &&
               strcmp(config.etcd_key, "/key") == 0,
           "%s", config.etcd_ca);
    expect(strcmp(config.etcd_user, "alice") == 0 && strcmp(config.etcd_password, "/password") == 0,
           "%s", config.etcd_user);
    expect(config.signers == 2 && strcmp(config.signer[0].name, "op") == 0 &&
               strcmp(config.signer[1].name, "op2") == 0 && key_is_zero(&config.signer[1].key),
           "%d", config.signers);
    expect(config.labels == 2 && strcmp(config.label[0], "podman") == 0 &&
               strcmp(config.label[1], "docker") == 0,
           "%d", config.labels);
}

TEST(a_site_may_have_no_address_of_its_own)
{
    expect(parse("endpoint none\nmetrics /run/m\n") == 0, "%s", failure.text);
    expect(config.endpoint_none && config.endpoints == 0, "%d", config.endpoints);
    expect(strcmp(config.metrics, "/run/m") == 0, "%s", config.metrics);
}

/* Each text is wrong, with these words. The settings stay as they were. */
TEST(what_is_wrong_is_told_with_its_line)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"sites a\n", "file:1: no setting is called sites: cwg.conf(5) lists all"},
        {"# x\n\nsit a\n", "file:3: no setting is called sit"},
        {"SITE a\n", "file:1: no setting is called SITE"},
        {"site\n", "file:1: site takes one value"},
        {"site a b\n", "file:1: site takes one value"},
        {"operator a\n", "file:1: operator takes two values"},
        {"operator a " KEY " b\n", "file:1: operator takes two values"},
        {"etcd # none\n", "file:1: etcd takes one value or more"},
        {"labels\n", "file:1: labels takes one value or more"},
        {"labels podman lxc\n", "file:1: labels takes engines whose containers have labels"},
        {"labels docker docker\n", "file:1: docker stands there already"},
        {"labels podman\nlabels docker\n", "file:2: labels stands in line 1 already"},
        {"site a\nstate /x\nsite a\n", "file:3: site stands in line 1 already"},
        {"etcd http://a\netcd http://b\n", "file:2: etcd stands in line 1 already"},
        {"site -a\n", "file:1: site takes a name"},
        {"site a/b\n", "file:1: site takes a name"},
        {"site etcd\n", "file:1: site takes a name"},
        {"site aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
         "file:1: site takes a name"},
        {"state x\n", "file:1: state takes an absolute path"},
        {"helper run/x\n", "file:1: helper takes an absolute path"},
        {"helper /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
         "file:1: the value of helper is longer than 107 characters"},
        {"endpoint host.example\n", "file:1: endpoint takes an IPv4 or IPv6 address"},
        {"endpoint 192.0.2.1:5\n", "file:1: endpoint takes"},
        {"endpoint 224.0.0.1\n", "file:1: endpoint takes"},
        {"endpoint fe80::1\n", "file:1: endpoint takes"},
        {"endpoint [2001:db8::1]\n", "file:1: endpoint takes"},
        {"endpoint 192.0.2.1\nendpoint 192.0.2.1\n", "file:2: this endpoint is there already"},
        {"endpoint 192.0.2.1\nendpoint none\n", "file:2: \"endpoint none\" stands alone"},
        {"endpoint none\nendpoint 192.0.2.1\n", "file:2: \"endpoint none\" stands alone"},
        {"endpoint none\nendpoint none\n", "file:2: \"endpoint none\" stands alone"},
        {"endpoint 192.0.2.1\nendpoint 192.0.2.2\nendpoint 192.0.2.3\nendpoint 192.0.2.4\n"
         "endpoint 192.0.2.5\n",
         "file:5: there are more than 4 endpoints"},
        {"metrics 9586\n", "file:1: metrics takes the absolute path of a socket"},
        {"metrics 127.0.0.1:0\n", "file:1: metrics takes"},
        {"metrics 127.0.0.1:65536\n", "file:1: metrics takes"},
        {"metrics 192.0.2.1:80\n", "file:1: metrics takes"},
        {"etcd etcd.example:2379\n", "file:1: etcd takes URLs"},
        {"etcd ftp://x\n", "file:1: etcd takes URLs"},
        {"etcd https://\n", "file:1: etcd takes URLs"},
        {"etcd https://:2379\n", "file:1: etcd takes URLs"},
        {"etcd https://a/b\n", "file:1: etcd takes URLs"},
        {"etcd https://user@a\n", "file:1: etcd takes URLs"},
        {"etcd h://a http://b\n", "file:1: etcd takes URLs"},
        {"etcd http://1 http://2 http://3 http://4 http://5 http://6 http://7 http://8 http://9\n",
         "file:1: there are more than 8 URLs"},
        {"etcd http://1 http://2 http://3 http://4 http://5 http://6 http://7 http://8 http://9 "
         "http://10\n",
         "file:1: too many words"},
        {"etcd http://a\netcd-prefix cwg\n", "file:2: etcd-prefix takes a path"},
        {"etcd http://a\netcd-prefix /\n", "file:2: etcd-prefix takes a path"},
        {"etcd http://a\netcd-prefix /a/\n", "file:2: etcd-prefix takes a path"},
        {"etcd http://a\netcd-prefix /a//b\n", "file:2: etcd-prefix takes a path"},
        {"etcd http://a\netcd-prefix /a*\n", "file:2: etcd-prefix takes a path"},
        {"etcd http://a\netcd-ca ca\n", "file:2: etcd-ca takes an absolute path"},
        {"etcd http://a\netcd-cert ca\n", "file:2: etcd-cert takes an absolute path"},
        {"etcd http://a\netcd-key ca\n", "file:2: etcd-key takes an absolute path"},
        {"etcd http://a\netcd-password ca\n", "file:2: etcd-password takes an absolute path"},
        {"etcd http://a\netcd-cert /c\n", "file:2: etcd-cert needs etcd-key, too"},
        {"etcd-key /c\n\netcd http://a\n", "file:1: etcd-key needs etcd-cert, too"},
        {"etcd http://a\netcd-user a\n", "file:2: etcd-user needs etcd-password, too"},
        {"etcd http://a\netcd-password /a\n", "file:2: etcd-password needs etcd-user, too"},
        {"site a\netcd-ca /c\n", "file:2: etcd-ca needs etcd, too"},
        {"etcd-prefix /c\n", "file:1: etcd-prefix needs etcd, too"},
        {"operator a " KEY "\n", "file:1: operator needs etcd, too"},
        {"etcd http://a\noperator a/b " KEY "\n", "file:2: operator takes a name"},
        {"etcd http://a\noperator a " KEY "=\n", "file:2: operator takes a public key"},
        {"etcd http://a\noperator a " KEY "\noperator a " KEY "\n",
         "file:3: this operator is there already"},
        {"site a\r\n", "file:1: a character that isn't printable ASCII"},
        {"# \303\244\n", "file:1: a character that isn't printable ASCII"},
        {"site a\033[0m\n", "file:1: a character that isn't printable ASCII"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)snprintf(config.site, sizeof(config.site), "before");
        expect(parse(cases[i].text) == -1 && failure_is(&failure, "config") &&
                   strncmp(failure.text, cases[i].said, strlen(cases[i].said)) == 0,
               "%zu: %s", i, failure.text);
        expect(strcmp(config.site, "before") == 0, "%zu: changed", i);
    }
}

TEST(what_is_given_once_is_not_given_twice)
{
    static const char *const lines[] = {"site a",      "state /a",        "helper /a",
                                        "metrics /a",  "etcd http://a",   "etcd-prefix /a",
                                        "etcd-ca /a",  "etcd-cert /a",    "etcd-key /a",
                                        "etcd-user a", "etcd-password /a"};
    char text[128];

    for (size_t i = 0; i < COUNT(lines); i++) {
        (void)snprintf(text, sizeof(text), "%s\n%s\n", lines[i], lines[i]);
        expect(parse(text) == -1 && strstr(failure.text, " stands in line 1 already"), "%zu: %s", i,
               failure.text);
    }
}

TEST(values_have_their_lengths)
{
    char text[1024];

    for (int i = 255; i <= 256; i++) {
        (void)snprintf(text, sizeof(text), "etcd http://%0*d\n", i - 7, 0);
        expect(parse(text) == (i == 255 ? 0 : -1), "a URL of %d: %s", i, failure.text);
    }
    for (int i = 107; i <= 108; i++) {
        (void)snprintf(text, sizeof(text), "helper /%0*d\nmetrics /~%0*d\n", i - 1, 0, i - 2, 0);
        expect(parse(text) == (i == 107 ? 0 : -1), "a socket of %d: %s", i, failure.text);
    }
    for (int i = 511; i <= 512; i++) {
        (void)snprintf(text, sizeof(text), "state /%0*d\n", i - 1, 0);
        expect(parse(text) == (i == 511 ? 0 : -1), "a path of %d: %s", i, failure.text);
    }
}

TEST(a_nul_is_no_end_of_a_line)
{
    static const char text[] = "site a\0b\n";

    expect(config_parse(text, sizeof(text) - 1, "file", &config, &failure) == -1 &&
               strcmp(failure.text, "file:1: a character that isn't printable ASCII") == 0,
           "%s", failure.text);
}

TEST(a_line_has_4095_characters_at_most)
{
    char text[4097];

    memset(text, 'x', sizeof(text));
    text[0] = '#';
    expect(config_parse(text, 4095, "file", &config, &failure) == 0, "%s", failure.text);
    expect(config_parse(text, 4096, "file", &config, &failure) == -1 &&
               strcmp(failure.text, "file:1: the line is longer than 4095 characters") == 0,
           "%s", failure.text);
}

TEST(there_are_sixteen_operators_at_most)
{
    char text[4096] = "etcd http://a\n";
    int length = (int)strlen(text);

    for (int i = 0; i < 17; i++) {
        expect(parse(text) == 0 && config.signers == i, "%d: %s", i, failure.text);
        length +=
            snprintf(text + length, sizeof(text) - (size_t)length, "operator o%d " KEY "\n", i);
    }
    expect(parse(text) == -1 && strstr(failure.text, "file:18: there are more than 16 operators"),
           "%s", failure.text);
}

/* A new file, of which an agent at work takes what it can. */
TEST(an_agent_takes_addresses_and_operators)
{
    struct config old;

    (void)parse("site a\nendpoint 192.0.2.1\n");
    old = config;
    expect(parse("site a\nendpoint 192.0.2.2\nendpoint 192.0.2.3\n") == 0, "%s", failure.text);
    expect(!config_take(&old, &config), "more has changed");
    expect(memcmp(&old, &config, sizeof(old)) == 0, "not all is taken");
    (void)parse("site a\nendpoint none\n");
    expect(!config_take(&old, &config), "more has changed");
    expect(old.endpoint_none && old.endpoints == 0, "not taken");
    old = config;
    (void)parse("site a\netcd http://a\noperator a " KEY "\n");
    expect(strcmp(config_take(&old, &config), "etcd") == 0 && old.signers == 1 &&
               strcmp(old.signer[0].name, "a") == 0 && old.etcds == 0,
           "operators aren't taken");
}

TEST(what_an_agent_does_not_take_is_named)
{
    static const char *const words[] = {"site",          "state",     "helper",     "metrics",
                                        "etcd",          "etcd-ca",   "etcd-cert",  "etcd-key",
                                        "etcd-password", "etcd-user", "etcd-prefix"};
    static const char *const values[] = {"b",  "/s", "/h", "/m", "http://b", "/1",
                                         "/2", "/3", "/4", "u",  "/p"};
    struct config old;
    char text[512];

    for (size_t i = 0; i < COUNT(words); i++) {
        const char *said;

        (void)parse("site a\netcd http://a\netcd-cert /c\netcd-key /k\netcd-user a\n"
                    "etcd-password /p\n");
        old = config;
        (void)snprintf(text, sizeof(text), "%s %s\n", words[i], values[i]);
        for (const char *line = "site a\0etcd http://a\0etcd-cert /c\0etcd-key /k\0etcd-user a\0"
                                "etcd-password /p\0";
             *line; line += strlen(line) + 1) {
            if (strncmp(line, text, strlen(words[i]) + 1) != 0) {
                strcat(text, line);
                strcat(text, "\n");
            }
        }
        expect(parse(text) == 0, "%s: %s", words[i], failure.text);
        said = config_take(&old, &config);
        expect(said && strcmp(said, words[i]) == 0, "%s: %s", words[i], said);
    }
}

/* Sets HOME and the rest for a user's own settings; as a user, since root's are elsewhere. */
static void as_user(void *context)
{
    struct config_options options = {.site = NULL};
    char path[CONFIG_PATH_SIZE], folder[] = "/tmp/cwg-unit.XXXXXX";
    FILE *file;

    (void)context;
    if (setuid(4711) < 0 || !mkdtemp(folder) || setenv("HOME", folder, 1) < 0 ||
        setenv("XDG_CONFIG_HOME", "relative", 1) < 0 || unsetenv("XDG_STATE_HOME") < 0)
        unit_trouble("setuid");
    config_path(path);
    expect(strstr(path, folder) == path &&
               strcmp(path + strlen(folder), "/.config/cwg/cwg.conf") == 0,
           "%s", path);
    expect(config_load(&options, &config, &failure) == 0, "%s", failure.text);
    expect(strcmp(config.etcd_prefix, "/cwg/v1") == 0, "%s", config.etcd_prefix);
    expect(strcmp(config.state + strlen(folder), "/.local/state/cwg/agent") == 0, "%s",
           config.state);
    (void)setenv("XDG_CONFIG_HOME", folder, 1);
    (void)setenv("XDG_STATE_HOME", folder, 1);
    (void)snprintf(path, sizeof(path), "%s/cwg", folder);
    (void)mkdir(path, 0700);
    config_path(path);
    file = fopen(path, "we");
    if (!file || fputs("site a\nhelper /h\nmetrics /m\n", file) < 0 || fclose(file) < 0)
        unit_trouble(path);
    expect(config_load(&options, &config, &failure) == 0, "%s", failure.text);
    expect(strcmp(config.site, "a") == 0 && config.metrics[0], "%s", config.site);
    expect(strcmp(config.state + strlen(folder), "/cwg/agent") == 0, "%s", config.state);
    options = (struct config_options){.site = "b", .state = "/s", .helper = "/other"};
    expect(config_load(&options, &config, &failure) == 0, "%s", failure.text);
    expect(strcmp(config.site, "b") == 0 && strcmp(config.state, "/s") == 0 &&
               strcmp(config.helper, "/other") == 0 && config.metrics[0],
           "%s", config.site);
    options.file = "/dev/null";
    expect(config_load(&options, &config, &failure) == 0 && !config.metrics[0], "%s", failure.text);
    options.file = "/nowhere";
    expect(config_load(&options, &config, &failure) == -1 &&
               strcmp(failure.text, "can't read /nowhere: No such file or directory") == 0,
           "%s", failure.text);
    options.file = "/";
    expect(config_load(&options, &config, &failure) == -1 &&
               strcmp(failure.text, "can't read /: Is a directory") == 0,
           "%s", failure.text);
    options.file = "/dev/zero";
    expect(config_load(&options, &config, &failure) == -1 &&
               strcmp(failure.text, "/dev/zero is longer than 65536 bytes") == 0,
           "%s", failure.text);
    file = fopen(path, "we");
    if (!file || fputs("site\n", file) < 0 || fclose(file) < 0)
        unit_trouble(path);
    options.file = NULL;
    expect(config_load(&options, &config, &failure) == -1 &&
               strstr(failure.text, "/cwg/cwg.conf:1: site takes one value"),
           "%s", failure.text);
    if (unlink(path) < 0)
        unit_trouble(path);
    *strrchr(path, '/') = '\0';
    if (rmdir(path) < 0 || rmdir(folder) < 0)
        unit_trouble(path);
}

TEST_AS_ROOT(a_user_s_settings_are_the_user_s_own)
{
    unit_in_child(as_user, NULL);
}

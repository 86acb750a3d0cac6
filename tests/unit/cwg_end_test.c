#include "cwg/name/end.h"

#include <string.h>

#include "unit.h"

TEST(ends_that_are_taken)
{
    static const struct {
        const char *text, *host, *engine, *name, *shown;
    } cases[] = {
        {"web", "", "", "web", "web"},
        {"podman/web", "", "podman", "web", "podman/web"},
        {"pid/4711", "", "pid", "4711", "pid/4711"},
        {"site2:db", "site2", "", "db", "site2:db"},
        {"site2.example:podman/db-1_x.y", "site2.example", "podman", "db-1_x.y",
         "site2.example:podman/db-1_x.y"},
        {"alice@site2:db", "alice@site2", "", "db", "site2:db"},
        {"_svc@192.0.2.7:docker/a", "_svc@192.0.2.7", "docker", "a", "192.0.2.7:docker/a"},
        {"[2001:db8::7]:db", "2001:db8::7", "", "db", "[2001:db8::7]:db"},
        {"bob@[2001:db8::7]:cri/pod", "bob@2001:db8::7", "cri", "pod", "[2001:db8::7]:cri/pod"},
        {"[fe80::1%eth0]:db", "fe80::1%eth0", "", "db", "[fe80::1%eth0]:db"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct failure failure = {.text = ""};
        struct end end = {.host = ""};
        char shown[END_TEXT_SIZE] = "", host[END_HOST_SIZE];

        expect(end_parse(cases[i].text, "END", &end, &failure) == 0, "%s: %s", cases[i].text,
               failure.text);
        expect(strcmp(end.host, cases[i].host) == 0, "%s: host %s", cases[i].text, end.host);
        expect(strcmp(end.engine, cases[i].engine) == 0, "%s: engine %s", cases[i].text,
               end.engine);
        expect(strcmp(end.name, cases[i].name) == 0, "%s: name %s", cases[i].text, end.name);
        end_to_text(&end, shown);
        expect(strcmp(shown, cases[i].shown) == 0, "%s: shown as %s", cases[i].text, shown);
        /* What was remembered is read again. */
        expect(!end.host[0] ||
                   (end_parse_host(end.host, host, &failure) == 0 && strcmp(host, end.host) == 0),
               "%s: the host %s isn't read again", cases[i].text, end.host);
    }
}

/* Nothing of these may reach ssh, a shell or an engine's program. */
TEST(ends_that_are_refused)
{
    const char *const *texts =
        TEXTS("", ":", "/", ":web", "host:", "host:/web", "/web", "podman/", "a/b/c", "-web",
              "podman/-web", "-oProxyCommand=x:web", "host:-v", "-l@host:web", "us er@host:web",
              "@host:web", "a@b@:web", "host name:web", "ho$st:web", "host;id:web", "host:web;id",
              "host:$(id)", "host:`id`", "host:we b", "host:web\n", "host\n:web", "host:web'",
              "host:\"web\"", "host:../web", "host:pod man/web", "host:pod-man/web", "[::1:web",
              "[::1]web", "[]:web", "[1.2.3.4]:web", "[::1%]:web", "[::1%-e]:web", "[::1%a b]:web",
              "2001:db8::7:web", "host:.web", "_web", "\xc3\xa4", "host:\xc3\xa4", ".host:web");

    for (size_t i = 0; texts[i]; i++) {
        struct failure failure = {.text = ""};
        struct end end = {.host = "untouched"};

        expect(end_parse(texts[i], "END", &end, &failure) == -1, "taken: %s", texts[i]);
        expect(failure_is(&failure, "usage") && strncmp(failure.text, "END: ", 5) == 0,
               "%s: the failure is %s", texts[i], failure.text);
        expect(strcmp(end.host, "untouched") == 0, "%s: the result was written", texts[i]);
    }
}

TEST(names_as_long_as_they_may_be)
{
    char text[400];
    struct failure failure;
    struct end end;

    memset(text, 'a', sizeof(text));
    text[253] = '\0';
    expect(end_parse(text, "END", &end, &failure) == 0, "253 characters");
    text[253] = 'a';
    text[254] = '\0';
    expect(end_parse(text, "END", &end, &failure) == -1, "254 characters");
    memset(text, 'h', sizeof(text));
    memcpy(text + 253, ":web", 5);
    expect(end_parse(text, "END", &end, &failure) == 0, "a host of 253 characters");
    memset(text, 'h', sizeof(text));
    memcpy(text + 254, ":web", 5);
    expect(end_parse(text, "END", &end, &failure) == -1, "a host of 254 characters");
}

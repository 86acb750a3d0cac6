#include "helper/netns/cgroup.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const struct {
    const char *text;
    const char *id; /* or name; NULL: none */
} cases[] = {
    /* as engines name them */
    {"0::/system.slice/docker-" A ".scope\n", A},
    {"0::/docker/" A "\n", A},
    {"0::/machine.slice/libpod-" A ".scope/container\n", A},
    {"0::/machine.slice/libpod-payload-" A "\n", A},
    {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope\n", A},
    {"0::/libpod_parent/libpod-" A "\n", A},
    {"0::/kubepods.slice/kubepods-burstable.slice/"
     "kubepods-burstable-pod1d2c3b4a_0000_1111_2222_333344445555.slice/crio-" A ".scope\n",
     A},
    {"0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" A ".scope\n", A},
    {"0::/kubepods/burstable/pod1d2c3b4a-0000-1111-2222-333344445555/" A "\n", A},
    {"0::/system.slice/containerd.service/kubepods-pod12.slice:cri-containerd:" A "\n", A},
    {"0::/../../docker/" A "\n", A},
    {"0::/docker/" A " (deleted)\n", A},
    /* the first version, and both at once */
    {"12:pids:/docker/" A "\n11:memory:/docker/" A "\n1:name=systemd:/docker/" A "\n", A},
    {"4:memory:/docker/" A "\n1:name=systemd:/\n0::/system.slice/docker.service\n", A},
    {"4:memory:/\n1:name=systemd:/\n0::/docker/" A "\n", A},
    /* what a container adds is further in */
    {"0::/docker/" A "/docker-" B ".scope\n", A},
    {"0::/docker/" A "/" B "\n", A},
    {"0::/docker/" A "\n4:memory:/docker/" A "/" B "\n", A},
    {"4:memory:/docker/" A "/" A "\n", A},
    /* one that isn't one, then one that is */
    {"0::/x" B "/docker-" A "\n", A},
    {"0::/" B "0/" A "\n", A},
    /* cut off */
    {"0::/docker/" A "/", A},
    {"4:memory:/docker/" A "\n0::/docker/" B, A},
    {"4:memory:/docker/" A "\n0::/docker/fedcba", A},
    /* systemd-nspawn's names */
    {"0::/machine.slice/machine-web.scope\n", "web"},
    {"0::/machine.slice/machine-web.scope/payload/init.scope\n", "web"},
    {"0::/machine.slice/machine-web\\x2d1.scope/payload\n", "web-1"},
    {"0::/machine.slice/machine-a\\x2db\\x2dc_d.example.scope\n", "a-b-c_d.example"},
    {"0::/machine.slice/systemd-nspawn@web.service/payload\n", "web"},
    {"0::/machine.slice/systemd-nspawn@web-1.service\n", "web-1"},
    {"0::/../machine.slice/machine-web.scope\n", "web"},
    {"4:memory:/machine.slice/machine-web.scope\n1:name=systemd:/machine.slice/machine-web.scope/"
     "x\n"
     "0::/\n",
     "web"},
    /* and LXC's */
    {"0::/lxc.payload.web/init.scope\n", "web"},
    {"0::/lxc.payload.web-1\n", "web-1"},
    {"0::/lxc.payload/web/x\n", "web"},
    {"0::/lxc/101/ns/init.scope\n", "101"},
    {"12:devices:/lxc/web\n4:memory:/lxc/web\n0::/lxc/web\n", "web"},
    {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope/lxc.payload.web\n",
     "web"},
    /* what a named container has in it is its own */
    {"0::/lxc.payload.web/docker/" A "\n", "web"},
    {"0::/lxc.payload.web/lxc.payload.mail\n", "web"},
    {"0::/lxc/web/lxc/mail\n", "web"},
    {"0::/machine.slice/machine-web.scope/machine.slice/machine-mail.scope\n", "web"},
    {"0::/machine.slice/machine-web.scope/payload/system.slice/docker-" A ".scope\n", "web"},
    {"0::/docker/" A "/lxc/web\n", A},
    {"0::/machine.slice/libpod-" A ".scope/machine.slice/machine-web.scope\n", A},
    /* the longest name */
    {"0::/lxc/0123456789-0123456789-0123456789-0123456789-0123456789-012345678\n",
     "0123456789-0123456789-0123456789-0123456789-0123456789-012345678"},
    /* no colons before it */
    {"machine.slice/machine-web.scope\n", "web"},
    /* cut off */
    {"0::/lxc/web/", "web"},
    /* no order, no sense */
    {A "\n", A},
    {A A A "\n" A ":\n", A},
    {":::::::\n::/::\n//" A "//\n", A},
    {"\377\376/" A "\377\n", A},
};

/* Texts that name no container. */
static const char *const *const nowhere[] = {
    /* lines that don't agree, whichever comes first */
    TEXTS("4:memory:/docker/" A "\n0::/docker/" B "\n",
          "4:memory:/docker/" A "\n3:cpu:/\n0::/" B "/" A "\n"),
    /* none */
    TEXTS("", "\n", "\n\n\n", "0::/\n", "0::/init.scope\n",
          "9:name=systemd:/\n4:memory:/process/f35cdccc25048def8d98407e7125b8c1\n0::/\n"),
    /* words of another length, or with other characters */
    TEXTS("0::/docker/0" A "\n", "0::/docker/" A "0\n", "0::/docker/" A "x\n",
          "0::/docker/x" A "\n", "0::/docker/" A A "\n",
          "0::/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n",
          "0::/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n",
          "0::/docker/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
          "0::/docker/0123456789abcdef0123456789abcdef.123456789abcdef0123456789abcdef\n",
          "0::/docker/0123456789abcdef0123456789abcdef\n0123456789abcdef0123456789abcdef\n"),
    /* cut off */
    TEXTS("0::/docker/" A, "0::/docker/" A ".", "4:memory:/docker/" A "\n0::/docker/" B "/"),
    /* lines that don't agree */
    TEXTS("4:memory:/lxc/web\n0::/lxc/mail\n", "4:memory:/lxc/web\n0::/docker/" A "\n",
          "4:memory:/docker/" A "\n0::/lxc/web\n", "4:memory:/lxc/web\n0::/lxc/web2\n"),
    /* a name that is too long */
    TEXTS("0::/lxc/0123456789-0123456789-0123456789-0123456789-0123456789-0123456789\n"),
    /* characters that no name has, anywhere in it */
    TEXTS("0::/lxc/we\033[31mb\n", "0::/lxc/web\r\n", "0::/lxc/web\t\n", "0::/lxc/web \n",
          "0::/lxc/web\"\n", "0::/lxc/web\\\n", "0::/lxc/w\303\251b\n", "0::/lxc/web (deleted)\n",
          "0::/lxc/w\303\251b/docker/" A "\n", "0::/lxc.payload.w b/lxc.payload.mail\n",
          "0::/machine.slice/machine-we\\x2fb.scope/docker-" A ".scope\n", "0::/lxc/..\n",
          "0::/lxc/.web\n", "0::/lxc/-web\n", "0::/lxc/_web\n",
          "0::/machine.slice/machine-we\\x2fb.scope\n", "0::/machine.slice/machine-we\\x2.scope\n",
          "0::/machine.slice/machine-we\\x2", "0::/machine.slice/machine-\\x2dweb.scope\n",
          "0::/lxc.payload.web\001/x\n"),
    /* none */
    TEXTS("0::/lxc\n", "0::/lxc/\n", "0::/lxc//web\n", "0::/lxcx/web\n", "0::/lxc.monitor.web\n",
          "0::/lxc.monitor/web\n", "0::/lxc.payload.\n", "0::/machine.slice/machine-.scope\n",
          "0::/machine.slice/machine.scope\n", "0::/machine.slice/web.scope\n",
          "0::/machine.slice/machine-web.service\n", "0::/machine.slice/systemd-nspawn@.service\n",
          "0::/machine.slice/systemd-nspawn@web.scope\n", "0::/system.slice/machine-web.scope\n",
          "0::/user.slice/machine-web.scope\n", "0::/machine.slice/x/machine-web.scope\n",
          "1:lxc/web\n"),
    /* cut off */
    TEXTS("0::/lxc/web", "0::/lxc.payload.web", "0::/machine.slice/machine-web.scope",
          "0::/machine.slice/machine-web.scop"),
};

static void check(size_t number, const char *text, size_t length, const char *expected)
{
    char *copy = unit_copy(text, length);
    char id[CONTAINER_ID_LENGTH + 1] = "unwritten";
    int result = cgroup_container(copy, length, id);

    if (expected)
        expect(result == 0 && strcmp(id, expected) == 0, "case %zu: %d, %s", number, result, id);
    else
        expect(result == -1 && strcmp(id, "unwritten") == 0, "case %zu: %d, %s", number, result,
               id);
    free(copy);
}

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        check(i, cases[i].text, strlen(cases[i].text), cases[i].id);
    for (size_t i = 0; i < COUNT(nowhere); i++) {
        for (const char *const *text = nowhere[i]; *text; text++)
            check(i, *text, strlen(*text), NULL);
    }
}

/* Wherever a text ends: what tells is found when the name of its directory has ended, and not
 * before. */
TEST(cut_off)
{
    static const char texts[][256] = {
        "4:memory:/docker/" A "/x\n0::/docker/" A "\n",
        "4:memory:/docker/" A "-x/x\n",
        "0::/lxc/" A "\n",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        const size_t at = (size_t)(strstr(texts[i], A) - texts[i]);
        const size_t end = at + strcspn(texts[i] + at, "/\n") + 1;

        for (size_t length = 0; length <= strlen(texts[i]); length++)
            check(length, texts[i], length, length < end ? NULL : A);
    }
}

TEST(cut_off_names)
{
    static const char *const texts[] = {"0::/lxc.payload.some-name/x\n", "0::/lxc/some-name\n",
                                        "0::/machine.slice/machine-some\\x2dname.scope/payload\n"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *end = strstr(texts[i], "name");
        const size_t whole = (size_t)(end - texts[i]) + strcspn(end, "/\n") + 1;

        for (size_t length = 0; length <= strlen(texts[i]); length++)
            check(length, texts[i], length, length < whole ? NULL : "some-name");
    }
}

/* A NUL is a character like any other. */
TEST(with_nul)
{
    static const char text[] = "0::/docker/\0" A "\0/" B "\n";
    static const char name[] = "0::/lxc/we\0b\n";

    check(0, text, sizeof(text) - 1, A);
    check(1, name, sizeof(name) - 1, NULL);
}

/* A name with any one character: it is written as it is, or not at all. */
TEST(characters)
{
    for (int c = 1; c < 256; c++) {
        char text[] = "0::/lxc/we?b\n", name[] = "we?b";
        const char *known = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";

        *strchr(text, '?') = (char)c;
        *strchr(name, '?') = (char)c;
        check((size_t)c, text, sizeof(text) - 1,
              strchr(known, c)   ? name
              : strchr("/\n", c) ? "we"
                                 : NULL);
    }
}

TEST(ids)
{
    expect(cgroup_is_id(A), "an id");
    expect(!cgroup_is_id("web") && !cgroup_is_id("") && !cgroup_is_id(A "0"), "a name");
    expect(!cgroup_is_id("x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
           "a name as long as an id");
}

#include "helper/cgroup.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const struct {
    const char *text;
    const char *id; /* NULL: none */
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
    /* lines that don't agree, whichever comes first */
    {"4:memory:/docker/" A "\n0::/docker/" B "\n", NULL},
    {"4:memory:/docker/" A "\n3:cpu:/\n0::/" B "/" A "\n", NULL},
    /* none */
    {"", NULL},
    {"\n", NULL},
    {"\n\n\n", NULL},
    {"0::/\n", NULL},
    {"0::/init.scope\n", NULL},
    {"0::/machine.slice/machine-web.scope\n", NULL},
    {"0::/lxc.payload.web/init.scope\n", NULL},
    {"9:name=systemd:/\n4:memory:/process/f35cdccc25048def8d98407e7125b8c1\n0::/\n", NULL},
    /* words of another length, or with other characters */
    {"0::/docker/0" A "\n", NULL},
    {"0::/docker/" A "0\n", NULL},
    {"0::/docker/" A "x\n", NULL},
    {"0::/docker/x" A "\n", NULL},
    {"0::/docker/" A A "\n", NULL},
    {"0::/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n", NULL},
    {"0::/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", NULL},
    {"0::/docker/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", NULL},
    {"0::/docker/0123456789abcdef0123456789abcdef.123456789abcdef0123456789abcdef\n", NULL},
    {"0::/docker/0123456789abcdef0123456789abcdef\n0123456789abcdef0123456789abcdef\n", NULL},
    /* one that isn't one, then one that is */
    {"0::/x" B "/docker-" A "\n", A},
    {"0::/" B "0/" A "\n", A},
    /* cut off */
    {"0::/docker/" A, NULL},
    {"0::/docker/" A "/", A},
    {"0::/docker/" A ".", A},
    {"4:memory:/docker/" A "\n0::/docker/" B, A},
    {"4:memory:/docker/" A "\n0::/docker/" B "/", NULL},
    {"4:memory:/docker/" A "\n0::/docker/fedcba", A},
    /* no order, no sense */
    {A "\n", A},
    {A A A "\n" A ":\n", A},
    {":::::::\n::/::\n//" A "//\n", A},
    {"\377\376/" A "\377\n", A},
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

static void table(void)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        check(i, cases[i].text, strlen(cases[i].text), cases[i].id);
}

/* Wherever a text ends: the id is found from the character behind it on, and not before. */
static void cut_off(void)
{
    static const char text[] = "4:memory:/docker/" A "/x\n0::/docker/" A "\n";
    const size_t end = strlen("4:memory:/docker/" A "/");

    for (size_t length = 0; length <= strlen(text); length++)
        check(length, text, length, length < end ? NULL : A);
}

/* A NUL is a character like any other. */
static void with_nul(void)
{
    static const char text[] = "0::/docker/\0" A "\0/" B "\n";

    check(0, text, sizeof(text) - 1, A);
}

int main(void)
{
    static const struct test tests[] = {
        {.name = "table", .run = table},
        {.name = "cut_off", .run = cut_off},
        {.name = "with_nul", .run = with_nul},
    };

    return unit_run("cgroup", tests, COUNT(tests));
}

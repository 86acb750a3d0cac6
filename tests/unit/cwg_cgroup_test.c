#include "cwg/container/cgroup.h"

#include <string.h>

#include "unit.h"

#define A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

struct told {
    const char *text, *id, *parent;
};

static void read_all(const struct told *cases, size_t count)
{
    char id[CONTAINER_ID_SIZE], parent[CGROUP_TEXT_SIZE];

    for (size_t i = 0; i < count; i++) {
        memset(id, 'x', sizeof(id));
        memset(parent, 'x', sizeof(parent));
        cgroup_container(cases[i].text, id, parent);
        expect(strcmp(id, cases[i].id) == 0, "case %zu: %s", i, id);
        expect(!cases[i].parent || strcmp(parent, cases[i].parent) == 0, "case %zu: %s", i, parent);
    }
}

TEST(the_paths_of_engines_have_an_id)
{
    static const struct told cases[] = {
        {"0::/machine.slice/libpod-" A ".scope\n", A, "/machine.slice/"},
        {.text = "0::/machine.slice/libpod-" A ".scope/container\n", .id = A},
        {.text = "0::/system.slice/docker-" A ".scope\n", .id = A},
        {"12:pids:/\n0::/docker/" A "\n", A, "/docker/"},
        {"0::/" A "\n", A, "/"},
        {.text = "0::/kubepods.slice/kubepods-pod1b2c_3d.slice/cri-containerd-" A ".scope\n",
         .id = A},
        {.text = "0::/kubepods/besteffort/pod1b2c-3d/" A, .id = A},
        {.text = "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A
                 ".scope/container",
         .id = A},
    };

    read_all(cases, COUNT(cases));
}

/* Whoever is in a container may make cgroups below its own. */
TEST(the_first_id_counts)
{
    static const struct told cases[] = {
        {.text = "0::/machine.slice/libpod-" A ".scope/libpod-" B ".scope\n", .id = A},
        {.text = "0::/docker/" A "/docker/" B "\n", .id = A},
    };

    read_all(cases, COUNT(cases));
}

TEST(the_id_of_a_pod_is_none_of_a_container)
{
    static const struct told cases[] = {
        {.text = "0::/machine.slice/machine-libpod_pod_" A ".slice/libpod-" B ".scope\n", .id = B},
        {.text = "0::/machine.slice/machine-libpod_pod_" A ".slice\n", .id = ""},
    };

    read_all(cases, COUNT(cases));
}

TEST(a_watching_process_is_in_no_container)
{
    static const struct told cases[] = {
        {.text = "0::/machine.slice/libpod-conmon-" A ".scope\n", .id = ""},
        {.text = "0::/machine.slice/crio-conmon-" A ".scope\n", .id = ""},
        {.text = "0::/machine.slice/libpod-conmon-" A ".scope/" B "\n", .id = ""},
    };

    read_all(cases, COUNT(cases));
}

/* Whoever is in such a container chooses the names below it. */
TEST(an_id_below_the_name_of_another_container_is_none)
{
    static const struct told cases[] = {
        {.text = "0::/lxc.payload.web/" A "\n", .id = ""},
        {.text = "0::/lxc/web/" A "\n", .id = ""},
        {.text = "0::/machine.slice/machine-web.scope/payload/" A "\n", .id = ""},
        {.text = "0::/machine.slice/systemd-nspawn@web.service/payload/docker-" A ".scope\n",
         .id = ""},
    };

    read_all(cases, COUNT(cases));
}

/* Those of version 1 are others' to divide, in other ways. */
TEST(cgroups_of_version_1_tell_nothing)
{
    static const struct told cases[] = {
        {.text = "12:pids:/docker/" A "\n0::/\n", .id = ""},
        {.text = "1:name=0::/docker/" A "\n", .id = ""},
    };

    read_all(cases, COUNT(cases));
}

TEST(other_words_are_no_ids)
{
    static const struct told cases[] = {
        {.text = "", .id = ""},
        {.text = "0::/\n", .id = ""},
        {.text = "0::/user.slice/session-3.scope\n", .id = ""},
        {.text = "0::/" A "0\n", .id = ""},
        {.text = "0::/x" A "\n", .id = ""},
        {.text = "0::/" A "x\n", .id = ""},
        {.text = "0::/0123456789abcdef", .id = ""},
    };

    read_all(cases, COUNT(cases));
}

TEST(no_process_has_an_id_that_no_cgroup_has)
{
    struct cgroup_member members[] = {{.id = A, .pid = 7}, {.id = "", .pid = 7}};

    cgroup_find(members, 2);
    expect(members[0].pid == 0 && members[1].pid == 0, "%d %d", members[0].pid, members[1].pid);
}

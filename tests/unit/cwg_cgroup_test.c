#include "cwg/container/cgroup.h"

#include <string.h>

#include "unit.h"

#define A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

struct told {
    const char *text, *id;
};

static void read_all(const struct told *cases, size_t count)
{
    char id[CONTAINER_ID_SIZE];

    for (size_t i = 0; i < count; i++) {
        memset(id, 'x', sizeof(id));
        cgroup_container(cases[i].text, id);
        expect(strcmp(id, cases[i].id) == 0, "case %zu: %s", i, id);
    }
}

TEST(the_paths_of_engines_have_an_id)
{
    static const struct told cases[] = {
        {"0::/machine.slice/libpod-" A ".scope\n", A},
        {"0::/machine.slice/libpod-" A ".scope/container\n", A},
        {"0::/system.slice/docker-" A ".scope\n", A},
        {"12:pids:/docker/" A "\n0::/\n", A},
        {"0::/kubepods.slice/kubepods-pod1b2c_3d.slice/cri-containerd-" A ".scope\n", A},
        {"0::/kubepods/besteffort/pod1b2c-3d/" A, A},
        {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope/container",
         A},
    };

    read_all(cases, COUNT(cases));
}

/* Whoever is in a container may make cgroups below its own. */
TEST(the_first_id_counts)
{
    static const struct told cases[] = {
        {"0::/machine.slice/libpod-" A ".scope/libpod-" B ".scope\n", A},
        {"0::/docker/" A "/docker/" B "\n", A},
    };

    read_all(cases, COUNT(cases));
}

TEST(the_id_of_a_pod_is_none_of_a_container)
{
    static const struct told cases[] = {
        {"0::/machine.slice/machine-libpod_pod_" A ".slice/libpod-" B ".scope\n", B},
        {"0::/machine.slice/machine-libpod_pod_" A ".slice\n", ""},
    };

    read_all(cases, COUNT(cases));
}

TEST(a_watching_process_is_in_no_container)
{
    static const struct told cases[] = {
        {"0::/machine.slice/libpod-conmon-" A ".scope\n", ""},
        {"0::/machine.slice/crio-conmon-" A ".scope\n", ""},
        {"0::/machine.slice/libpod-conmon-" A ".scope/" B "\n", ""},
    };

    read_all(cases, COUNT(cases));
}

TEST(other_words_are_no_ids)
{
    static const struct told cases[] = {
        {"", ""},
        {"0::/\n", ""},
        {"0::/user.slice/session-3.scope\n", ""},
        {"0::/" A "0\n", ""},
        {"0::/x" A "\n", ""},
        {"0::/" A "x\n", ""},
        {"0::/0123456789abcdef", ""},
    };

    read_all(cases, COUNT(cases));
}

TEST(no_process_has_an_id_that_no_cgroup_has)
{
    struct cgroup_member members[] = {{.id = A, .pid = 7}, {.id = "", .pid = 7}};

    cgroup_find(members, 2);
    expect(members[0].pid == 0 && members[1].pid == 0, "%d %d", members[0].pid, members[1].pid);
}

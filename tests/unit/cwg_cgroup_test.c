#include "cwg/container/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg_folder.h"
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
        {"0::/kubepods.slice/kubepods-besteffort.slice/crio-" A ".scope\n", A,
         "/kubepods.slice/kubepods-besteffort.slice/"},
        {"0::/system.slice/web.service/libpod-payload-" A "\n", A, "/system.slice/web.service/"},
        {.text = "0::/libpod_parent/libpod-" A "\n", .id = A},
        {.text = "0::/docker/" A "/init.scope\n", .id = A},
    };

    read_all(cases, COUNT(cases));
}

/* Who may choose a part of the name of a unit of root's could otherwise choose another's id: the
 * author of a job of Nomad's chooses the name of a task. */
TEST(an_id_in_a_name_that_no_engine_gives_is_none)
{
#define TASKS "0::/nomad.slice/share.slice/5fa1c2d3-1111-2222-3333-333344445555."
    static const struct told cases[] = {
        {.text = TASKS A ".scope\n", .id = ""},
        {.text = TASKS "x-" A ".scope\n", .id = ""},
        {.text = TASKS "x_" A ".scope\n", .id = ""},
        {.text = "0::/system.slice/x@" A ".service\n", .id = ""},
        {.text = "0::/system.slice/x@docker-" A ".service\n", .id = ""},
        {.text = "0::/system.slice/x@y-" A ".scope\n", .id = ""},
        {.text = "0::/system.slice/docker-" A ".service\n", .id = ""},
        {.text = "0::/system.slice/docker-" A ".slice\n", .id = ""},
        {.text = "0::/system.slice/docker-" A ".scope.x\n", .id = ""},
        {.text = "0::/system.slice/docker-" A "-x.scope\n", .id = ""},
        {.text = "0::/system.slice/docker-" A ":x\n", .id = ""},
        {.text = "0::/system.slice/docker." A ".scope\n", .id = ""},
        {.text = "0::/x/y.scope\n1:/" A "\n", .id = ""},
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

enum {
    NOBODY = 65534,
};

/* A process as /proc tells of it. */
struct process {
    int number;
    const char *name;
    char state;
    int begun;
};

static char folder[FOLDER_SIZE];

static void put(int number, const char *file, const char *text)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "proc/%d/%s", number, file);
    fd = creat(folder_path(folder, path), 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0)
        unit_trouble(path);
}

static void make_directory(const char *name)
{
    if (mkdir(folder_path(folder, name), 0755) < 0)
        unit_trouble(name);
}

static void add(const struct process *process)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "proc/%d", process->number);
    make_directory(text);
    put(process->number, "cgroup", "0::/docker/" A "\n");
    (void)snprintf(text, sizeof(text), "%s\n", process->name);
    put(process->number, "comm", text);
    (void)snprintf(text, sizeof(text), "%d (%s) %c 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 %d 0\n",
                   process->number, process->name, process->state, process->begun);
    put(process->number, "stat", text);
}

/* A machine with these processes, all in one container. */
static void make_machine(const struct process *processes, size_t count, mode_t mode, uid_t owner)
{
    static const char *const directories[] = {"proc", "sys", "sys/fs", "sys/fs/cgroup",
                                              "sys/fs/cgroup/docker"};

    folder_make(folder);
    for (size_t i = 0; i < COUNT(directories); i++)
        make_directory(directories[i]);
    for (size_t i = 0; i < count; i++)
        add(&processes[i]);
    if (chmod(folder, 0755) < 0 ||
        chown(folder_path(folder, "sys/fs/cgroup/docker"), owner, owner) < 0 ||
        chmod(folder_path(folder, "sys/fs/cgroup/docker"), mode) < 0)
        unit_trouble("a machine");
}

static void enter(void)
{
    if (chroot(folder) < 0 || chdir("/") < 0 || setegid(NOBODY) < 0 || seteuid(NOBODY) < 0)
        unit_trouble("a machine");
}

/* `context` is the number of the process that is expected. */
static void look(void *context)
{
    const int *number = context;
    struct cgroup_member members[] = {{.id = B, .pid = 7}, {.id = A, .pid = 7}};

    enter();
    cgroup_find(members, 2);
    expect(members[0].pid == 0 && members[1].pid == *number, "%d %d, not %d", members[0].pid,
           members[1].pid, *number);
    expect(cgroup_has(A, 20) == (*number == 20), "20 of %d", *number);
    expect(!cgroup_has(B, 20) && !cgroup_has(A, 21), "another's");
}

TEST_AS_ROOT(a_cgroup_counts_if_root_or_this_user_alone_can_have_made_it)
{
    static const struct process process = {20, "web", 'S', 100};
    static const struct {
        mode_t mode;
        uid_t owner;
        bool found;
    } cases[] = {
        {0755, 0, true},  {0555, 0, true},  {0755, NOBODY, true},  {0755, 4242, false},
        {0775, 0, false}, {0757, 0, false}, {0775, NOBODY, false}, {01757, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int number = cases[i].found ? process.number : 0;

        make_machine(&process, 1, cases[i].mode, cases[i].owner);
        unit_in_child(look, &number);
        folder_remove(folder);
    }
}

TEST_AS_ROOT(a_process_counts_unless_it_has_ended_or_is_a_runtime)
{
    static const struct {
        struct process process;
        bool found;
    } cases[] = {
        {{20, "web", 'R', 100}, true},    {{20, "web", 'Z', 100}, false},
        {{20, "web", 'X', 100}, false},   {{20, "web) Z 1", 'S', 100}, true},
        {{20, "crun", 'S', 100}, false},  {{20, "runc", 'S', 100}, false},
        {{20, "youki:x", 'S', 1}, false}, {{20, "runc:[2:INIT]", 'S', 100}, false},
        {{20, "crunch", 'S', 100}, true}, {{20, "(crun)", 'S', 100}, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int number = cases[i].found ? cases[i].process.number : 0;

        make_machine(&cases[i].process, 1, 0755, 0);
        unit_in_child(look, &number);
        folder_remove(folder);
    }
}

static void look_for_oldest(void *context)
{
    const int *number = context;
    struct cgroup_member member = {.id = A};

    enter();
    cgroup_find(&member, 1);
    expect(member.pid == *number && member.begun == 100, "%d %llu, not %d", member.pid,
           member.begun, *number);
    expect(cgroup_has(A, 26) && cgroup_has(A, 27), "the others are of the container, too");
}

/* A folder has its files in any order: so each of the first ones is once the one that counts. */
TEST_AS_ROOT(the_oldest_process_is_found_and_of_two_the_one_with_the_lower_number)
{
    struct process processes[] = {
        {27, "web", 'S', 0}, {26, "web", 'S', 0}, {25, "web", 'S', 0},   {24, "web", 'S', 0},
        {23, "web", 'S', 0}, {22, "web", 'S', 0}, {30, "ended", 'Z', 1}, {31, "crun", 'S', 1},
    };

    for (int number = 22; number < 26; number++) {
        for (int same = 0; same < 2; same++) {
            for (size_t i = 0; i < 6; i++) {
                const bool younger =
                    same ? processes[i].number < number : processes[i].number != number;

                processes[i].begun = younger ? 101 : 100;
            }
            make_machine(processes, COUNT(processes), 0755, 0);
            unit_in_child(look_for_oldest, &number);
            folder_remove(folder);
        }
    }
}

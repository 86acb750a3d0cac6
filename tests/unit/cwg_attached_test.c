/* Which of the attached containers is an answer. The processes and the namespaces' files are this
 * test's word; that of a process which has gone is in agent/attached. */
#include "cwg/container/attached.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/container/attachment.h"
#include "cwg/container/cgroup.h"
#include "cwg/container/netns.h"
#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE];
static struct failure failure, trouble;
static const char *with_process; /* the ids, each between blanks, that have a process */
static bool has_gone;
static int looks; /* at all processes */

void __wrap_cgroup_find(struct cgroup_member *members, size_t count);
void __wrap_cgroup_find(struct cgroup_member *members, size_t count)
{
    char id[CONTAINER_ID_SIZE + 2];

    looks++;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(id, sizeof(id), " %s ", members[i].id);
        members[i].pid = members[i].id[0] && strstr(with_process, id) ? getpid() : 0;
    }
}

bool __wrap_cgroup_has(const char *id, pid_t pid);
bool __wrap_cgroup_has(const char *id, pid_t pid)
{
    expect(pid == getpid() && id[0], "%d of %s", (int)pid, id);
    return !has_gone;
}

int __wrap_netns_open(const char *name);
int __wrap_netns_open(const char *name)
{
    return strcmp(name, "gone") == 0 ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Root's directory is the folder's own one, too, instead of the machine's. */
int __real_attachments_read(const char *path, struct attachment **ret_attachments,
                            size_t *ret_count, struct failure *ret_failure);
int __wrap_attachments_read(const char *path, struct attachment **ret_attachments,
                            size_t *ret_count, struct failure *ret_failure);
int __wrap_attachments_read(const char *path, struct attachment **ret_attachments,
                            size_t *ret_count, struct failure *ret_failure)
{
    if (path && strcmp(path, ATTACHMENT_SYSTEM_DIRECTORY) == 0)
        path = folder_path(folder, "root");
    return __real_attachments_read(path, ret_attachments, ret_count, ret_failure);
}

/* These tests are of another user than root. */
static void begin(void)
{
    folder_enter(folder);
    with_process = "";
    has_gone = false;
    looks = 0;
}

static void end(void)
{
    folder_leave(folder);
}

/* A plugin tells of a container of an engine's, so many tenths of a second after the others. */
static void attach_to(const char *engine, const char *id, const char *name, const char *netns,
                      int tenths)
{
    struct attachment one = {.network = "net"};
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = 1700000000 + tenths / 10, .tv_nsec = tenths % 10 * 100000000L}};
    char path[64];

    (void)snprintf(one.engine, sizeof(one.engine), "%s", engine);
    (void)snprintf(one.id, sizeof(one.id), "%s", id);
    (void)snprintf(one.name, sizeof(one.name), "%s", name);
    (void)snprintf(one.netns, sizeof(one.netns), "%s", netns);
    (void)snprintf(path, sizeof(path), "cwg-attached/%s+net", id);
    if (attachment_write(&one, &failure) != 0 ||
        utimensat(AT_FDCWD, folder_path(folder, path), times, 0) < 0)
        unit_trouble(id);
}

static void attach(const char *id, const char *name, const char *netns, int tenths)
{
    attach_to("cni", id, name, netns, tenths);
}

/* What was told until now, root's plugins have told. */
static void give_to_root(void)
{
    char from[FOLDER_SIZE + 16];

    (void)snprintf(from, sizeof(from), "%s/cwg-attached", folder);
    if (rename(from, folder_path(folder, "root")) < 0)
        unit_trouble("root's directory");
}

/* Asks, and expects a container's id; "" is none. */
static void ask(const char *engine, const char *name, bool by_process, const char *id)
{
    struct container_answer answer = {.name = name,
                                      .by_process = by_process,
                                      .error = 1,
                                      .container = {.pidfd = -1, .netns = -1}};
    const size_t count = attached_answer(engine_by_name(engine), &answer, 1, &trouble);

    expect(count == (id[0] ? 1 : 0) && answer.error == !id[0], "%s: %zu, %d", name, count,
           answer.error);
    expect(strcmp(answer.container.id, id) == 0, "%s: %s", name, answer.container.id);
    if (id[0])
        expect((answer.container.pid ? answer.container.pidfd : answer.container.netns) >= 0 &&
                   (answer.container.pid != 0) == (answer.container.file[0] == '\0'),
               "%s: %d", name, answer.container.pid);
    container_close(&answer.container);
}

static size_t descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    while (directory && readdir(directory) != NULL)
        count++;
    if (directory)
        (void)closedir(directory);
    return count;
}

TEST(all_processes_are_looked_at_only_for_a_container_that_is_meant)
{
    begin();
    attach("id1", "web", "", 0);
    with_process = " id1 ";
    ask("cni", "db", false, "");
    ask("podman", "web", false, "");
    expect(looks == 0, "%d", looks);
    ask("cni", "web", false, "id1");
    expect(looks == 1, "%d", looks);
    end();
}

TEST(a_process_counts_before_a_namespaces_file)
{
    begin();
    attach("id1", "web", "", 0);
    attach("id2", "web", "netns-2", 1);
    ask("cni", "web", false, "id2");
    ask("cni", "web", true, "");
    with_process = " id1 ";
    ask("cni", "web", false, "id1");
    ask("cni", "web", true, "id1");
    end();
}

TEST(of_two_of_a_name_the_one_counts_that_was_told_of_last)
{
    begin();
    for (int i = 0; i < 16; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "id%d", i);
        attach(id, "web", "netns-7", i == 9 ? 100 : i);
    }
    attach("id16", "web", "gone", 200);
    ask("cni", "web", false, "id9");
    with_process = " id3 id5 id12 ";
    ask("cni", "web", false, "id12");
    end();
}

/* A folder has its files in any order. */
TEST(of_two_of_a_name_a_tenth_of_a_second_counts)
{
    char id[16], both[32];

    begin();
    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof(id), "id%d", i);
        attach(id, "web", "", i * 7 % 10);
    }
    with_process = both;
    for (int tenth = 1; tenth < 10; tenth++) { /* 3 is 7's inverse */
        (void)snprintf(id, sizeof(id), "id%d", tenth * 3 % 10);
        (void)snprintf(both, sizeof(both), " id%d %s ", (tenth - 1) * 3 % 10, id);
        ask("cni", "web", false, id);
    }
    end();
}

TEST(a_process_that_has_gone_meanwhile_is_no_answer)
{
    size_t before;

    begin();
    attach("id1", "web", "netns-1", 0);
    with_process = " id1 ";
    has_gone = true;
    before = descriptors();
    ask("cni", "web", false, "");
    expect(descriptors() == before, "%zu descriptors, and before %zu", descriptors(), before);
    end();
}

/* Lists behind cni/web, and expects names, each with a blank behind it. */
static void expect_list(const char *names)
{
    struct end *ends = calloc(1, sizeof(*ends));
    char text[256] = "";
    int count;

    if (!ends)
        unit_trouble("memory");
    (void)snprintf(ends[0].engine, sizeof(ends[0].engine), "cni");
    (void)snprintf(ends[0].name, sizeof(ends[0].name), "web");
    count = attached_list(&ends, 1, &trouble, &failure);
    for (int i = 1; i < count; i++) {
        const size_t length = strlen(text);

        (void)snprintf(text + length, sizeof(text) - length, "%s/%s ", ends[i].engine,
                       ends[i].name);
    }
    expect(count >= 1 && strcmp(text, names) == 0, "%d: %s", count, text);
    free(ends);
}

TEST(a_list_has_each_container_once)
{
    begin();
    with_process = " id1 id2 id3 id4 id5 ";
    attach("id1", "web", "", 1);
    attach("id2", "db", "", 2);
    attach("id3", "db", "", 3);
    attach_to("podman", "id4", "web", "", 4);
    give_to_root();
    attach("id1", "web", "", 1);
    attach("id2", "db", "", 5);
    attach_to("podman", "id5", "db", "", 4);
    expect_list("cni/db podman/db ");
    end();
}

TEST(a_list_has_no_container_that_has_gone)
{
    size_t before;

    begin();
    attach("id1", "one", "", 1);
    attach("id2", "two", "netns-2", 2);
    attach("id3", "three", "gone", 3);
    attach("id4", "four", "gone", 4);
    attach("id5", "five", "", 5);
    attach_to("docker", "id6", "six", "", 6); /* has no plugins */
    attach_to("nonesuch", "id7", "seven", "netns-7", 7);
    before = descriptors();
    with_process = " id4 id5 id6 id7 ";
    expect_list("cni/five cni/four cni/two ");
    expect(looks == 1, "%d looks at all processes", looks);
    has_gone = true;
    expect_list("cni/two ");
    expect(descriptors() == before, "%zu descriptors, and before %zu", descriptors(), before);
    end();
}

/* podman tells each user of the user's own containers. */
TEST(roots_containers_are_a_users_answer_only_if_their_engine_has_no_program)
{
    begin();
    attach("id1", "web", "", 1);
    attach_to("podman", "id2", "web", "", 2);
    with_process = " id1 id2 id3 ";
    give_to_root();
    ask("cni", "web", false, "id1");
    ask("podman", "web", false, "");
    expect_list("");
    attach_to("podman", "id3", "web", "", 0);
    ask("podman", "web", false, "id3");
    expect_list("podman/web ");
    end();
}

static void expect_trouble(const char *text)
{
    expect(text[0] ? strstr(trouble.text, text) != NULL : !trouble.text[0], "not '%s': %s", text,
           trouble.text);
}

/* The second file that can't be read doesn't hide the first. */
TEST(a_directory_that_cant_be_trusted_is_a_trouble_to_who_asks_for_what_plugins_tell_of)
{
    begin();
    attach("id1", "db", "", 1);
    with_process = " id1 ";
    give_to_root();
    attach("id2", "web", "", 1);
    ask("cni", "home", false, "");
    expect_trouble("");
    if (chmod(folder_path(folder, "cwg-attached"), 0775) < 0)
        unit_trouble("chmod");
    ask("cni", "home", false, "");
    expect_trouble("/cwg-attached tells nothing: ");
    ask("podman", "home", false, "");
    expect_trouble("/cwg-attached tells nothing: ");
    ask("docker", "home", false, "");
    expect_trouble("");
    ask("cni", "db", false, "id1");
    expect_list("cni/db ");
    expect_trouble("/cwg-attached tells nothing: ");
    if (chmod(folder_path(folder, "root"), 0775) < 0)
        unit_trouble("chmod");
    ask("cni", "db", false, "");
    expect_trouble("/cwg-attached tells nothing: ");
    if (chmod(folder_path(folder, "cwg-attached"), 0755) < 0)
        unit_trouble("chmod");
    ask("cni", "db", false, "");
    expect_trouble("/root tells nothing: ");
    ask("podman", "db", false, "");
    expect_trouble("");
    end();
}

/* Writes a program of an engine's that has one container, off, which isn't running. */
static void install(const char *program)
{
    static const char script[] =
        "#!/bin/sh\n[ \"$5\" = off ] && echo 0 0123456789abcdef0123456789abcdef off && exit\n"
        "echo no such container >&2\nexit 1\n";
    const int fd = open(folder_path(folder, program), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0 || close(fd) < 0)
        unit_trouble(program);
}

/* The agent leaves alone what it knows nothing of. */
TEST(what_cant_be_read_is_no_absent_container)
{
    static const char *const engines_asked[] = {"", "cni", "podman"};
    struct container found;

    begin();
    if (setenv("PATH", folder, 1) < 0)
        unit_trouble("PATH");
    install("podman");
    install("docker");
    attach("id1", "web", "", 1);
    for (size_t i = 0; i < COUNT(engines_asked); i++)
        expect(container_find(engines_asked[i], "web", &found, &failure) < 0 &&
                   failure_is(&failure, "no-such-container"),
               "case %zu: %s", i, failure.text);
    if (chmod(folder_path(folder, "cwg-attached"), 0775) < 0)
        unit_trouble("chmod");
    for (size_t i = 0; i < COUNT(engines_asked); i++)
        expect(container_find(engines_asked[i], "web", &found, &failure) < 0 &&
                   failure_is(&failure, "system") && strstr(failure.text, "tells nothing") != NULL,
               "case %zu: %s", i, failure.text);
    expect(container_find("podman", "off", &found, &failure) < 0 &&
               failure_is(&failure, "not-running"),
           "%s", failure.text);
    expect(container_find("docker", "web", &found, &failure) < 0 &&
               failure_is(&failure, "no-such-container"),
           "%s", failure.text);
    end();
}

/* No engine's program is installed. */
TEST(two_of_a_name_and_without_a_process_are_ambiguous_if_their_files_differ)
{
    struct container found;
    size_t before;

    begin();
    if (setenv("PATH", folder, 1) < 0)
        unit_trouble("PATH");
    attach_to("podman", "id1", "web", "netns-1", 1);
    attach_to("cni", "id2", "web", "netns-2", 2);
    attach_to("podman", "id3", "db", "netns-3", 3);
    attach_to("cni", "id4", "db", "netns-3", 4);
    before = descriptors();
    expect(container_find("", "web", &found, &failure) < 0 && failure_is(&failure, "ambiguous"),
           "%s", failure.text);
    expect(descriptors() == before, "%zu descriptors, and before %zu", descriptors(), before);
    expect(container_find("", "db", &found, &failure) == 0 && found.id[0], "%s", failure.text);
    expect(descriptors() == before + 1, "%zu descriptors, and before %zu", descriptors(), before);
    container_close(&found);
    end();
}

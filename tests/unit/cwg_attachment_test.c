#include "cwg/container/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg_folder.h"
#include "unit.h"

enum {
    NOBODY = 65534,
};

static char folder[FOLDER_SIZE];
static struct failure failure;
static const struct attachment web = {.engine = "podman",
                                      .name = "web",
                                      .id = "0123abcd",
                                      .network = "web-db",
                                      .netns = "netns-7",
                                      .link = "web-db,net=7,host=0,site=s2"};

/* Root's directory is the machine's: so these tests are of another user. */
static void begin(void)
{
    folder_make(folder);
    if ((geteuid() == 0 && (chown(folder, NOBODY, NOBODY) < 0 || seteuid(NOBODY) < 0)) ||
        setenv("XDG_RUNTIME_DIR", folder, 1) < 0)
        unit_trouble("another user");
}

static void end(void)
{
    if (geteuid() != getuid() && seteuid(getuid()) < 0)
        unit_trouble("seteuid");
    folder_remove(folder);
}

/* Writes a file as it is, past attachment_write(). */
static void put(const char *name, const char *text, mode_t mode)
{
    char path[FOLDER_SIZE + 128];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/cwg-attached/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0 ||
        close(fd) < 0)
        unit_trouble(name);
}

static size_t count(void)
{
    struct attachment *all = NULL;
    size_t known = 77;

    expect(attachments_read(NULL, &all, &known, &failure) == 0, "%s", failure.text);
    free(all);
    return known;
}

TEST(an_attachment_is_read_as_it_was_written)
{
    struct attachment *all = NULL;
    size_t known = 0;

    begin();
    expect(count() == 0, "before the directory is there");
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    expect(attachments_read(NULL, &all, &known, &failure) == 0 && known == 1, "%zu", known);
    if (known == 1) {
        expect(all->told.tv_sec > 0, "%lld", (long long)all->told.tv_sec);
        all->told = web.told;
        expect(memcmp(all, &web, sizeof(web)) == 0, "it is another one");
    }
    free(all);
    expect(attachment_write(&web, &failure) == 0 && count() == 1, "the same once more");
    expect(attachment_remove(web.id, "other", &failure) == 0 && count() == 1, "another network");
    expect(attachment_remove(web.id, web.network, &failure) == 0 && count() == 0, "removed");
    expect(attachment_remove(web.id, web.network, &failure) == 0, "%s", failure.text);
    end();
}

/* The agent is another user than the plugin. */
TEST(an_attachment_can_be_read_by_all)
{
    struct stat status;
    const mode_t before = umask(0077);

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    expect(stat(folder_path(folder, "cwg-attached"), &status) == 0 &&
               (status.st_mode & 0777) == 0755,
           "%o", status.st_mode);
    expect(stat(folder_path(folder, "cwg-attached/0123abcd+web-db"), &status) == 0 &&
               (status.st_mode & 0777) == 0644,
           "%o", status.st_mode);
    (void)umask(before);
    end();
}

TEST(names_that_are_none_are_refused)
{
    static const struct {
        const char *id, *network, *name;
    } cases[] = {
        {"", "n", "web"},        {"../x", "n", "web"}, {"a/b", "n", "web"}, {"a", "", "web"},
        {"a", "../../n", "web"}, {"a", "n+m", "web"},  {"a", "n", ""},      {"a", "n", "w b"},
        {"a+b", "n", "web"},     {".a", "n", "web"},
    };

    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct attachment other = web;

        (void)snprintf(other.id, sizeof(other.id), "%s", cases[i].id);
        (void)snprintf(other.network, sizeof(other.network), "%s", cases[i].network);
        (void)snprintf(other.name, sizeof(other.name), "%s", cases[i].name);
        expect(attachment_write(&other, &failure) < 0 && failure_is(&failure, "usage"), "case %zu",
               i);
    }
    expect(count() == 0, "nothing was written");
    end();
}

TEST(what_is_no_attachment_is_left_out)
{
    static const struct {
        const char *file, *text;
        mode_t mode;
    } cases[] = {
        {"a+n", "", 0644},
        {"b+n", "{}", 0644},
        {"c+n", "{\"engine\":\"podman\",\"name\":\"../x\",\"netns\":\"\",\"link\":\"\"}", 0644},
        {"d+n", "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"../x\",\"link\":\"\"}", 0644},
        {"e", "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0644},
        {"+n", "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0644},
        {"f+n", "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0666},
        {".g+n", "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0644},
        {"h+n", "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":7}", 0644},
    };

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        put(cases[i].file, cases[i].text, cases[i].mode);
        expect(count() == 1, "case %zu", i);
    }
    put("i+n", "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0644);
    expect(count() == 2, "one that is right");
    end();
}

/* A part of them would pass for all: and ends of the others would go. */
TEST(too_many_are_a_failure)
{
    struct attachment *all = NULL;
    size_t known = 0;
    char name[32];

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    for (int i = 1; i <= ATTACHMENTS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "a%d+n", i);
        put(name, "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0644);
        if (i == ATTACHMENTS_MAX - 1)
            expect(count() == ATTACHMENTS_MAX, "as many as there may be");
    }
    expect(attachments_read(NULL, &all, &known, &failure) < 0 && !all && known == 0, "%zu", known);
    (void)snprintf(name, sizeof(name), "more than %d files in /", ATTACHMENTS_MAX);
    expect(failure_is(&failure, "limit") && strncmp(failure.text, name, strlen(name)) == 0 &&
               strstr(failure.text, "/cwg-attached") != NULL,
           "%s", failure.text);
    end();
}

/* Ends the look at the fourth one. */
static int take_three(void *context, const struct attachment *attachment)
{
    int *taken = context;

    expect(strcmp(attachment->name, "x") == 0, "%s", attachment->name);
    return ++*taken == 4 ? 77 : 0;
}

TEST(they_are_read_one_by_one_until_there_is_enough)
{
    char name[32];
    int taken = 0;

    begin();
    expect(attachments_each(NULL, take_three, &taken, &failure) == 0 && taken == 0, "none");
    expect(attachment_write(&web, &failure) == 0 &&
               attachment_remove(web.id, web.network, &failure) == 0,
           "%s", failure.text);
    for (int i = 1; i <= 5; i++) {
        (void)snprintf(name, sizeof(name), "a%d+n", i);
        put(name, "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0644);
    }
    expect(attachments_each(NULL, take_three, &taken, &failure) == 77 && taken == 4, "%d", taken);
    end();
}

/* Ends may go whose attachment isn't told of. */
TEST(without_descriptors_nothing_is_said_to_be_absent)
{
    struct attachment *all = NULL;
    size_t known = 0;
    struct rlimit before, fewer;
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int error;

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    if (next < 0 || close(next) < 0 || getrlimit(RLIMIT_NOFILE, &before) < 0)
        unit_trouble("descriptors");
    fewer = before;
    fewer.rlim_cur = (rlim_t)next + 1; /* the directory's */
    if (setrlimit(RLIMIT_NOFILE, &fewer) < 0)
        unit_trouble("setrlimit");
    error = attachments_read(NULL, &all, &known, &failure);
    if (setrlimit(RLIMIT_NOFILE, &before) < 0)
        unit_trouble("setrlimit");
    expect(error < 0 && !all && known == 0 && strstr(failure.text, strerror(EMFILE)) != NULL,
           "%d: %s", error, failure.text);
    expect(count() == 1, "with descriptors");
    end();
}

TEST(a_directory_that_others_may_write_to_tells_nothing)
{
    struct attachment *all = NULL;
    size_t known = 0;

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    expect(chmod(folder_path(folder, "cwg-attached"), 0775) == 0, "chmod");
    expect(attachments_read(NULL, &all, &known, &failure) < 0 &&
               strstr(failure.text, "tells nothing") != NULL && known == 0,
           "%s", failure.text);
    expect(attachment_write(&web, &failure) < 0, "it was written to");
    end();
}

TEST(roots_directory_is_the_machines)
{
    char path[PATH_MAX];

    begin();
    expect(attachment_directory(path) == 0 && strncmp(path, folder, strlen(folder)) == 0, "%s",
           path);
    (void)unsetenv("XDG_RUNTIME_DIR");
    expect(attachment_directory(path) == 0 && strcmp(path, "/run/cwg-attached") == 0, "%s", path);
    end();
}

/* Takes the folder for the files of a machine, where root is NOBODY outside. */
static void enter_files(uid_t owner)
{
    static const char map[] = "0 65534 1\n";
    int fd = -1;

    if (mkdir(folder_path(folder, "proc"), 0755) == 0 &&
        mkdir(folder_path(folder, "proc/self"), 0755) == 0)
        fd = creat(folder_path(folder, "proc/self/uid_map"), 0644);
    if (fd < 0 || write(fd, map, strlen(map)) < 0 || close(fd) < 0 ||
        chown(folder, owner, owner) < 0 || chroot(folder) < 0)
        unit_trouble("files of a machine");
}

static void look_as_podmans(void *context)
{
    char path[PATH_MAX];

    (void)context;
    enter_files(NOBODY);
    (void)unsetenv("XDG_RUNTIME_DIR");
    expect(attachment_directory(path) == 0 && strcmp(path, "/run/user/65534/cwg-attached") == 0,
           "%s", path);
}

static void look_as_lxcs(void *context)
{
    char path[PATH_MAX];

    (void)context;
    enter_files(0);
    (void)setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
    expect(attachment_directory(path) == 0 && strcmp(path, "/run/cwg-attached") == 0, "%s", path);
}

/* podman's hooks and plugins are in a user namespace with the machine's files, whose root is
 * another; root of a container of LXC has files of its own. */
TEST_AS_ROOT(root_of_a_user_namespace_is_a_machines_if_the_files_are_its_own)
{
    folder_make(folder);
    unit_in_child(look_as_podmans, NULL);
    folder_remove(folder);
    folder_make(folder);
    unit_in_child(look_as_lxcs, NULL);
    folder_remove(folder);
}

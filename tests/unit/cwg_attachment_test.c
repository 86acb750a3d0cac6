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
    folder_enter(folder);
}

static void end(void)
{
    folder_leave(folder);
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

#define RIGHT "{\"engine\":\"podman\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}"
#define LONG  "0123456789012345678901234567890123456789012345678901234567890123456789012345678"

_Static_assert(sizeof(LONG) == CONTAINER_ID_SIZE, "one letter more is too many for an id");

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
        {"j+n", RIGHT, 0646},
        {"k+n", RIGHT, 0664},
        {"l+n", "{\"engine\":\"../x\",\"name\":\"x\",\"netns\":\"\",\"link\":\"\"}", 0644},
        {"m+n m", RIGHT, 0644},
        {"n+n+m", RIGHT, 0644},
        {"o+", RIGHT, 0644},
        {LONG "a+n", RIGHT, 0644},
    };

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        put(cases[i].file, cases[i].text, cases[i].mode);
        expect(count() == 1, "case %zu", i);
    }
    put("i+n", RIGHT, 0644);
    put(LONG "+n", RIGHT, 0644);
    expect(count() == 3, "two that are right");
    end();
}

/* Whoever waits for a pipe's writer waits for ever: unit_in_child() ends that. */
static void look_at_pipe(void *context)
{
    const char *path = context;
    int writer;

    expect(count() == 1, "a pipe that nobody writes to");
    writer = open(path, O_RDWR | O_CLOEXEC);
    if (writer < 0 || write(writer, RIGHT, strlen(RIGHT)) < 0)
        unit_trouble("a pipe");
    expect(count() == 1, "a pipe that somebody writes to");
    close(writer);
}

TEST(what_is_no_file_is_left_out)
{
    char right[FOLDER_SIZE + 16], path[FOLDER_SIZE + 32];

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    (void)snprintf(right, sizeof(right), "%s/right", folder);
    put("../right", RIGHT, 0644);
    if (mkdir(folder_path(folder, "cwg-attached/a+n"), 0755) < 0 ||
        symlink(right, folder_path(folder, "cwg-attached/b+n")) < 0)
        unit_trouble("what is no file");
    expect(count() == 1, "a directory, and a link to a file that is right");
    (void)snprintf(path, sizeof(path), "%s/cwg-attached/c+n", folder);
    if (mkfifo(path, 0644) < 0)
        unit_trouble("a pipe");
    unit_in_child(look_at_pipe, path);
    end();
}

TEST(a_directory_that_is_elsewhere_tells_nothing)
{
    struct attachment *all = NULL;
    size_t known = 0;
    char elsewhere[FOLDER_SIZE + 16];

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    (void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
    if (rename(folder_path(folder, "cwg-attached"), elsewhere) < 0 ||
        symlink(elsewhere, folder_path(folder, "cwg-attached")) < 0)
        unit_trouble("a link");
    expect(attachments_read(NULL, &all, &known, &failure) < 0 && known == 0, "it was read");
    expect(attachment_write(&web, &failure) < 0, "it was written to");
    expect(attachments_read(elsewhere, &all, &known, &failure) == 0 && known == 1, "%s",
           failure.text);
    free(all);
    end();
}

/* An agent that looks meanwhile finds a whole file, the old one or the new one. */
TEST(a_file_takes_the_place_of_another_as_a_whole)
{
    struct attachment *all = NULL;
    struct stat before, after;
    size_t known = 0;
    char name[64];

    begin();
    expect(attachment_write(&web, &failure) == 0 &&
               stat(folder_path(folder, "cwg-attached/0123abcd+web-db"), &before) == 0,
           "%s", failure.text);
    /* One that wasn't finished may be there. */
    (void)snprintf(name, sizeof(name), ".0123abcd+web-db.%d", (int)getpid());
    put(name, RIGHT RIGHT RIGHT RIGHT, 0600);
    expect(attachment_write(&web, &failure) == 0 &&
               stat(folder_path(folder, "cwg-attached/0123abcd+web-db"), &after) == 0,
           "%s", failure.text);
    expect(before.st_ino != after.st_ino, "the same file was written to");
    expect(attachments_read(NULL, &all, &known, &failure) == 0 && known == 1 &&
               strcmp(all->link, web.link) == 0,
           "%zu: %s", known, failure.text);
    free(all);
    end();
}

TEST(a_file_that_cant_be_finished_leaves_nothing)
{
    char name[64];
    int left;

    begin();
    expect(attachment_write(&web, &failure) == 0 &&
               attachment_remove(web.id, web.network, &failure) == 0,
           "%s", failure.text);
    if (mkdir(folder_path(folder, "cwg-attached/0123abcd+web-db"), 0755) < 0)
        unit_trouble("a directory");
    expect(attachment_write(&web, &failure) < 0, "there is a directory of this name");
    (void)snprintf(name, sizeof(name), "cwg-attached/.0123abcd+web-db.%d", (int)getpid());
    left = access(folder_path(folder, name), F_OK);
    expect(left < 0 && errno == ENOENT, "%s", name);
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

static void expect_untrusted(const char *which)
{
    struct attachment *all = NULL;
    size_t known = 0;

    expect(attachments_read(NULL, &all, &known, &failure) < 0 &&
               strstr(failure.text, "tells nothing") != NULL && known == 0,
           "%s: %s", which, failure.text);
    expect(attachments_check(&failure) < 0, "%s: it was checked", which);
    expect(attachment_write(&web, &failure) < 0, "%s: it was written to", which);
}

TEST(a_directory_that_others_may_write_to_tells_nothing)
{
    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    expect(chmod(folder_path(folder, "cwg-attached"), 0775) == 0, "chmod");
    expect_untrusted("a group");
    expect(chmod(folder_path(folder, "cwg-attached"), 0757) == 0, "chmod");
    expect_untrusted("others");
    expect(chmod(folder_path(folder, "cwg-attached"), 0755) == 0 && count() == 1, "nobody");
    end();
}

static void own(const char *name, uid_t owner)
{
    if (seteuid(0) < 0 || chown(folder_path(folder, name), owner, owner) < 0 || seteuid(NOBODY) < 0)
        unit_trouble(name);
}

TEST_AS_ROOT(what_another_user_tells_counts_if_it_is_root)
{
    static const char name[] = "cwg-attached/0123abcd+web-db";

    begin();
    expect(attachment_write(&web, &failure) == 0, "%s", failure.text);
    own(name, 4242);
    expect(count() == 0, "another user's file");
    own(name, 0);
    expect(count() == 1, "root's file");
    own("cwg-attached", 0);
    expect(count() == 1, "root's directory");
    own("cwg-attached", 4242);
    expect_untrusted("another user's directory");
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
    (void)setenv("XDG_RUNTIME_DIR", "run", 1);
    expect(attachment_directory(path) == 0 && strcmp(path, "/run/cwg-attached") == 0, "%s", path);
    end();
}

/* Takes the folder for the files of a machine. `map` says which user root is outside. */
static void enter_files(uid_t owner, const char *map)
{
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

    enter_files(NOBODY, context);
    (void)unsetenv("XDG_RUNTIME_DIR");
    expect(attachment_directory(path) == 0 && strcmp(path, "/run/user/65534/cwg-attached") == 0,
           "%s", path);
}

static void look_as_lxcs(void *context)
{
    char path[PATH_MAX];

    (void)context;
    enter_files(0, "0 65534 1\n");
    (void)setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
    expect(attachment_directory(path) == 0 && strcmp(path, "/run/cwg-attached") == 0, "%s", path);
}

/* podman's hooks and plugins are in a user namespace with the machine's files, whose root is
 * another; root of a container of LXC has files of its own. */
TEST_AS_ROOT(root_of_a_user_namespace_is_a_machines_if_the_files_are_its_own)
{
    static const char *const maps[] = {"0 65534 1\n", "0 65534 1\n1 100000 65536\n",
                                       "1 100000 65536\n0 65534 1\n"};

    for (size_t i = 0; i < COUNT(maps); i++) {
        folder_make(folder);
        unit_in_child(look_as_podmans, (void *)maps[i]);
        folder_remove(folder);
    }
    folder_make(folder);
    unit_in_child(look_as_lxcs, NULL);
    folder_remove(folder);
}

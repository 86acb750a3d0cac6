#include "cwg/store/store.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE];
static struct store store;
static struct failure failure;
static char line[STORE_LINE_SIZE];

static void begin(void)
{
    folder_make(folder);
    if (store_open(&store, folder, &failure))
        unit_trouble(failure.text);
}

static void end(void)
{
    store_close(&store);
    folder_remove(folder);
}

/* Writes a file past the store. */
static void put(const char *path, const char *text, size_t length)
{
    const int file = openat(store.directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0 || write(file, text, length) != (ssize_t)length || close(file) < 0)
        unit_trouble(path);
}

/* Counts all entries of a directory but "." and "..". */
static int count(const char *path)
{
    char command[FOLDER_SIZE + 64], text[16] = "";
    FILE *stream;

    (void)snprintf(command, sizeof(command), "ls -A %s/%s | wc -l", folder, path);
    stream = popen(command, "re");
    if (!stream || !fgets(text, sizeof(text), stream) || pclose(stream) != 0)
        unit_trouble("ls");
    return atoi(text);
}

TEST(a_line_is_read_as_it_was_written)
{
    static const char *const lines[] = {"x", "", "{\"a\":1}", "with blanks \t and \xff"};
    struct stat status;

    begin();
    expect(store_read(&store, "in/site2/l.0", line, &failure) == 1, "there is one");
    for (size_t i = 0; i < COUNT(lines); i++) {
        expect(store_write(&store, "in/site2/l.0", lines[i], &failure) == 0, "%s", failure.text);
        expect(store_read(&store, "in/site2/l.0", line, &failure) == 0 &&
                   strcmp(line, lines[i]) == 0,
               "%s: %s", lines[i], line);
        expect(store_write_lazily(&store, "in/site3/l.0", lines[i], &failure) == 0, "%s",
               failure.text);
        expect(store_read(&store, "in/site3/l.0", line, &failure) == 0 &&
                   strcmp(line, lines[i]) == 0,
               "%s: %s", lines[i], line);
    }
    expect(count("in/site2") == 1, "%d files", count("in/site2"));
    expect(fstatat(store.directory, "in/site2/l.0", &status, 0) == 0 &&
               (status.st_mode & 07777) == 0600,
           "mode %o", status.st_mode);
    expect(fstatat(store.directory, "in", &status, 0) == 0 && (status.st_mode & 07777) == 0700,
           "mode %o", status.st_mode);
    expect(store_remove(&store, "in/site2/l.0", &failure) == 0 &&
               store_read(&store, "in/site2/l.0", line, &failure) == 1,
           "it is there");
    expect(store_remove(&store, "in/site2/l.0", &failure) == 0, "%s", failure.text);
    end();
}

TEST(a_path_of_something_else_than_names_is_refused)
{
    static const char *const paths[] = {
        "",   ".",  "..",   "/nowhere/x", "../x", "a/../x", "a/..", "a//b",    "a/",
        "/a", ".a", "a/.b", "-a",         "a/-b", "a b",    "a\nb", "a/b\x1b", "in/site2/*"};
    char long_path[STORE_PATH_SIZE + 2];

    begin();
    expect(store_write(&store, "a/b", "x", &failure) == 0, "%s", failure.text);
    for (size_t i = 0; i < COUNT(paths); i++) {
        expect(store_read(&store, paths[i], line, &failure) < 0, "read %s", paths[i]);
        expect(store_write(&store, paths[i], "x", &failure) < 0, "write %s", paths[i]);
        expect(unit_is_printable(failure.text), "%s: %s", paths[i], failure.text);
        expect(store_write_lazily(&store, paths[i], "x", &failure) < 0, "write %s", paths[i]);
        expect(store_remove(&store, paths[i], &failure) < 0, "remove %s", paths[i]);
        expect(!store_list(&store, paths[i], &failure), "list %s", paths[i]);
    }
    for (size_t i = 0; i < sizeof(long_path); i++)
        long_path[i] = i % 2 ? '/' : 'a';
    long_path[STORE_PATH_SIZE + 1] = '\0';
    expect(store_write(&store, long_path, "x", &failure) < 0, "a long path");
    end();
}

TEST(what_is_no_line_is_not_written)
{
    char text[STORE_LINE_SIZE + 1];

    begin();
    expect(store_write(&store, "a", "before", &failure) == 0, "%s", failure.text);
    expect(store_write(&store, "a", "x\ny", &failure) < 0, "two lines");
    memset(text, 'x', sizeof(text));
    text[STORE_LINE_SIZE - 1] = '\0';
    expect(store_write(&store, "a", text, &failure) < 0, "one that couldn't be read again");
    expect(store_read(&store, "a", line, &failure) == 0 && strcmp(line, "before") == 0, "%s", line);
    text[STORE_LINE_SIZE - 2] = '\0';
    expect(store_write(&store, "a", text, &failure) == 0, "%s", failure.text);
    expect(store_read(&store, "a", line, &failure) == 0 && strcmp(line, text) == 0, "the longest");
    end();
}

TEST(what_is_no_file_of_a_line_is_not_read)
{
    char text[STORE_LINE_SIZE];

    begin();
    put("aim", "secret\n", 7);
    expect(symlinkat("aim", store.directory, "link") == 0 &&
               store_read(&store, "link", line, &failure) < 0,
           "a symbolic link was followed");
    expect(symlinkat("nowhere", store.directory, "broken") == 0 &&
               store_read(&store, "broken", line, &failure) < 0,
           "a broken link is none");
    /* Nobody writes to it: a reader that waits would wait forever. */
    expect(mkfifoat(store.directory, "fifo", 0600) == 0 &&
               store_read(&store, "fifo", line, &failure) < 0,
           "a fifo was read");
    expect(mkdirat(store.directory, "folder", 0700) == 0 &&
               store_read(&store, "folder", line, &failure) < 0,
           "a directory was read");
    memset(text, 'x', sizeof(text));
    put("long", text, sizeof(text));
    expect(store_read(&store, "long", line, &failure) < 0 && strstr(failure.text, "remove it"),
           "%s", failure.text);
    put("nul", "a\0b\n", 4);
    expect(store_read(&store, "nul", line, &failure) < 0, "a NUL was read");
    end();
}

TEST(a_symbolic_link_is_replaced_and_not_written_through)
{
    struct stat status;

    begin();
    put("aim", "secret\n", 7);
    if (symlinkat("aim", store.directory, "link") < 0)
        unit_trouble("symlinkat");
    expect(store_write(&store, "link", "x", &failure) == 0, "%s", failure.text);
    expect(fstatat(store.directory, "link", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISREG(status.st_mode),
           "it is no file");
    expect(store_read(&store, "aim", line, &failure) == 0 && strcmp(line, "secret") == 0, "%s",
           line);
    end();
}

TEST(a_line_that_cannot_be_written_leaves_nothing)
{
    begin();
    if (mkdirat(store.directory, "a", 0700) < 0)
        unit_trouble("mkdirat");
    put("a/x", "", 0);
    put("b", "", 0);
    expect(store_write(&store, "a", "x", &failure) < 0 && strstr(failure.text, "can't write a"),
           "%s", failure.text);
    expect(store_write(&store, "b/c", "x", &failure) < 0, "a file is no directory");
    expect(count("") == 2, "%d entries", count(""));
    end();
}

/* Readers find a whole line, whatever two writers do. */
TEST(writers_do_not_mix)
{
    char text[2][3000];
    pid_t child;
    int others = 0;

    begin();
    memset(text[0], 'a', sizeof(text[0]));
    memset(text[1], 'b', sizeof(text[1]));
    text[0][2000] = text[1][2999] = '\0';
    child = fork();
    if (child < 0)
        unit_trouble("fork");
    for (int i = 0; i < 3000; i++) {
        if (store_write_lazily(&store, "l", text[child == 0], &failure) ||
            store_read(&store, "l", line, &failure) ||
            (strcmp(line, text[0]) != 0 && strcmp(line, text[1]) != 0))
            others++;
    }
    if (child == 0)
        _exit(others != 0);
    expect(others == 0, "%d times: %s", others, failure.text);
    expect(waitpid(child, &others, 0) == child && others == 0, "the child");
    expect(count("") == 1, "%d entries", count(""));
    end();
}

TEST(a_list_has_the_names_in_order)
{
    static const char *const names[] = {"l-10.0", "B", "a", "l-1.0"};
    static const char *const expected[] = {"B", "a", "l-1.0", "l-10.0", NULL};
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 3600}, {.tv_sec = time(NULL) - 3600}};
    char path[64];
    char **list;
    size_t i = 0;

    begin();
    list = store_list(&store, "in/site2", &failure);
    expect(list && !list[0], "a directory that isn't there has names");
    free(list);
    for (; i < COUNT(names); i++) {
        (void)snprintf(path, sizeof(path), "in/site2/%s", names[i]);
        if (store_write_lazily(&store, path, "x", &failure))
            unit_trouble(failure.text);
    }
    put("in/site2/-x", "", 0);
    put("in/site2/a b", "", 0);
    put("in/site2/.l-10.0.7", "", 0); /* somebody writes it */
    put("in/site2/.l-10.0.8", "", 0); /* this one had no time to rename it */
    if (utimensat(store.directory, "in/site2/.l-10.0.8", old, 0) < 0)
        unit_trouble("utimensat");
    list = store_list(&store, "in/site2", &failure);
    for (i = 0; list && list[i] && expected[i]; i++)
        expect(strcmp(list[i], expected[i]) == 0, "%zu: %s", i, list[i]);
    expect(list && i == 4 && !list[i], "%zu names", i);
    free(list);
    expect(faccessat(store.directory, "in/site2/.l-10.0.7", F_OK, 0) == 0,
           "a writer's was removed");
    expect(faccessat(store.directory, "in/site2/.l-10.0.8", F_OK, 0) < 0, "what is left stays");
    put("file", "", 0);
    expect(!store_list(&store, "file", &failure), "a file has names");
    end();
}

TEST(a_store_that_cannot_be_opened_says_why)
{
    struct store other;

    begin();
    put("file", "", 0);
    expect(store_open(&other, folder_path(folder, "file/b"), &failure) < 0 &&
               other.directory == -1 && strstr(failure.text, "can't make"),
           "%s", failure.text);
    expect(store_open(&other, folder_path(folder, "file"), &failure) < 0 &&
               strstr(failure.text, "can't open"),
           "%s", failure.text);
    end();
}

/* On a file system of 64 KiB. */
static void fill(void *context)
{
    char text[3000];
    int i = 0;

    (void)context;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("full", folder, "tmpfs", 0, "size=64k") < 0 || store_open(&store, folder, &failure))
        unit_trouble("mount");
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    expect(store_write(&store, "a/l", "before", &failure) == 0, "%s", failure.text);
    for (char path[16]; i < 100; i++) {
        (void)snprintf(path, sizeof(path), "a/l%d", i);
        if (store_write(&store, path, text, &failure))
            break;
    }
    expect(i > 0 && i < 100 && strstr(failure.text, "No space left on device"), "%s", failure.text);
    expect(store_write(&store, "a/l", text, &failure) < 0, "there was room");
    expect(store_read(&store, "a/l", line, &failure) == 0 && strcmp(line, "before") == 0, "%s",
           line);
    expect(count("a") == i + 1, "%d files, not %d", count("a"), i + 1);
}

TEST_AS_ROOT(a_full_disk_keeps_what_was_there)
{
    begin();
    unit_in_child(fill, NULL);
    end();
}

/* A version that is a second old is known again; a younger one may be replaced unnoticed. */
TEST(a_line_that_has_changed_is_seen)
{
    struct store_stamp stamp = {.inode = 0};

    begin();
    expect(store_changed(&store, "want/a", &stamp), "none is there");
    expect(store_write(&store, "want/a", "1", &failure) == 0, "%s", failure.text);
    expect(store_changed(&store, "want/a", &stamp) && store_changed(&store, "want/a", &stamp),
           "it is too young to be known");
    (void)sleep(3);
    expect(store_changed(&store, "want/a", &stamp), "it is seen for the first time");
    expect(!store_changed(&store, "want/a", &stamp), "it is the same");
    expect(store_write(&store, "want/a", "1", &failure) == 0, "%s", failure.text);
    expect(store_changed(&store, "want/a", &stamp), "it was written");
    (void)sleep(3);
    expect(store_changed(&store, "want/a", &stamp) && !store_changed(&store, "want/a", &stamp),
           "it is the same");
    expect(store_remove(&store, "want/a", &failure) == 0, "%s", failure.text);
    expect(store_changed(&store, "want/a", &stamp), "it was removed");
    end();
}

#include "cwg/state/joined.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg_programs.h"
#include "link/link.h"
#include "unit.h"

static struct failure failure;
static char folder[PATH_MAX]; /* of the links */

/* Sets the variables, and makes the folder. */
static void begin(void)
{
    programs_begin();
    (void)setenv("XDG_STATE_HOME", programs_folder(), 1);
    (void)snprintf(folder, sizeof(folder), "%s/cwg", programs_folder());
    if (mkdir(folder, 0700) < 0)
        unit_trouble("mkdir");
}

static void path_of(const char *name, char path[static PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%.4000s/%.90s", folder, name);
}

static void end(void)
{
    static const char *const names[] = {"7.json", "8.json", "8388607.json", "x"};
    char path[PATH_MAX];

    for (size_t i = 0; i < COUNT(names); i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    expect(rmdir(folder) == 0, "the folder has something else");
    programs_end();
}

static void put(const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *file;

    path_of(name, path);
    file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        unit_trouble("fopen");
}

static const struct joined example = {
    .net = 7,
    .when = 1700000000,
    .end = {{.end = {.engine = "pid", .name = "4711"}, .device = "wg-7-0"},
            {.end = {.host = "alice@2001:db8::1%eth0", .engine = "podman", .name = "db"},
             .device = "wg-7-1",
             .key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="}},
};

TEST(what_is_written_is_read)
{
    struct joined joined;
    uint32_t *nets;

    begin();
    expect(joined_read(7, &joined, &failure) == 1, "nothing yet");
    expect(joined_list(&nets, &failure) == 0 && !nets, "none yet");
    expect(joined_write(&example, &failure) == 0, "%s", failure.text);
    memset(&joined, 0, sizeof(joined));
    expect(joined_read(7, &joined, &failure) == 0 && memcmp(&joined, &example, sizeof(joined)) == 0,
           "%s", failure.text);
    joined.net = LINK_NET_MAX;
    expect(joined_write(&joined, &failure) == 0, "%s", failure.text);
    put("x", "");
    expect(joined_list(&nets, &failure) == 2 && nets[0] == 7 && nets[1] == LINK_NET_MAX, "a list");
    free(nets);
    joined_forget(7);
    expect(joined_read(7, &joined, &failure) == 1, "forgotten");
    end();
}

#define GOOD_END     "{\"host\":\"h\",\"engine\":\"pid\",\"name\":\"1\",\"device\":\"wg-7-0\"}"
#define FILE_OF(end) "{\"version\":1,\"net\":7,\"joined\":1,\"ends\":[" end "," GOOD_END "]}"
#define END_OF(host, engine, name, device)                                                         \
    FILE_OF("{\"host\":\"" host "\",\"engine\":\"" engine "\",\"name\":\"" name                    \
            "\",\"device\":\"" device "\"}")

TEST(files_that_somebody_changed)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {FILE_OF(GOOD_END), true},
        {END_OF("", "pid", "1", "wg-7-0"), true},
        {END_OF("u@h", "pid", "1", "wg-7-0"), true},
        {"", false},
        {"{}", false},
        {"[[[[", false},
        {"{\"version\":2,\"net\":7,\"joined\":1,\"ends\":[" GOOD_END "," GOOD_END "]}", false},
        {"{\"version\":1,\"net\":8,\"joined\":1,\"ends\":[" GOOD_END "," GOOD_END "]}", false},
        {"{\"version\":1,\"net\":7,\"joined\":-1,\"ends\":[" GOOD_END "," GOOD_END "]}", false},
        {"{\"version\":1,\"net\":7,\"joined\":1,\"ends\":[" GOOD_END "]}", false},
        {"{\"version\":1,\"net\":7,\"net\":7,\"joined\":1,\"ends\":[" GOOD_END "," GOOD_END "]}",
         false},
        {FILE_OF("7"), false},
        {END_OF("-oProxyCommand=id", "pid", "1", "wg-7-0"), false},
        {END_OF("u@-oProxyCommand=id", "pid", "1", "wg-7-0"), false},
        {END_OF("-x@h", "pid", "1", "wg-7-0"), false},
        {END_OF("h -x", "pid", "1", "wg-7-0"), false},
        {END_OF("h;id", "pid", "1", "wg-7-0"), false},
        {END_OF("h\\u001b[2J", "pid", "1", "wg-7-0"), false},
        {END_OF("h", "\\u001b[2J", "1", "wg-7-0"), false},
        {END_OF("h", "", "1", "wg-7-0"), false},
        {END_OF("h", "pid", "--json", "wg-7-0"), false},
        {END_OF("h", "pid", "../1", "wg-7-0"), false},
        {END_OF("h", "pid", "1", "\\u001b[2J"), false},
        {END_OF("h", "pid", "1", "a-device-with-a-long-name"), false},
    };
    struct joined joined;

    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        put("7.json", cases[i].text);
        expect((joined_read(7, &joined, &failure) == 0) == cases[i].good, "case %zu: %s", i,
               cases[i].text);
    }
    expect(joined_read(7, &joined, &failure) == -1 && strstr(failure.text, "/cwg/7.json"),
           "the whole path is told: %s", failure.text);
    end();
}

TEST(files_that_are_none)
{
    struct joined joined;
    char path[PATH_MAX];

    begin();
    path_of("7.json", path);
    if (mkfifo(path, 0600) < 0)
        unit_trouble("mkfifo");
    expect(joined_read(7, &joined, &failure) == -1, "a fifo isn't waited for");
    (void)unlink(path);
    if (symlink("/dev/zero", path) < 0)
        unit_trouble("symlink");
    expect(joined_read(7, &joined, &failure) == -1, "a link isn't followed");
    (void)unlink(path);
    put("7.json", FILE_OF(GOOD_END));
    if (truncate(path, 1 << 30) < 0)
        unit_trouble("truncate");
    expect(joined_read(7, &joined, &failure) == -1, "a gigabyte");
    expect(joined_write(&example, &failure) == 0 && joined_read(7, &joined, &failure) == 0,
           "is replaced: %s", failure.text);
    end();
}

TEST(names_of_files)
{
    static const char *const names[] = {"07.json",
                                        "-1.json",
                                        "8388608.json",
                                        "7.json.1",
                                        ".json",
                                        "7",
                                        "99999999999999999999.json"};
    uint32_t *nets;

    begin();
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[PATH_MAX];

        put(names[i], "");
        expect(joined_list(&nets, &failure) == 0, "%s", names[i]);
        free(nets);
        path_of(names[i], path);
        (void)unlink(path);
    }
    end();
}

TEST(places)
{
    char path[PATH_MAX], long_path[PATH_MAX + 8];
    uint32_t *nets;
    struct joined joined;

    programs_begin();
    (void)unsetenv("XDG_STATE_HOME");
    (void)unsetenv("HOME");
    expect(joined_write(&example, &failure) == -1 && failure_is(&failure, "state"), "none");
    expect(joined_list(&nets, &failure) == -1 && joined_read(7, &joined, &failure) == -1, "none");
    joined_forget(7);
    (void)setenv("XDG_STATE_HOME", "relative", 1);
    expect(joined_write(&example, &failure) == -1, "a relative one is none");
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[0] = '/';
    long_path[sizeof(long_path) - 1] = '\0';
    (void)setenv("XDG_STATE_HOME", long_path, 1);
    expect(joined_write(&example, &failure) == -1 && strstr(failure.text, "too long"), "%s",
           failure.text);
    (void)setenv("XDG_STATE_HOME", "relative", 1);
    (void)snprintf(path, sizeof(path), "%s/home", programs_folder());
    (void)setenv("HOME", path, 1);
    expect(joined_list(&nets, &failure) == 0, "nothing there yet");
    expect(joined_write(&example, &failure) == 0, "%s", failure.text);
    (void)snprintf(folder, sizeof(folder), "%.4000s/.local/state/cwg", path);
    expect(joined_read(7, &joined, &failure) == 0 && access(folder, F_OK) == 0, "below HOME");
    joined_forget(7);
    for (int i = 0; i < 4; i++) { /* cwg, state, .local and home */
        expect(rmdir(folder) == 0, "%s", folder);
        *strrchr(folder, '/') = '\0';
    }
    programs_end();
}

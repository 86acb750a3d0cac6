#include "cwg/store/folders.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE];
static struct store store;
static struct folders folders;
static struct failure failure;
static char told[4096]; /* "want/a in/s2/b" */

static void tell(void *owner, const char *of, const char *name)
{
    const size_t length = strlen(told);

    expect(owner == &told && !of == !name, "another owner");
    (void)snprintf(told + length, sizeof(told) - length, "%s%s/%s", length ? " " : "",
                   of ? of : "lost", name ? name : "");
    if (of && strcmp(of, "in") == 0)
        expect(folders_watch(&folders, "in/s2", IN_MOVED_TO) == 0, "in/s2");
}

/* Returns what has changed since the last call. */
static const char *read_all(void)
{
    told[0] = '\0';
    folders_read(&folders, tell, &told);
    return told;
}

static void begin(void)
{
    folder_make(folder);
    if (store_open(&store, folder_path(folder, "store"), &failure) ||
        folders_open(&folders, &store, folder_path(folder, "store"), &failure))
        unit_trouble(failure.text);
}

static void end(void)
{
    folders_close(&folders);
    store_close(&store);
    folder_remove(folder);
}

static void put(const char *path)
{
    if (store_write_lazily(&store, path, "x", &failure))
        unit_trouble(failure.text);
}

TEST(what_changes_is_told_by_its_folder)
{
    begin();
    expect(folders_watch(&folders, "want", IN_MOVED_TO | IN_DELETE) == 0, "want");
    expect(folders_watch(&folders, "in", IN_CREATE) == 0, "in");
    expect(folders_watch(&folders, "want", IN_MOVED_TO | IN_DELETE) == 0, "want, again");
    expect(folders.count == 2, "%zu folders", folders.count);
    expect(strcmp(read_all(), "") == 0, "%s", told);
    put("want/a");
    put("site/b"); /* nobody watches it */
    put("want/e");
    expect(strcmp(read_all(), "want/a want/e") == 0, "%s", told);
    expect(store_remove(&store, "want/a", &failure) == 0 && strcmp(read_all(), "want/a") == 0, "%s",
           told);
    /* Whoever hears of a folder watches it. */
    put("in/s2/c");
    expect(strcmp(read_all(), "in/s2") == 0, "%s", told);
    put("in/s2/d");
    expect(strcmp(read_all(), "in/s2/d") == 0, "%s", told);
    end();
}

TEST(another_directory_has_no_name)
{
    begin();
    expect(folders_watch_other(&folders, folder, IN_CREATE) == 0, "%s", folder);
    if (mkdir(folder_path(folder, "key"), 0700) < 0)
        unit_trouble("mkdir");
    expect(strcmp(read_all(), "/key") == 0, "%s", told);
    expect(folders_watch_other(&folders, folder_path(folder, "none"), IN_CREATE) < 0, "none");
    end();
}

TEST(a_folder_that_goes_is_a_change_that_is_lost)
{
    begin();
    expect(folders_watch(&folders, "want", IN_MOVED_TO) == 0, "want");
    if (rmdir(folder_path(folder, "store/want")) < 0)
        unit_trouble("rmdir");
    expect(strcmp(read_all(), "lost/") == 0, "%s", told);
    expect(folders_watch(&folders, "want", IN_MOVED_TO) == 0, "want, again");
    put("want/a");
    expect(strcmp(read_all(), "want/a") == 0, "%s", told);
    end();
}

TEST(a_store_that_is_not_open_can_be_closed)
{
    struct folders none = {.store = NULL};

    if (fcntl(0, F_GETFD) < 0)
        unit_trouble("no standard input");
    folders_close(&none);
    expect(fcntl(0, F_GETFD) >= 0, "a descriptor was closed that isn't its own");
}

/* Whether a site calls, as several programs see it at once. */
#include "cwg/store/caller.h"

#include <sys/wait.h>
#include <unistd.h>

#include "cwg_folder.h"
#include "unit.h"

enum {
    LOOKS = 20000,
};

static char folder[FOLDER_SIZE];
static struct store store;
static struct failure failure;

static void begin(void)
{
    folder_make(folder);
    if (store_open(&store, folder, &failure) ||
        store_write(&store, "out/s2/web-db.0", "{}", &failure))
        unit_trouble("store");
}

static void end(void)
{
    store_close(&store);
    folder_remove(folder);
}

/* Looks often. Returns how often the site was there. */
static int look(void)
{
    int there = 0;

    for (int i = 0; i < LOOKS; i++)
        there += caller_is_there(&store, "s2");
    return there;
}

TEST(two_who_look_at_once_are_no_session_to_each_other)
{
    int there, status = 0;
    pid_t other;

    begin();
    other = fork();
    if (other == 0)
        _exit(look() > 0);
    there = look();
    expect(other > 0 && waitpid(other, &status, 0) == other, "the other one");
    expect(there == 0 && status == 0, "there: %d times; the other one has %x", there,
           (unsigned)status);
    end();
}

TEST(a_site_is_there_until_the_last_of_its_sessions_ends)
{
    struct caller first, second;

    begin();
    expect(!caller_is_there(&store, "s2") && !caller_is_there(&store, "s3"), "nobody has called");
    expect(caller_open(&first, &store, "s3", "", &failure) == -1, "no folder");
    expect(caller_open(&first, &store, "s2", "", &failure) == 0 &&
               caller_open(&second, &store, "s2", "", &failure) == 0,
           "%s", failure.text);
    caller_close(&first);
    expect(caller_is_there(&store, "s2"), "the second one lasts");
    caller_close(&second);
    expect(!caller_is_there(&store, "s2"), "both have ended");
    end();
}

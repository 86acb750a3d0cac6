#include "cwg/store/caller.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cwg/base/clock.h"

static int open_folder(const struct store *store, const char *site)
{
    char folder[STORE_PATH_SIZE];

    (void)snprintf(folder, sizeof(folder), "out/%.63s", site);
    return openat(store->directory, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void tell(struct caller *caller)
{
    const int64_t ago = (clock_now() - caller->heard) / 1000;
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];
    json_t *packed =
        json_pack("{s:s,s:s,s:I,s:I}", "site", caller->site, "from", caller->from, "since",
                  (json_int_t)caller->since, "heard", (json_int_t)((int64_t)time(NULL) - ago));
    char *line = packed ? json_dumps(packed, JSON_COMPACT) : NULL;

    (void)snprintf(path, sizeof(path), "caller/%.63s", caller->site);
    if (line)
        (void)store_write_lazily(caller->store, path, line, &failure);
    free(line);
    json_decref(packed);
    caller->told = caller->heard;
    caller->told_due = clock_now() + CALLER_TELL_MS;
}

int caller_open(struct caller *caller, const struct store *store, const char *site,
                const char *from, struct failure *failure)
{
    const struct flock lasting = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    *caller = (struct caller){.store = store, .since = (int64_t)time(NULL)};
    (void)snprintf(caller->site, sizeof(caller->site), "%.63s", site);
    (void)snprintf(caller->from, sizeof(caller->from), "%.63s", from);
    caller->lock = open_folder(store, site);
    if (caller->lock >= 0 && fcntl(caller->lock, F_OFD_SETLK, &lasting) < 0) {
        close(caller->lock);
        caller->lock = -1;
    }
    return caller->lock < 0 ? fail(failure, "store", "can't lock out/%.63s", site) : 0;
}

void caller_hear(struct caller *caller, int64_t heard)
{
    caller->heard = heard;
    if (heard != caller->told && clock_now() >= caller->told_due)
        tell(caller);
}

void caller_close(struct caller *caller)
{
    if (caller->heard != caller->told)
        tell(caller);
    close(caller->lock);
}

/* Asks for the lock, and takes none: two who ask at once would be a session to each other. */
bool caller_is_there(const struct store *store, const char *site)
{
    struct flock session = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const int folder = open_folder(store, site);
    const bool there =
        folder >= 0 && fcntl(folder, F_OFD_GETLK, &session) == 0 && session.l_type != F_UNLCK;

    if (folder >= 0)
        close(folder);
    return there;
}

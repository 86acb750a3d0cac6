#include "cwg/serve/session.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/agent/settings/self.h"
#include "cwg/store/declare.h"

void session_begin(struct session *session, int client)
{
    session->probe = -1;
    (void)helper_start(&session->helper, client, &session->helper_failure);
}

int session_need_helper(const struct session *session, struct failure *failure)
{
    if (!session->helper_failure.text[0])
        return 0;
    *failure = session->helper_failure;
    return -1;
}

/* Is it the container that was found before? A name may have become that of another process, or of
 * another namespace. */
static bool is_same(const struct container *known, const struct container *found)
{
    struct stat before, now;

    if (strcmp(known->engine, found->engine) != 0 || strcmp(known->name, found->name) != 0 ||
        known->pid != found->pid)
        return false;
    if (known->pid)
        return container_lives(known);
    return fstat(known->netns, &before) == 0 && fstat(found->netns, &now) == 0 &&
           before.st_dev == now.st_dev && before.st_ino == now.st_ino;
}

int session_find(struct session *session, const char *engine, const char *name,
                 struct failure *failure)
{
    struct container found;

    if (container_find(engine, name, &found, failure))
        return -1;
    for (size_t i = 0; i < session->container_count; i++) {
        if (is_same(&session->containers[i], &found)) {
            container_close(&found);
            return (int)i;
        }
    }
    if (session->container_count == SESSION_CONTAINERS_MAX) {
        container_close(&found);
        return fail(failure, "limit", "too many containers in one session");
    }
    session->containers[session->container_count] = found;
    return (int)session->container_count++;
}

pid_t session_start_scratch(struct session *session, struct failure *failure)
{
    struct scratch *scratch = &session->scratches[session->scratch_count];

    if (session->scratch_count == SESSION_SCRATCHES_MAX)
        return fail(failure, "limit", "too many scratch processes in one session");
    if (scratch_start(scratch, failure))
        return -1;
    session->scratch_count++;
    return scratch->pid;
}

/* An agent that has seen a want already must not take its end away: it may have been there before,
 * and if not, the helper removes it. */
static int undo_one(const struct store *store, const struct session_kept *kept,
                    struct failure *failure)
{
    char line[STORE_LINE_SIZE];

    if (kept->was_there)
        return store_write(store, kept->path, kept->before, failure);
    if (strncmp(kept->path, "want/", strlen("want/")) == 0 &&
        store_read(store, kept->path, line, failure) == 0)
        return declare_release_end(store, kept->path, line, failure);
    return store_remove(store, kept->path, failure);
}

/* Gives the agent's store back what it had. Returns 0, or -1 if something may be left. */
static int undo_kept(struct session *session)
{
    struct failure failure = {.text = ""};
    struct self self;
    int error = 0;

    if (session->kept_count == 0)
        return 0;
    if (self_open(NULL, &self, &failure))
        return -1;
    while (session->kept_count > 0) {
        const struct session_kept *kept = &session->kept[--session->kept_count];

        error |= undo_one(&self.store, kept, &failure);
    }
    self_close(&self);
    return error;
}

int session_end(struct session *session)
{
    struct failure failure = {.text = ""};
    /* First, or else an agent makes the link again. */
    const int undone = undo_kept(session);
    /* The client's end may be the end of its reader as well, so nothing is said any more. */
    int error = helper_end(&session->helper, &failure);

    for (size_t i = 0; i < session->container_count; i++)
        container_close(&session->containers[i]);
    while (session->scratch_count > 0)
        scratch_end(&session->scratches[--session->scratch_count]);
    if (session->probe >= 0)
        close(session->probe);
    return error ? error : undone;
}

#include "cwg/container/attached.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cwg/container/attachment.h"
#include "cwg/container/cgroup.h"
#include "cwg/container/engines.h"
#include "cwg/container/netns.h"
#include "cwg/container/reading.h"

/* What a directory tells, the last first. */
struct telling {
    struct attachment *all;
    struct cgroup_member *members; /* the processes of those that are meant */
    size_t count;
};

static int compare(const void *left, const void *right)
{
    const struct timespec *a = &((const struct attachment *)left)->told;
    const struct timespec *b = &((const struct attachment *)right)->told;

    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? 1 : -1;
    return (a->tv_nsec < b->tv_nsec) - (a->tv_nsec > b->tv_nsec);
}

static void free_telling(struct telling *telling)
{
    free(telling->all);
    free(telling->members);
}

/* Returns 0, or -1 with a failure; the first one of a look stays. */
static int read_telling(const char *path, struct telling *ret_telling, struct failure *failure)
{
    struct failure other = {.text = ""};
    int error;

    *ret_telling = (struct telling){.all = NULL};
    failure = failure->text[0] ? &other : failure;
    error = attachments_read(path, &ret_telling->all, &ret_telling->count, failure);
    if (!error)
        ret_telling->members = calloc(ret_telling->count + 1, sizeof(*ret_telling->members));
    if (!error && !ret_telling->members)
        error = fail_errno(failure, ENOMEM, "can't look for containers");
    if (error)
        free_telling(ret_telling);
    else if (ret_telling->count > 0)
        qsort(ret_telling->all, ret_telling->count, sizeof(*ret_telling->all), compare);
    return error;
}

/* Is it the container that an open question is for? */
static bool is_meant(const struct attachment *attachment, const char *engine,
                     const struct container_answer *answer)
{
    return answer->error > 0 && strcmp(attachment->engine, engine) == 0 &&
           strcmp(attachment->name, answer->name) == 0;
}

/* Finds the processes of the containers that are meant: for this all processes are looked at.
 * Returns false if none is meant. */
static bool find_processes(struct telling *telling, const char *engine,
                           const struct container_answer *answers, size_t count)
{
    bool meant = false;

    for (size_t i = 0; i < telling->count; i++) {
        struct cgroup_member *member = &telling->members[i];

        member->id = "";
        for (size_t j = 0; j < count && !member->id[0]; j++) {
            if (is_meant(&telling->all[i], engine, &answers[j]))
                member->id = telling->all[i].id;
        }
        meant |= member->id[0] != '\0';
    }
    if (meant)
        cgroup_find(telling->members, telling->count);
    return meant;
}

/* Opens what the container is in. Before its number was opened, a process may have gone, and the
 * number be another's. Returns false if there is nothing. */
static bool open_container(const struct attachment *attachment, pid_t pid, bool by_process,
                           struct container *container)
{
    if (pid > 0) {
        container->pid = pid;
        container->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (container->pidfd >= 0 && cgroup_has(attachment->id, pid))
            return true;
        container_close(container);
        return false;
    }
    if (!attachment->netns[0] || by_process)
        return false;
    reading_keep(container->file, sizeof(container->file), attachment->netns);
    container->netns = netns_open(attachment->netns);
    return container->netns >= 0;
}

/* Answers with a process, or with a namespace's file. Returns whether there is one. */
static bool answer_with(const struct attachment *attachment, pid_t pid,
                        struct container_answer *answer)
{
    struct container found = {.pidfd = -1, .netns = -1};

    if (!open_container(attachment, pid, answer->by_process, &found))
        return false;
    reading_keep(found.id, sizeof(found.id), attachment->id);
    answer->container = found;
    answer->error = 0;
    return true;
}

/* A process counts before a file: of two containers of a name, one may be on its way out. */
static size_t answer_from(const char *path, const char *engine, struct container_answer *answers,
                          size_t count, struct failure *trouble)
{
    struct telling telling;
    size_t answered = 0;

    if (read_telling(path, &telling, trouble))
        return 0;
    if (!find_processes(&telling, engine, answers, count)) {
        free_telling(&telling);
        return 0;
    }
    for (int by_file = 0; by_file < 2; by_file++) {
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < telling.count; j++) {
                const pid_t pid = telling.members[j].pid;

                if (is_meant(&telling.all[j], engine, &answers[i]) && (pid == 0) == by_file)
                    answered += answer_with(&telling.all[j], pid, &answers[i]);
            }
        }
    }
    free_telling(&telling);
    return answered;
}

/* Have root's plugins another directory than this user's? */
static bool is_apart(void)
{
    char own[PATH_MAX];

    return attachment_directory(own) != 0 || strcmp(own, ATTACHMENT_SYSTEM_DIRECTORY) != 0;
}

/* Does root's directory tell a user of this engine's containers? The program of an engine tells
 * each user of the user's own, and root's of a name are others. */
static bool is_shared(const struct engine *engine)
{
    return !engine->command;
}

size_t attached_answer(const struct engine *engine, struct container_answer *answers, size_t count,
                       struct failure *ret_trouble)
{
    size_t answered = 0;

    ret_trouble->text[0] = '\0';
    if (!engine->has_plugins)
        return 0;
    answered = answer_from(NULL, engine->name, answers, count, ret_trouble);
    if (answered < count && is_shared(engine) && is_apart())
        answered +=
            answer_from(ATTACHMENT_SYSTEM_DIRECTORY, engine->name, answers, count, ret_trouble);
    return answered;
}

/* Adds an end, unless it is there. Returns the number of all, or -1 without memory. */
static int add_end(const struct attachment *attachment, struct end **ends, int count)
{
    struct end *more;

    for (int i = 0; i < count; i++) {
        if (strcmp((*ends)[i].engine, attachment->engine) == 0 &&
            strcmp((*ends)[i].name, attachment->name) == 0)
            return count;
    }
    more = reallocarray(*ends, (size_t)count + 1, sizeof(**ends));
    if (!more)
        return -1;
    *ends = more;
    more[count] = (struct end){.host = ""};
    reading_keep(more[count].engine, END_ENGINE_SIZE, attachment->engine);
    reading_keep(more[count].name, END_NAME_SIZE, attachment->name);
    return count + 1;
}

/* Adds the ends of those that are there now, of all engines or of the shared ones. Returns the
 * number of all, or -1 without memory. */
static int add_there(struct telling *telling, bool shared, struct end **ends, int count)
{
    for (size_t i = 0; i < telling->count; i++) {
        const struct engine *engine = engine_by_name(telling->all[i].engine);
        const bool counts = engine && engine->has_plugins && (!shared || is_shared(engine));

        telling->members[i].id = counts ? telling->all[i].id : "";
    }
    if (telling->count > 0)
        cgroup_find(telling->members, telling->count);
    for (size_t i = 0; i < telling->count && count >= 0; i++) {
        const struct cgroup_member *member = &telling->members[i];
        struct container found = {.pidfd = -1, .netns = -1};

        if (member->id[0] && open_container(&telling->all[i], member->pid, false, &found))
            count = add_end(&telling->all[i], ends, count);
        container_close(&found);
    }
    return count;
}

int attached_list(struct end **ends, int count, struct failure *ret_trouble,
                  struct failure *failure)
{
    const char *const paths[] = {NULL, ATTACHMENT_SYSTEM_DIRECTORY};

    ret_trouble->text[0] = '\0';
    for (size_t i = 0; i < (is_apart() ? 2 : 1) && count >= 0; i++) {
        struct telling telling;

        if (read_telling(paths[i], &telling, ret_trouble))
            continue;
        count = add_there(&telling, i > 0, ends, count);
        free_telling(&telling);
    }
    return count < 0 ? fail_errno(failure, ENOMEM, "can't list containers") : count;
}

#include "cwg/container/container.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cwg/base/program.h"
#include "cwg/container/engines.h"
#include "cwg/container/reading.h"

/* An engine that lists nothing. */
#define NO_NETNS "there is no /run/netns/"

static const struct engine *engine_by_name(const char *name)
{
    for (size_t i = 0; i < engine_count; i++) {
        if (strcmp(engines[i].name, name) == 0)
            return &engines[i];
    }
    return NULL;
}

void container_engines(char *ret_text, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < engine_count && length < size; i++)
        length += (size_t)snprintf(ret_text + length, size - length, "%s%s", i ? ", " : "",
                                   engines[i].name);
}

/* Asks one engine. Returns as engine->find does. */
static int ask(const struct engine *engine, const char *name, struct container *ret_container,
               struct failure *failure)
{
    struct container container = {.pidfd = -1, .netns = -1};
    int found = engine->find(engine, name, &container, failure);

    if (!container.engine[0])
        (void)snprintf(container.engine, sizeof(container.engine), "%s", engine->name);
    if (!container.name[0])
        (void)snprintf(container.name, sizeof(container.name), "%s", name);
    if (found == 0)
        *ret_container = container;
    return found;
}

/* A question to one engine, asked by a thread: engines' programs take tens of milliseconds each. */
struct question {
    const struct engine *engine;
    const char *name;
    pthread_t thread;
    bool asked;
    int result; /* as engine->find() has it */
    struct container container;
    struct failure failure;
};

static void *run_question(void *context)
{
    struct question *question = context;

    question->result =
        ask(question->engine, question->name, &question->container, &question->failure);
    return NULL;
}

/* Asks all engines that are asked without being named, at once. */
static void ask_at_once(struct question questions[ENGINES_MAX], const char *name)
{
    for (size_t i = 0; i < engine_count; i++) {
        struct question *question = &questions[i];

        *question = (struct question){.engine = &engines[i], .name = name, .result = 1};
        if (engines[i].named_only)
            continue;
        question->asked = pthread_create(&question->thread, NULL, run_question, question) == 0;
        if (!question->asked)
            (void)run_question(question);
    }
    for (size_t i = 0; i < engine_count; i++) {
        if (questions[i].asked)
            (void)pthread_join(questions[i].thread, NULL);
    }
}

static int fail_ambiguous(const struct container *a, const struct container *b, const char *name,
                          struct failure *failure)
{
    return fail(failure, "ambiguous", "two containers are called %s: %s/%s and %s/%s; name one",
                name, a->engine, a->name, b->engine, b->name);
}

/* No engine has the container. An engine that couldn't be asked may have it. */
static int fail_none(const struct question questions[ENGINES_MAX], const char *name,
                     struct failure *failure)
{
    size_t troubles = 0;

    for (size_t i = 0; i < engine_count; i++) {
        if (questions[i].result < 0 && failure_is(&questions[i].failure, "not-running")) {
            *failure = questions[i].failure;
            return -1;
        }
    }
    fail(failure, "no-such-container", "no container is called %s", name);
    for (size_t i = 0; i < engine_count; i++) {
        if (questions[i].result < 0)
            failure_add(failure, "%s%s", troubles++ ? ", " : " (", engines[i].name);
    }
    if (troubles)
        failure_add(failure, " couldn't be asked)");
    return -1;
}

/* Asks the engines that are installed. Failures of engines count only if none has the container. */
static int ask_all(const char *name, struct container *ret_container, struct failure *failure)
{
    struct question questions[ENGINES_MAX];
    const struct container *found = NULL;

    ask_at_once(questions, name);
    for (size_t i = 0; i < engine_count; i++) {
        const struct container *container = &questions[i].container;

        /* podman may be called docker as well: that is one container. */
        if (questions[i].result == 0 && found && found->pid != container->pid)
            return fail_ambiguous(found, container, name, failure);
        if (questions[i].result == 0 && !found)
            found = container;
    }
    if (!found)
        return fail_none(questions, name, failure);
    *ret_container = *found;
    return 0;
}

static int open_pidfd(struct container *container, struct failure *failure)
{
    container->pidfd = (int)syscall(SYS_pidfd_open, container->pid, 0);
    if (container->pidfd >= 0)
        return 0;
    return fail(failure, "not-running", "%s/%s: process %d isn't there (%s); start it first",
                container->engine, container->name, container->pid, strerror(errno));
}

/* Without its program nothing is known of an engine's containers. */
static bool is_installed(const struct engine *engine)
{
    char path[PROGRAM_PATH_SIZE];

    return !engine->command || program_find(engine->command[0], path) != -ENOENT;
}

int container_find(const char *engine_name, const char *name, struct container *ret_container,
                   struct failure *failure)
{
    const struct engine *engine = engine_name[0] ? engine_by_name(engine_name) : NULL;
    int found;

    if (engine_name[0] && !engine) {
        char words[256];

        container_engines(words, sizeof(words));
        return fail(failure, "usage", "ENGINE can't be %s; it is one of %s", engine_name, words);
    }
    found =
        engine ? ask(engine, name, ret_container, failure) : ask_all(name, ret_container, failure);
    if (engine && found > 0 && !is_installed(engine))
        return fail(failure, "engine", "%s isn't installed, or %s isn't in PATH", engine->name,
                    engine->command[0]);
    if (engine && found > 0)
        return fail(failure, "no-such-container",
                    engine->command ? "%s has no container %s" : NO_NETNS "%.0s%s", engine->name,
                    name);
    if (found < 0 || ret_container->netns >= 0)
        return found;
    return open_pidfd(ret_container, failure);
}

void container_add_remedy(const char *host, struct failure *failure)
{
    if (!failure_is(failure, "no-such-container") || strstr(failure->text, NO_NETNS))
        return;
    if (host[0])
        failure_add(failure, ": `ssh %s cwg ps`", host);
    else
        failure_add(failure, ": cwg ps");
    failure_add(failure, " lists those that you may see; or give the container's pid: pid/1234");
}

void container_close(struct container *container)
{
    if (container->pidfd >= 0)
        close(container->pidfd);
    if (container->netns >= 0)
        close(container->netns);
    container->pidfd = container->netns = -1;
}

static bool is_named(const struct container *container)
{
    struct stat held, named;
    char path[sizeof(NETNS_DIRECTORY) + END_NAME_SIZE];

    (void)snprintf(path, sizeof(path), NETNS_DIRECTORY "/%s", container->name);
    return fstat(container->netns, &held) == 0 && stat(path, &named) == 0 &&
           held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

bool container_lives(const struct container *container)
{
    struct pollfd ended = {.fd = container->pidfd, .events = POLLIN};

    return container->pid == 0 || poll(&ended, 1, 0) == 0;
}

bool container_is_current(const struct container *container)
{
    return container->pid == 0 ? is_named(container) : container_lives(container);
}

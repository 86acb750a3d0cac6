#include "cwg/container/container.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cwg/base/program.h"
#include "cwg/container/attached.h"
#include "cwg/container/engines.h"
#include "cwg/container/netns.h"
#include "cwg/container/reading.h"

/* An engine that lists nothing. */
#define NO_NETNS "there is no /run/netns/"

void container_engines(char *ret_text, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < engine_count && length < size; i++)
        length += (size_t)snprintf(ret_text + length, size - length, "%s%s", i ? ", " : "",
                                   engines[i].name);
}

static void begin_answer(struct container_answer *answer, const struct container_answer *question)
{
    *answer = (struct container_answer){.name = question->name,
                                        .by_process = question->by_process,
                                        .error = 1,
                                        .container = {.pidfd = -1, .netns = -1}};
}

/* Not each engine tells its containers' names. */
static void name_container(const struct engine *engine, struct container_answer *answer)
{
    struct container *container = &answer->container;

    if (!container->engine[0])
        (void)snprintf(container->engine, sizeof(container->engine), "%s", engine->name);
    if (!container->name[0])
        (void)snprintf(container->name, sizeof(container->name), "%s", answer->name);
}

/* Questions to one engine, asked by a thread: engines' programs take tens of milliseconds each. */
struct question {
    const struct engine *engine;
    struct container_answer *answers;
    size_t count;
    pthread_t thread;
    bool asked;
};

static void ask_engine(const struct engine *engine, struct container_answer *answers, size_t count)
{
    if (count > 1)
        engine_find_all(engine, answers, count);
    else if (count == 1)
        answers->error =
            engine->find(engine, answers->name, &answers->container, &answers->failure);
}

/* Asks the engine for those of which no attachment tells. */
static void ask_for_rest(struct question *question)
{
    struct container_answer *rest = calloc(question->count, sizeof(*rest));
    size_t left = 0, next = 0;

    for (size_t i = 0; i < question->count; i++) {
        struct container_answer *answer = &question->answers[i];

        if (answer->error && rest)
            rest[left++] = *answer;
        else if (answer->error)
            answer->error = fail_errno(&answer->failure, ENOMEM, "can't ask an engine");
    }
    ask_engine(question->engine, rest, left);
    for (size_t i = 0; i < question->count && next < left; i++) {
        if (question->answers[i].error)
            question->answers[i] = rest[next++];
    }
    free(rest);
}

static void *run_question(void *context)
{
    struct question *question = context;
    struct failure trouble;

    if (attached_answer(question->engine, question->answers, question->count, &trouble) == 0)
        ask_engine(question->engine, question->answers, question->count);
    else
        ask_for_rest(question);
    for (size_t i = 0; i < question->count; i++) {
        struct container_answer *answer = &question->answers[i];

        if (answer->error > 0 && trouble.text[0]) { /* one that can't be read of isn't absent */
            answer->failure = trouble;
            answer->error = -1;
        }
        name_container(question->engine, answer);
    }
    return NULL;
}

/* Asks all engines that are asked without being named, at once: row E of `answers` is for engine E.
 */
static void ask_at_once(struct container_answer *answers, size_t count)
{
    struct question questions[ENGINES_MAX];

    for (size_t i = 0; i < engine_count; i++) {
        struct question *question = &questions[i];

        *question = (struct question){
            .engine = &engines[i], .answers = &answers[i * count], .count = count};
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

/* Returns the failure of this class that an engine has, or NULL. */
static const struct failure *find_failure(const struct container_answer *answers, size_t step,
                                          const char *code)
{
    for (size_t i = 0; i < engine_count; i++) {
        const struct container_answer *answer = &answers[i * step];

        if (answer->error < 0 && failure_is(&answer->failure, code))
            return &answer->failure;
    }
    return NULL;
}

/* No engine has the container. An engine that couldn't be asked may have it. Answer E * `step` is
 * engine E's. */
static int fail_none(const struct container_answer *answers, size_t step, struct failure *failure)
{
    const struct failure *known = find_failure(answers, step, "not-running");
    size_t troubles = 0;

    if (!known) /* this machine couldn't look */
        known = find_failure(answers, step, "system");
    if (known) {
        *failure = *known;
        return -1;
    }
    fail(failure, "no-such-container", "no container is called %s", answers->name);
    for (size_t i = 0; i < engine_count; i++) {
        const struct container_answer *answer = &answers[i * step];

        if (answer->error < 0)
            failure_add(failure, "%s%s %s", troubles++ ? ", " : " (", engines[i].name,
                        failure_is(&answer->failure, ENGINE_SILENT) ? "doesn't answer"
                                                                    : "couldn't be asked");
    }
    if (troubles)
        failure_add(failure, ")");
    return -1;
}

/* podman may be called docker as well: that is one container. */
static bool is_same(const struct container *a, const struct container *b)
{
    return a->pid == b->pid && (a->pid != 0 || strcmp(a->file, b->file) == 0);
}

/* Failures of engines count only if none has the container. The answers that aren't chosen are
 * closed. */
static int choose(struct container_answer *answers, size_t step, struct container *ret_container,
                  struct failure *failure)
{
    struct container *found = NULL;
    int error = 0;

    for (size_t i = 0; i < engine_count; i++) {
        struct container_answer *answer = &answers[i * step];

        if (answer->error != 0)
            continue;
        if (found && !error && !is_same(found, &answer->container))
            error = fail_ambiguous(found, &answer->container, answer->name, failure);
        if (found)
            container_close(&answer->container);
        else
            found = &answer->container;
    }
    if (!found)
        return fail_none(answers, step, failure);
    if (error)
        container_close(found);
    else
        *ret_container = *found;
    return error;
}

/* Asks the engines that are installed. */
static void ask_all(struct container_answer *answers, size_t count)
{
    struct container_answer *rows = malloc(engine_count * count * sizeof(*rows));

    for (size_t i = 0; rows && i < engine_count * count; i++)
        begin_answer(&rows[i], &answers[i % count]);
    if (rows)
        ask_at_once(rows, count);
    for (size_t i = 0; i < count; i++) {
        struct container_answer *answer = &answers[i];

        answer->error = rows ? choose(&rows[i], count, &answer->container, &answer->failure)
                             : fail_errno(&answer->failure, ENOMEM, "can't ask the engines");
    }
    free(rows);
}

static int open_pidfd(struct container *container, struct failure *failure)
{
    if (container->pidfd < 0)
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

static void fail_engine_name(const char *name, struct container_answer *answers, size_t count)
{
    char words[256];

    container_engines(words, sizeof(words));
    for (size_t i = 0; i < count; i++)
        answers[i].error =
            fail(&answers[i].failure, "usage", "ENGINE can't be %s; it is one of %s", name, words);
}

/* Makes an answer of what an engine says: with a descriptor, or a failure. */
static void finish(const struct engine *engine, bool installed, struct container_answer *answer)
{
    const bool is_netns = engine && strcmp(engine->name, "netns") == 0;

    if (engine && answer->error > 0 && !installed)
        answer->error =
            fail(&answer->failure, "no-engine", "%s isn't installed, or %s isn't in PATH",
                 engine->name, engine->command[0]);
    else if (engine && answer->error > 0)
        answer->error = fail(&answer->failure, "no-such-container",
                             is_netns ? NO_NETNS "%.0s%s" : "%s has no container %s", engine->name,
                             answer->name);
    else if (answer->error == 0 && answer->container.netns < 0)
        answer->error = open_pidfd(&answer->container, &answer->failure);
}

void container_find_all(const char *engine_name, struct container_answer *answers, size_t count)
{
    const struct engine *engine = engine_name[0] ? engine_by_name(engine_name) : NULL;
    bool installed;

    for (size_t i = 0; i < count; i++)
        begin_answer(&answers[i], &answers[i]);
    if (engine_name[0] && !engine) {
        fail_engine_name(engine_name, answers, count);
        return;
    }
    if (engine)
        (void)run_question(
            &(struct question){.engine = engine, .answers = answers, .count = count});
    else
        ask_all(answers, count);
    installed = !engine || is_installed(engine);
    for (size_t i = 0; i < count; i++)
        finish(engine, installed, &answers[i]);
}

bool container_asks_one(const char *engine_name)
{
    const struct engine *engine = engine_name[0] ? engine_by_name(engine_name) : NULL;

    return engine && engine->command && !engine->many && !engine->listed_by_name;
}

int container_find(const char *engine, const char *name, struct container *ret_container,
                   struct failure *failure)
{
    struct container_answer answer = {.name = name};

    container_find_all(engine, &answer, 1);
    if (answer.error)
        *failure = answer.failure;
    else
        *ret_container = answer.container;
    return answer.error;
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

    (void)snprintf(path, sizeof(path), NETNS_DIRECTORY "/%s", container->file);
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

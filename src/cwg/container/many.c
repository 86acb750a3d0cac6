/* Many containers by one program. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/process.h"
#include "cwg/container/asking.h"
#include "cwg/container/engines.h"
#include "cwg/container/reading.h"

enum {
    UNANSWERED = 2, /* an answer's `error` until something is known */
    WORDS_MAX = 12, /* of a command, with NULL */
    LINE_SIZE = END_NAME_SIZE + CONTAINER_ID_SIZE + 64,
};

static void fail_all(struct container_answer *answers, size_t count, const struct engine *engine,
                     int error, struct process_result *result)
{
    struct failure failure = {.text = ""};

    (void)engine_fail(engine, error, result, &failure);
    for (size_t i = 0; i < count; i++) {
        if (answers[i].error == UNANSWERED) {
            answers[i].error = -1;
            answers[i].failure = failure;
        }
    }
}

static void set_all(struct container_answer *answers, size_t count, int from, int error)
{
    for (size_t i = 0; i < count; i++) {
        if (answers[i].error == from)
            answers[i].error = error;
    }
}

/* Takes a line, with its newline, of what is said of all that were found. Returns what the engine's
 * reader does. */
static int take_line(const struct engine *engine, char *line, struct container_answer *answers,
                     size_t count, int *remote)
{
    struct container container = {.pidfd = -1, .netns = -1};
    const int state = engine->read(line, &container);

    for (size_t i = 0; i < count && state != UNREADABLE; i++) {
        struct container_answer *answer = &answers[i];

        if (answer->error != UNANSWERED || !engine_means(&container, answer->name))
            continue;
        answer->container = container;
        answer->error =
            engine_take(engine, answer->name, state, &answer->container, &answer->failure);
        if (answer->error == 0)
            answer->error = engine_check_here(engine, answer->name, &answer->container, remote,
                                              &answer->failure);
    }
    return state;
}

/* A line that can't be read may be that of any container without an answer. */
static void take_lines(const struct engine *engine, const char *output,
                       struct container_answer *answers, size_t count)
{
    bool unreadable = false;
    char line[LINE_SIZE];
    int remote = -1;

    for (const char *next = output; *next; next += strcspn(next, "\n") + 1) {
        const size_t length = strcspn(next, "\n");

        if (length + 2 > sizeof(line) || !next[length]) {
            unreadable = true;
            break;
        }
        (void)snprintf(line, sizeof(line), "%.*s\n", (int)length, next);
        unreadable |= take_line(engine, line, answers, count, &remote) == UNREADABLE;
    }
    for (size_t i = 0; i < count && unreadable; i++) {
        struct container_answer *answer = &answers[i];

        if (answer->error == UNANSWERED)
            answer->error =
                engine_take(engine, answer->name, UNREADABLE, &answer->container, &answer->failure);
    }
}

/* The engine's command, with all names behind it. It tells of those that there are, and says of the
 * others that they are absent. */
static void find_at_once(const struct engine *engine, struct container_answer *answers,
                         size_t count, struct process_result *result)
{
    const char *words[WORDS_MAX + CONTAINERS_AT_ONCE];
    size_t length = 0;
    int error;

    for (; strcmp(engine->command[length], "%") != 0; length++)
        words[length] = engine->command[length];
    for (size_t i = 0; i < count; i++)
        words[length++] = answers[i].name;
    words[length] = NULL;
    error = process_run(words, NULL, ENGINE_MS, result);
    if (error == -ENOENT) {
        set_all(answers, count, UNANSWERED, 1);
        return;
    }
    if (!error)
        take_lines(engine, result->out, answers, count);
    if (!error && (result->status == 0 || engine_says_absent(engine, result->err)))
        set_all(answers, count, UNANSWERED, 1);
    else
        fail_all(answers, count, engine, error, result);
}

/* Those alone that the engine lists are asked for, one by one. */
static void find_listed(const struct engine *engine, struct container_answer *answers, size_t count,
                        struct process_result *result)
{
    const int error = process_run(engine->list, NULL, ENGINE_MS, result);
    struct end *ends = NULL;
    int listed;

    if (error == -ENOENT) {
        set_all(answers, count, UNANSWERED, 1);
        return;
    }
    if (error || result->status != 0) {
        fail_all(answers, count, engine, error, result);
        return;
    }
    listed = engine_take_names(engine, result->out, &ends, 0);
    for (size_t i = 0; i < count; i++) {
        struct container_answer *answer = &answers[i];

        answer->error = 1;
        for (int j = 0; j < listed && answer->error == 1; j++) {
            if (strcmp(ends[j].name, answer->name) == 0)
                answer->error =
                    engine->find(engine, answer->name, &answer->container, &answer->failure);
        }
    }
    free(ends);
}

void engine_find_all(const struct engine *engine, struct container_answer *answers, size_t count)
{
    const bool together = engine->many || engine->listed_by_name;
    struct process_result *result = together ? malloc(sizeof(*result)) : NULL;

    for (size_t i = 0; i < count; i++) {
        struct container_answer *answer = &answers[i];

        answer->error = UNANSWERED;
        if (!together)
            answer->error =
                engine->find(engine, answer->name, &answer->container, &answer->failure);
        else if (!result)
            answer->error = fail_errno(&answer->failure, ENOMEM, "can't ask an engine");
    }
    if (result && engine->many)
        find_at_once(engine, answers, count, result);
    else if (result)
        find_listed(engine, answers, count, result);
    free(result);
}

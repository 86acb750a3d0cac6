#include "cwg/agent/ends/labels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cwg/agent/ends/claim.h"
#include "cwg/base/clock.h"
#include "cwg/store/label.h"

enum {
    ROUND_MS = 20000,   /* a look takes a processor for some 40 ms */
    HURRY_MS = 50,      /* containers may start by the dozen */
    LOOK_MS = 40000,    /* for an engine's programs to answer */
    MISSES_MAX = 2,     /* looks without a label, and then the end goes */
    COMPLAINTS_MAX = 8, /* of a look */
};

/* What a child tells: a container with a label, or the end of its look, with its result. */
struct told {
    bool over;
    int error; /* as labels_find() returns it */
    struct failure failure;
    struct labelled labelled;
};

/* The child's work. */
static void look(void *context, int socket)
{
    const struct labels *labels = context;
    const struct labels_engine *engine = &labels->engine[labels->looking];
    struct told told = {.over = false};
    struct labelled *all = NULL;
    size_t count = 0;

    told.error = labels_find(engine->name, engine->known ? engine->said : NULL, engine->count, &all,
                             &count, &told.failure);
    for (size_t i = 0; i < count; i++) {
        told.labelled = all[i];
        (void)send(socket, &told, sizeof(told), MSG_NOSIGNAL);
    }
    free(all);
    told.over = true;
    (void)send(socket, &told, sizeof(told), MSG_NOSIGNAL);
}

/* Says what is wrong with labels: each text once, and of many the first ones. */
static void complain(struct labels *labels, int *said, const struct labelled *labelled,
                     const char *reason)
{
    struct failure failure = {.text = ""};

    if ((*said)++ >= COMPLAINTS_MAX)
        return;
    fail(&failure, "label", "the %s of %s/%.64s doesn't count: %s",
         labelled->by_network ? "network's link" : "label", labelled->engine, labelled->name,
         reason);
    journal_complain(&labels->house->journal, failure.text);
}

/* podman may be called docker as well. A network says something else than a label. */
static bool is_known(const struct labels *labels, int engines, const struct labelled *labelled)
{
    for (int i = 0; i < engines && !labelled->by_network; i++) {
        for (size_t j = 0; j < labels->engine[i].count; j++) {
            if (strcmp(labels->engine[i].said[j].id, labelled->id) == 0)
                return true;
        }
    }
    return false;
}

/* Adds what a container's label claims. */
static void claim(struct labels *labels, const struct labelled *labelled, struct claim *claims,
                  size_t *count, int *said)
{
    struct want wants[LABEL_ENDS_MAX];
    struct failure failure = {.text = ""};
    int ends;

    if (labelled->origin == LABEL_OF_IMAGE) {
        complain(labels, said, labelled, "it is its image's: give one to the container");
        return;
    }
    if (labelled->origin == LABEL_OF_NOBODY) {
        complain(labels, said, labelled, "its name is longer than 253 characters");
        return;
    }
    ends = label_parse(labelled->text, labelled->engine, labelled->name, wants, &failure);
    if (ends < 0)
        complain(labels, said, labelled, failure.text);
    for (int i = 0; i < ends; i++)
        claims[(*count)++] = (struct claim){.want = wants[i],
                                            .by_network = labelled->by_network,
                                            .unproven = labelled->origin == LABEL_UNPROVEN};
}

/* Takes all claims of the last looks. Returns their number. The caller frees them. */
static size_t collect(struct labels *labels, struct claim **ret_claims, int *said)
{
    size_t most = 1, count = 0;

    for (int i = 0; i < labels->engines; i++)
        most += labels->engine[i].count * LABEL_ENDS_MAX;
    *ret_claims = calloc(most, sizeof(**ret_claims));
    for (int i = 0; *ret_claims && i < labels->engines; i++) {
        const struct labels_engine *engine = &labels->engine[i];

        for (size_t j = 0; j < engine->count; j++) {
            if (!is_known(labels, i, &engine->said[j]))
                claim(labels, &engine->said[j], *ret_claims, &count, said);
        }
    }
    return count;
}

static void path_of(const struct want *want, char ret_name[static END_PATH_SIZE])
{
    (void)snprintf(ret_name, END_PATH_SIZE, "%.63s.%u", want->link, want->host);
}

static void forget(struct labels *labels, const char *name)
{
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];

    (void)snprintf(path, sizeof(path), "label/%.400s", name);
    if (store_remove(&labels->house->store, path, &failure))
        journal_complain(&labels->house->journal, failure.text);
    else
        labels->changed(labels->owner, name);
}

static bool is_claimed(const struct agent_end *end, const struct claim *claims, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (claims[i].holds && claims[i].held && strcmp(claims[i].want.link, end->want.link) == 0 &&
            claims[i].want.host == end->want.host)
            return true;
    }
    return false;
}

/* Returns an engine of the settings, or NULL. */
static const struct labels_engine *find_engine(const struct labels *labels, const char *name)
{
    for (int i = 0; i < labels->engines; i++) {
        if (strcmp(labels->engine[i].name, name) == 0)
            return &labels->engine[i];
    }
    return NULL;
}

/* May a container of this engine declare an end? */
static bool is_allowed(const struct labels *labels, const char *engine)
{
    return find_engine(labels, engine) || find_engine(labels, LABELS_OF_NETWORKS);
}

/* Has a look at one of the settings' engines found all that may declare an end of a container of
 * `engine`: labels, and what networks say? */
static bool is_found(const struct labels *labels, const char *looked, const char *engine)
{
    const struct labels_engine *own = find_engine(labels, engine);
    const struct labels_engine *networks = find_engine(labels, LABELS_OF_NETWORKS);

    if (strcmp(looked, engine) == 0)
        return !networks; /* their look counts, so that an end is missed once a round */
    return strcmp(looked, LABELS_OF_NETWORKS) == 0 && (!own || own->known);
}

/* Is this end one whose label has gone? A look at `engine` has just found the claims; NULL: there
 * was none, and only the settings may have changed. */
static bool is_over(const struct labels *labels, struct agent_end *end, const char *engine,
                    const struct claim *claims, size_t count)
{
    if (!end) /* it couldn't be loaded: nothing is known */
        return false;
    if (!end->labelled) /* the store declares it now */
        return true;
    if (!is_allowed(labels, end->want.engine))
        return true;
    if (!engine || !is_found(labels, engine, end->want.engine))
        return false;
    if (is_claimed(end, claims, count))
        end->unlabelled = 0;
    else if (!labels->hurried)
        end->unlabelled++;
    return end->unlabelled >= MISSES_MAX;
}

/* Removes from the store what labels don't declare any more. */
static void drop(struct labels *labels, const char *engine, const struct claim *claims,
                 size_t count)
{
    struct household *house = labels->house;
    struct failure failure = {.text = ""};
    char **names = store_list(&house->store, "label", &failure);
    const char *nobody =
        find_engine(labels, LABELS_OF_NETWORKS) ? "neither a label nor a network" : "no label";

    if (!names)
        journal_complain(&house->journal, failure.text);
    for (char **name = names; name && *name; name++) {
        struct agent_end *end = ends_find(labels->ends, *name);

        if (!is_over(labels, end, engine, claims, count))
            continue;
        if (end && end->labelled)
            journal_say(&house->journal, JOURNAL_NOTICE, "link %s: %s declares it any more",
                        end->want.link, nobody);
        forget(labels, *name);
    }
    free(names);
}

/* Writes an end whose claim holds into the store, unless it is there. */
static void keep(struct labels *labels, const struct claim *claim)
{
    struct household *house = labels->house;
    const struct want *want = &claim->want;
    struct failure failure = {.text = ""};
    char name[END_PATH_SIZE], path[STORE_PATH_SIZE], before[STORE_LINE_SIZE];
    char *line = want_write(want);

    path_of(want, name);
    (void)snprintf(path, sizeof(path), "want/%s", name);
    if (!line || store_read(&house->store, path, before, &failure) <= 0) {
        free(line); /* declared a moment ago, or in a way that can't be read */
        return;
    }
    (void)snprintf(path, sizeof(path), "label/%s", name);
    if (store_read(&house->store, path, before, &failure) != 0 || strcmp(before, line) != 0) {
        if (store_write(&house->store, path, line, &failure)) {
            journal_complain(&house->journal, failure.text);
        } else {
            journal_say(&house->journal, JOURNAL_NOTICE, "link %s: a %s of %s/%s declares it",
                        want->link, claim->by_network ? "network" : "label", want->engine,
                        want->name);
            labels->changed(labels->owner, name);
        }
    }
    free(line);
}

/* A look at an engine has succeeded. */
static void judge(struct labels *labels, const char *engine)
{
    struct claim *claims;
    int said = 0;
    const size_t count = collect(labels, &claims, &said);

    if (!claims)
        return;
    claims_judge(claims, count, labels->ends->end, labels->ends->count, &labels->house->trust);
    drop(labels, engine, claims, count);
    for (size_t i = 0; i < count; i++) {
        if (claims[i].holds) {
            keep(labels, &claims[i]);
        } else if (claims[i].reason[0]) {
            struct labelled by = {.by_network = claims[i].by_network};

            (void)snprintf(by.engine, sizeof(by.engine), "%s", claims[i].want.engine);
            (void)snprintf(by.name, sizeof(by.name), "%s", claims[i].want.name);
            complain(labels, &said, &by, claims[i].reason);
        }
    }
    free(claims);
}

/* The next engine of this round; behind the last one, there is a pause. */
static void go_on(struct labels *labels)
{
    labels->asking = false;
    free(labels->heard);
    labels->heard = NULL;
    labels->heard_count = 0;
    if (labels->hurried || ++labels->next < labels->engines)
        return;
    labels->next = 0;
    labels->due = clock_now() + ROUND_MS;
}

/* Ends the child. Its failure is said once. */
static void give_up(struct labels *labels, const struct failure *failure)
{
    struct failure why = {.text = ""};

    fail(&why, "label", "can't look for labels: %s", failure->text);
    journal_complain(&labels->house->journal, why.text);
    go_on(labels);
}

static void conclude(struct labels *labels, const struct told *told)
{
    struct labels_engine *engine = &labels->engine[labels->looking];
    char name[END_ENGINE_SIZE];

    if (told->error < 0) {
        give_up(labels, &told->failure);
        return;
    }
    if (told->error == 0) {
        free(engine->said);
        engine->said = labels->heard;
        engine->count = labels->heard_count;
        engine->known = true;
        labels->heard = NULL;
    }
    memcpy(name, engine->name, sizeof(name));
    judge(labels, name);
    go_on(labels);
}

static void hear(struct watch *watch, uint32_t events)
{
    struct labels *labels = watch->owner;
    struct told told;
    struct failure failure = {.text = ""};
    const ssize_t length = recv(watch->fd, &told, sizeof(told), 0);

    (void)events;
    if (length == (ssize_t)sizeof(told) && !told.over && labels->heard_count < LABELLED_MAX) {
        labels->heard[labels->heard_count++] = told.labelled;
        return;
    }
    child_end(&labels->child, &labels->house->loop);
    if (length == (ssize_t)sizeof(told) && told.over) {
        conclude(labels, &told);
    } else {
        fail(&failure, "system", "a look ended without a word");
        give_up(labels, &failure);
    }
}

static void begin(struct labels *labels, int engine)
{
    struct failure failure = {.text = ""};
    int error = 0;

    labels->looking = engine;
    labels->heard = calloc(LABELLED_MAX, sizeof(*labels->heard));
    if (!labels->heard)
        error = -ENOMEM;
    else
        error = child_start(&labels->child, &labels->house->loop, look, labels, hear, labels);
    labels->asking = error == 0;
    labels->begun = clock_now();
    if (!error)
        return;
    (void)fail_errno(&failure, -error, "no child");
    give_up(labels, &failure);
}

/* Begins the look that is due. A round and the looks that are hurried take turns: containers may
 * start without a pause. */
static void begin_due(struct labels *labels)
{
    const bool round = labels->due <= clock_now();

    if (labels->hurry <= clock_now() && !(round && labels->hurried)) {
        labels->hurried = true;
        labels->hurry = INT64_MAX;
        begin(labels, (int)(find_engine(labels, LABELS_OF_NETWORKS) - labels->engine));
    } else if (round) {
        labels->hurried = false;
        begin(labels, labels->next);
    }
}

/* Forgets all that engines have said. */
static void clear(struct labels *labels)
{
    if (labels->asking)
        child_end(&labels->child, &labels->house->loop);
    labels->asking = false;
    free(labels->heard);
    labels->heard = NULL;
    labels->heard_count = 0;
    for (int i = 0; i < labels->engines; i++)
        free(labels->engine[i].said);
    memset(labels->engine, 0, sizeof(labels->engine));
    labels->engines = labels->next = 0;
    labels->hurried = false;
    labels->hurry = INT64_MAX;
}

void labels_open(struct labels *labels, struct household *house, const struct ends *ends)
{
    *labels = (struct labels){.house = house, .ends = ends, .reread = true, .hurry = INT64_MAX};
}

void labels_hurry(struct labels *labels)
{
    if (labels->hurry == INT64_MAX && find_engine(labels, LABELS_OF_NETWORKS))
        labels->hurry = clock_now() + HURRY_MS;
}

void labels_reread(struct labels *labels)
{
    labels->reread = true;
}

static void take_settings(struct labels *labels)
{
    const struct config *config = &labels->house->config;

    clear(labels);
    for (; labels->engines < config->labels; labels->engines++)
        memcpy(labels->engine[labels->engines].name, config->label[labels->engines],
               END_ENGINE_SIZE);
    labels->reread = false;
    labels->due = clock_now();
    drop(labels, NULL, NULL, 0);
}

int64_t labels_run(struct labels *labels)
{
    if (labels->reread)
        take_settings(labels);
    if (labels->engines == 0)
        return INT64_MAX;
    if (labels->asking && labels->begun + LOOK_MS <= clock_now()) {
        struct failure failure = {.text = ""};

        child_end(&labels->child, &labels->house->loop);
        fail(&failure, "timeout", "%s doesn't answer", labels->engine[labels->looking].name);
        give_up(labels, &failure);
    }
    if (!labels->asking)
        begin_due(labels);
    if (labels->asking)
        return labels->begun + LOOK_MS;
    return labels->hurry < labels->due ? labels->hurry : labels->due;
}

void labels_close(struct labels *labels)
{
    clear(labels);
}

bool labels_are_kept(const struct labels *labels)
{
    return labels->house->config.labels == 0 ||
           faccessat(labels->house->store.directory, "label", F_OK, 0) == 0;
}

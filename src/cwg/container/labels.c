#include "cwg/container/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/process.h"
#include "cwg/container/asking.h"
#include "cwg/container/attachment.h"
#include "cwg/container/reading.h"

enum {
    AT_ONCE = 10, /* each of 513 characters may be ten, "\U000e0001": so many fit into an answer */
    WORDS_MAX = 12,
};

/* A look at an engine's containers. */
struct look {
    const struct engine *engine;
    struct labelled *all; /* LABELLED_MAX */
    size_t count;
    struct process_result *result;
    struct failure *failure;
};

static const struct engine *find_engine(const char *name)
{
    for (size_t i = 0; i < engine_count; i++) {
        if (strcmp(engines[i].name, name) == 0 && engines[i].labelled)
            return &engines[i];
    }
    return NULL;
}

bool labels_may(const char *engine)
{
    return find_engine(engine) != NULL || strcmp(engine, LABELS_OF_NETWORKS) == 0;
}

static int fail_unreadable(const struct look *look)
{
    return fail(look->failure, "engine", "%s: %s tells of labels in an unknown way: report this",
                look->engine->name, look->engine->command[0]);
}

/* Runs a command with ids behind it. Returns 0, or -1; with `absent` a command that says this of
 * some of the ids has succeeded. */
static int run(const struct look *look, const char *const *command, const char *const *ids,
               size_t count, const char *absent)
{
    const char *words[WORDS_MAX + AT_ONCE + 1];
    size_t length = 0;
    int error;

    for (; command[length]; length++)
        words[length] = command[length];
    for (size_t i = 0; i < count; i++)
        words[length++] = ids[i];
    words[length] = NULL;
    error = process_run(words, NULL, ENGINE_MS, look->result);
    if (error == -ENOENT)
        return fail(look->failure, "engine", "%s isn't installed, or %s isn't in PATH",
                    look->engine->name, look->engine->command[0]);
    if (!error && (look->result->status == 0 ||
                   (absent && look->result->status > 0 && strcasestr(look->result->err, absent))))
        return 0;
    return engine_tell(look->engine, error, look->result, look->failure);
}

/* Takes an id, without the name of its hash. Returns 0, or -1 if it can't be one. */
static int take_id(char *ret_id, const char *text)
{
    static const char hash[] = "sha256:";
    const char *id = strncmp(text, hash, strlen(hash)) == 0 ? text + strlen(hash) : text;

    if (!end_is_name(id) || strlen(id) >= CONTAINER_ID_SIZE)
        return -1;
    reading_keep(ret_id, CONTAINER_ID_SIZE, id);
    return 0;
}

/* Takes a label as Go quotes it. Returns 0, or -1. */
static int take_text(char *ret_text, char *quoted)
{
    const size_t length = quoted ? strlen(quoted) : 0;

    if (length < 2 || quoted[0] != '"' || quoted[length - 1] != '"')
        return -1;
    quoted[length - 1] = '\0';
    reading_keep(ret_text, LABEL_SIZE, quoted + 1);
    return 0;
}

/* "ID NAME": lists the containers with the label. */
static int list(struct look *look)
{
    char *rest;

    if (run(look, look->engine->labelled, NULL, 0, NULL))
        return -1;
    rest = look->result->out;
    for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n")) {
        struct labelled *labelled = &look->all[look->count];
        char *name = line;
        const char *id = strsep(&name, " ");

        if (look->count == LABELLED_MAX)
            return fail(look->failure, "limit",
                        "%s: more than %d containers have the label " LABEL_NAME,
                        look->engine->name, LABELLED_MAX);
        *labelled = (struct labelled){.origin = LABEL_UNPROVEN};
        reading_keep(labelled->engine, sizeof(labelled->engine), look->engine->name);
        if (!name || take_id(labelled->id, id))
            return fail_unreadable(look);
        reading_keep(labelled->name, sizeof(labelled->name), name);
        look->count++;
    }
    return 0;
}

/* A container has the same label and the same image as long as it is there. */
static bool is_same(const struct look *look, const struct labelled *before, size_t count)
{
    bool same = before && count == look->count;

    for (size_t i = 0; same && i < count; i++)
        same = strcmp(before[i].id, look->all[i].id) == 0 &&
               strncmp(before[i].name, look->all[i].name, LABELLED_LISTED) == 0;
    return same;
}

/* Takes a container's name, before which docker writes a '/'. Returns 0, or -1. */
static int take_name(struct labelled *labelled, const char *text)
{
    const char *name = text[0] == '/' ? text + 1 : text;

    reading_keep(labelled->name, sizeof(labelled->name), name);
    if (!end_is_name(labelled->name))
        return -1;
    if (strlen(name) >= sizeof(labelled->name))
        labelled->origin = LABEL_OF_NOBODY;
    return 0;
}

/* "ID IMAGE NAME LABEL". An image that isn't there is "". */
static int take_container(struct look *look, char *line)
{
    const char *id = strsep(&line, " "), *image = strsep(&line, " "), *name = strsep(&line, " ");
    struct labelled found = {.origin = image && image[0] ? LABEL_UNPROVEN : LABEL_OF_CONTAINER};

    if (!image || !name || take_id(found.id, id) || (image[0] && take_id(found.image, image)) ||
        take_name(&found, name) || take_text(found.text, line))
        return fail_unreadable(look);
    reading_keep(found.engine, sizeof(found.engine), look->engine->name);
    for (size_t i = 0; i < look->count; i++) {
        if (strcmp(look->all[i].id, found.id) == 0)
            look->all[i] = found;
    }
    return 0;
}

/* "IMAGE LABEL", of an image that containers have. */
static int take_image(struct look *look, char *line)
{
    const char *word = strsep(&line, " ");
    char id[CONTAINER_ID_SIZE], text[LABEL_SIZE];

    if (take_id(id, word) || take_text(text, line))
        return fail_unreadable(look);
    for (size_t i = 0; i < look->count; i++) {
        struct labelled *labelled = &look->all[i];

        if (strcmp(labelled->image, id) == 0 && labelled->origin != LABEL_OF_NOBODY)
            labelled->origin =
                strcmp(labelled->text, text) == 0 ? LABEL_OF_IMAGE : LABEL_OF_CONTAINER;
    }
    return 0;
}

static int take_lines(struct look *look, int (*take)(struct look *look, char *line))
{
    char *rest = look->result->out;
    int error = 0;

    for (char *line = strsep(&rest, "\n"); rest && !error; line = strsep(&rest, "\n"))
        error = take(look, line);
    return error;
}

/* Takes what a command tells of all containers, or of all of their images. */
static int describe(struct look *look, const char *const *command, const char *absent,
                    bool of_images, int (*take)(struct look *look, char *line))
{
    const char *ids[AT_ONCE];
    size_t count = 0;

    for (size_t i = 0; i < look->count; i++) {
        const struct labelled *labelled = &look->all[i];
        const char *id = of_images ? labelled->image : labelled->id;
        size_t known = 0;

        while (known < count && strcmp(ids[known], id) != 0)
            known++;
        if (id[0] && known == count)
            ids[count++] = id;
        if (count < AT_ONCE && (i + 1 < look->count || count == 0))
            continue;
        if (run(look, command, ids, count, absent) || take_lines(look, take))
            return -1;
        count = 0;
    }
    return 0;
}

/* Those that plugins of networks tell of. */
static int list_attached(struct look *look)
{
    struct attachment *all;
    size_t known;
    int error = 0;

    if (attachments_read(NULL, &all, &known, look->failure))
        return -1;
    for (size_t i = 0; i < known && !error; i++) {
        struct labelled *labelled = &look->all[look->count];

        if (!all[i].link[0])
            continue;
        if (look->count == LABELLED_MAX) {
            error = fail(look->failure, "limit",
                         "more than %d attachments of containers to networks declare ends",
                         LABELLED_MAX);
            continue;
        }
        *labelled = (struct labelled){.origin = LABEL_OF_CONTAINER, .by_network = true};
        reading_keep(labelled->engine, sizeof(labelled->engine), all[i].engine);
        reading_keep(labelled->name, sizeof(labelled->name), all[i].name);
        reading_keep(labelled->id, sizeof(labelled->id), all[i].id);
        reading_keep(labelled->text, sizeof(labelled->text), all[i].link);
        look->count++;
    }
    free(all);
    return error;
}

static int find_all(struct look *look, const struct labelled *before, size_t before_count)
{
    if (list(look))
        return -1;
    if (is_same(look, before, before_count))
        return 1;
    return describe(look, look->engine->label, NULL, false, take_container) ||
                   describe(look, look->engine->image_label, look->engine->image_absent, true,
                            take_image)
               ? -1
               : 0;
}

int labels_find(const char *engine, const struct labelled *before, size_t before_count,
                struct labelled **ret_labelled, size_t *ret_count, struct failure *failure)
{
    struct look look = {.engine = find_engine(engine), .failure = failure};
    int error = -1;

    look.all = calloc(LABELLED_MAX, sizeof(*look.all));
    look.result = malloc(sizeof(*look.result));
    if (!look.engine && strcmp(engine, LABELS_OF_NETWORKS) != 0)
        (void)fail(failure, "usage", "%s has no labels", engine);
    else if (!look.all || !look.result)
        (void)fail_errno(failure, ENOMEM, "can't ask an engine");
    else if (!look.engine)
        error = list_attached(&look);
    else
        error = find_all(&look, before, before_count);
    free(look.result);
    if (error) {
        free(look.all);
        return error;
    }
    *ret_labelled = look.all;
    *ret_count = look.count;
    return 0;
}

/* The engines, a row each: how to ask for a container. */
#pragma once

#include "cwg/container/container.h"

enum {
    ENGINES_MAX = 16,
    TROUBLES_MAX = 2,
};

/* The class of a failure: the engine's program didn't answer in time. */
#define ENGINE_SILENT "engine-silent"

struct engine {
    const char *name;
    bool has_plugins; /* plugins of networks tell of its containers */
    /* Asks for a container of this name or id. Returns 0; 1 if there is none, or it can't be known
     * without the engine's program; or -1 with a failure, for a container that isn't running, too.
     */
    int (*find)(const struct engine *engine, const char *name, struct container *ret_container,
                struct failure *failure);
    /* The command; NULL if the engine has no program. One of its words has "%" in the place of the
     * name. With `many` this is the last word, and may be there for each of many names: it prints a
     * line for each that is found. */
    const char *const *command;
    /* Reads the command's output, of which nothing is believed. Returns 0; -1 for a container that
     * isn't running; -2 for an output that tells nothing; or 1 for something else than a container.
     */
    int (*read)(char *output, struct container *ret_container);
    /* The command finds a container by any beginning of its id, too. The reader takes its name. */
    bool by_prefix;
    /* A part of what the command says on standard error when there is no such container. */
    const char *absent[3];
    /* Parts of what it says when it can't be asked, and what to do then. */
    struct {
        const char *said, *advice;
    } troubles[TROUBLES_MAX];
    /* The cgroup of a container's process has the container's id in its path. The engine may tell
     * of another machine's containers. */
    bool in_cgroup;
    /* The command that prints "true" if the engine tells of another machine's containers, unless
     * the cgroup has the id; NULL if there is none. */
    const char *const *remote;
    const char *const *list; /* the command that prints names of running containers, a line each */
    const char *listed;      /* what a line has that tells of a container; NULL if all do */
    bool listed_by_name;     /* these are the names that `find` takes */
    bool named_only;         /* not asked unless it is named */
    bool many;
    /* The command that lists the containers with the label, "ID NAME", stopped ones, too; NULL if
     * containers have no labels. With ids behind them, the command that tells of containers, "ID
     * IMAGE NAME LABEL", and the one that tells of images, "IMAGE LABEL". */
    const char *const *labelled, *const *label, *const *image_label;
    const char *image_absent; /* a part of what the last one says when there is no such image */
};

/* Returns the engine of this name, or NULL. */
const struct engine *engine_by_name(const char *name);

/* Asks an engine for all of these names: each answer's `error` is as engine->find() returns. */
void engine_find_all(const struct engine *engine, struct container_answer *answers, size_t count);

/* Lists the running containers of all engines that are installed, by name. `troubles` says which of
 * the engines couldn't be asked, in their order; text "" for the others. Returns the number of
 * containers, or -1. The caller frees *ret_ends. */
int engines_list(struct end **ret_ends, struct failure troubles[ENGINES_MAX],
                 struct failure *failure);

/* Asks an engine that has a list for the number of running containers that the caller may see.
 * Returns 0; 1 if its program isn't installed; or -1 if it doesn't answer as it should. */
int engine_ask(const struct engine *engine, int *ret_running, struct failure *failure);

extern const struct engine engines[];
extern const size_t engine_count;

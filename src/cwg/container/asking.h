/* How an engine's answer is taken, for the files of this folder. */
#pragma once

#include "cwg/base/process.h"
#include "cwg/container/engines.h"

enum {
    ENGINE_MS = 30000, /* for an engine's program to answer, on a machine that is busy, too */
};

/* Says why an engine's program told nothing: `error` is process_run()'s. Returns -1. engine_fail()
 * adds the way around an engine: to name a process. */
int engine_tell(const struct engine *engine, int error, struct process_result *result,
                struct failure *failure);
int engine_fail(const struct engine *engine, int error, struct process_result *result,
                struct failure *failure);

/* Does it say on standard error that there is no such container? */
bool engine_says_absent(const struct engine *engine, const char *text);

/* Is it the container of this name, or of the beginning of an id that was typed? podman and docker
 * find one by any beginning of its id, even by that of a name which no container has any more. */
bool engine_means(const struct container *container, const char *name);

/* Takes what engine->read() has returned of a container. Returns as engine->find does. */
int engine_take(const struct engine *engine, const char *name, int state,
                struct container *ret_container, struct failure *failure);

/* Checks that a container which was found is this machine's. `remote` is -1, or the engine may tell
 * of another machine's containers (1) or not (0), as was found out before. Returns 0, or -1. */
int engine_check_here(const struct engine *engine, const char *name,
                      const struct container *container, int *remote, struct failure *failure);

/* Takes the first word of each line for a name, behind `count` others. Returns the new number, or
 * -1. The caller frees *ends in any case. */
int engine_take_names(const struct engine *engine, char *output, struct end **ends, int count);

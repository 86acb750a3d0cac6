/* Containers, and the engines that run them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "cwg/base/failure.h"
#include "cwg/name/end.h"

enum {
    CONTAINER_ID_SIZE = 80,
    CONTAINERS_AT_ONCE = 250, /* what a program says of so many fits into its answer */
};

/* A running container as its engine tells of it. */
struct container {
    char engine[END_ENGINE_SIZE];
    char name[END_NAME_SIZE];
    char id[CONTAINER_ID_SIZE]; /* "" where an engine has none */
    pid_t pid;                  /* a process in it; 0 for a namespace's file */
    int pidfd;                  /* of that process; -1 if pid is 0 */
    int netns;                  /* of a namespace's file; -1 if pid is set */
    char file[END_NAME_SIZE];   /* the name of that file, in /run/netns */
};

/* Finds a running container. With an empty engine all engines that are installed are asked; names
 * of two containers are a failure that shows both. The caller closes it. Returns 0, or -1. */
int container_find(const char *engine, const char *name, struct container *ret_container,
                   struct failure *failure);

/* A question for a container, and its answer. */
struct container_answer {
    const char *name;
    bool by_process; /* a namespace's file is no answer, unless it is asked for by its name */
    int error;       /* as container_find() returns it */
    struct container container;
    struct failure failure;
};

/* Finds many: each as container_find() does, and all of those of podman, docker and nerdctl by one
 * program. At most CONTAINERS_AT_ONCE; of an engine with container_asks_one() only one. No engine
 * is asked for a container that attached_answer() finds. */
void container_find_all(const char *engine, struct container_answer *answers, size_t count);

/* Returns whether an engine can be asked for no more than one container by a program. */
bool container_asks_one(const char *engine);

/* Adds to a failure of container_find() at a machine ("" is this one) how to find out the names
 * that there are, if none was found. */
void container_add_remedy(const char *host, struct failure *failure);

/* Closes the descriptors of a container. */
void container_close(struct container *container);

/* Returns whether the process that was found still lives: then its pid hasn't become another's. */
bool container_lives(const struct container *container);

/* Returns whether it lives; and of a namespace's file, which can be held when it has been removed,
 * whether its name still means this namespace. */
bool container_is_current(const struct container *container);

/* Writes "docker, podman, ...": the words for ENGINE. */
void container_engines(char *ret_text, size_t size);

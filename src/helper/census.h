/* Which network namespaces there are on this machine: those that processes are in, seen once, in
 * /proc, before the sandbox is entered. What is only held by a file or a descriptor isn't found. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "helper/cgroup.h"
#include "helper/target.h"

struct failure;

enum {
    CENSUS_MAX = 16384, /* namespaces; an engine takes one, too */
};

/* A namespace, by its process with the lowest number. */
struct census_entry {
    struct netns netns; /* with no descriptor */
    int pid;
    bool may_have_links;                     /* and only then: */
    char container[CONTAINER_ID_LENGTH + 1]; /* "" if no id of it is known */
};

struct census {
    size_t count;
    bool more; /* there are others, of processes with higher numbers */
    struct census_entry entries[CENSUS_MAX];
};

/* Walks through /proc, and writes what is there then. Returns 0, or a negative errno. */
int census_take(struct census *ret_census, struct failure *failure);

/* Which network namespaces there are on this machine: those that processes are in, seen once, in
 * /proc, before the sandbox is entered. What is only held by a file or a descriptor isn't found. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "helper/netns/cgroup.h"
#include "helper/netns/target.h"

struct failure;

enum {
    CENSUS_MAX = 16384, /* namespaces; an engine takes one, too */
};

/* A namespace, by a process in it: the first one of its container, if there is a pid namespace that
 * tells it, and else that with the lowest number. */
struct census_entry {
    struct netns netns; /* with no descriptor */
    int pid;
    int spare;                         /* another process there, for if that has ended; or 0 */
    ino_t devices;                     /* the inode of its list of devices, in /proc */
    bool may_have_links;               /* and only then: */
    unsigned char first_at;            /* nspid.h, of that process */
    unsigned char looks;               /* at how many processes for that */
    char container[CONTAINER_ID_SIZE]; /* "" if it isn't known */
};

struct census {
    size_t count;
    bool more;  /* there are others, of processes with higher numbers */
    int hidden; /* a process in a namespace that has links and can't be looked at; or 0 */
    struct census_entry entries[CENSUS_MAX];
};

/* Walks through /proc, and writes what is there then. Returns 0, or a negative errno. */
int census_take(struct census *ret_census, struct failure *failure);

/* Lists the network namespaces of this machine's processes, seen once, in /proc, before the sandbox
 * is entered. A namespace that only a file or a descriptor holds isn't found. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "helper/netns/cgroup.h"
#include "helper/netns/target.h"

struct failure;

enum {
    CENSUS_MAX = 16384, /* namespaces; each engine has one */
};

/* A namespace, by one of its processes: the first process of its container if a pid namespace tells
 * it, or else the process with the lowest number. */
struct census_entry {
    struct netns netns; /* without a descriptor */
    int pid;
    int spare;                         /* another process there, if the first has ended; or 0 */
    ino_t devices;                     /* inode of its list of devices in /proc */
    bool may_have_links;               /* if so, the fields below are set */
    unsigned char first_at;            /* procfs.h, of `pid` */
    unsigned char looks;               /* processes looked at */
    char container[CONTAINER_ID_SIZE]; /* "" if not known */
};

struct census {
    size_t count;
    bool more;  /* CENSUS_MAX was too small: processes with higher numbers are in others */
    int hidden; /* a process in a namespace with links that we may not look at; or 0 */
    struct census_entry entries[CENSUS_MAX];
};

/* Walks through /proc. Returns 0, or a negative errno. */
int census_take(struct census *ret_census, struct failure *failure);

/* From a container's id to its process, by the cgroups of all processes, which any user may read.
 * No engine is asked. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "cwg/container/container.h"

/* A container that is looked for. */
struct cgroup_member {
    const char *id;           /* 64 hexadecimal digits; no other is found */
    pid_t pid;                /* its oldest process; 0: none was found */
    unsigned long long begun; /* of that process, in the kernel's ticks since its start */
};

enum {
    CGROUP_TEXT_SIZE = 4096,
};

/* Writes the id of the container to which a cgroup of version 2 belongs, or "", and the path of the
 * directory in which the container's cgroup is. `text` is of /proc/PID/cgroup. It is the path's
 * first id, for a container can make cgroups of any name below its own; an id counts in a name of
 * the form that engines give, such as "libpod-ID.scope". It is neither the id of a pod of podman's,
 * nor one of a process that only watches over a container, nor one that stands below the name of a
 * container without an id. */
void cgroup_container(const char *text, char ret_id[static CONTAINER_ID_SIZE],
                      char ret_parent[static CGROUP_TEXT_SIZE]);

/* Looks at all processes. A process counts if root or this user alone can have made the container's
 * cgroup: others may make cgroups of any name below those that were given to them or to their
 * group. One that an engine has started, and that isn't the container's program yet, doesn't count;
 * nor does one that has ended. */
void cgroup_find(struct cgroup_member *members, size_t count);

/* Returns whether a process is of a container, and counts. */
bool cgroup_has(const char *id, pid_t pid);

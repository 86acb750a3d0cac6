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

/* Writes the id of the container to which a cgroup belongs, or "". `text` is of /proc/PID/cgroup.
 * It is the path's first id, for a container can make cgroups of any name below its own; neither
 * the id of a pod of podman's, nor one of a process that only watches over a container. */
void cgroup_container(const char *text, char ret_id[static CONTAINER_ID_SIZE]);

/* Looks at all processes. One that an engine has started, and that isn't the container's program
 * yet, doesn't count. */
void cgroup_find(struct cgroup_member *members, size_t count);

/* Which container a process is in, as the names of its cgroups have it (/proc/PID/cgroup). Pure. */
#pragma once

#include <stddef.h>

enum {
    CONTAINER_ID_LENGTH = 64, /* as Docker, podman, containerd and CRI-O make them */
};

/* Reads the id of a container from the text of a cgroup file, of any version: the first word of 64
 * hexadecimal digits in each line, which all lines have to agree on. The engine wrote the outermost
 * directories; below these, a container may make others and call them what it likes. A line or name
 * that is cut off at the end of the text isn't looked at. Writes the digits and a NUL. Returns 0,
 * or -1 if there is none, and then writes nothing. */
int cgroup_container(const char *text, size_t length, char ret_id[static CONTAINER_ID_LENGTH + 1]);

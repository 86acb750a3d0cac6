/* Finds a process's container by the names of its cgroups (/proc/PID/cgroup). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    CONTAINER_ID_LENGTH =
        64, /* an id of Docker, podman, containerd and CRI-O; the most for a name */
    CONTAINER_ID_SIZE = CONTAINER_ID_LENGTH + 1,
};

/* Reads the container out of the text of a cgroup file, of any version. In each line the outermost
 * directory that tells counts, and all lines that tell have to agree. A directory tells by
 *
 *   a word of 64 hexadecimal digits      the id, of Docker, podman, containerd, CRI-O
 *   machine.slice/machine-NAME.scope,
 *   machine.slice/systemd-nspawn@NAME.service       the name, of systemd-nspawn
 *   lxc/NAME, lxc.payload/NAME, lxc.payload.NAME    the name, of LXC
 *
 * Whoever started the container made the outermost directories. Below them, a container may make
 * others and choose their names. A name has only letters, digits, '_', '.' and '-', so it can be
 * printed anywhere. A line or name that is cut off at the end of the text is ignored. Writes the id
 * or the name, and a NUL. Returns 0, or -1 without either, and then writes nothing. */
int cgroup_container(const char *text, size_t length, char ret_id[static CONTAINER_ID_SIZE]);

/* Is this an id, of which people see twelve digits, and no name? */
bool cgroup_is_id(const char *container);

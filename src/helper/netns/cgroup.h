/* Which container a process is in, as the names of its cgroups have it (/proc/PID/cgroup). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    CONTAINER_ID_LENGTH =
        64, /* of an id of Docker, podman, containerd and CRI-O; of a name at most */
    CONTAINER_ID_SIZE = CONTAINER_ID_LENGTH + 1,
};

/* Reads which container it is from the text of a cgroup file, of any version: in each line the
 * outermost directory that tells, and all lines that tell have to agree. A directory tells by
 *
 *   a word of 64 hexadecimal digits      the id, of Docker, podman, containerd, CRI-O
 *   machine.slice/machine-NAME.scope,
 *   machine.slice/systemd-nspawn@NAME.service       the name, of systemd-nspawn
 *   lxc/NAME, lxc.payload/NAME, lxc.payload.NAME    the name, of LXC
 *
 * The outermost directories are of who started the container; below these, a container may make
 * others and call them what it likes. A name has letters, digits, '_', '.' and '-' alone, so that
 * it can be printed anywhere. A line or name that is cut off at the end of the text isn't looked
 * at. Writes the id or the name and a NUL. Returns 0, or -1 if there is none, and then writes
 * nothing. */
int cgroup_container(const char *text, size_t length, char ret_id[static CONTAINER_ID_SIZE]);

/* Whether that is an id, of which the first twelve digits are shown, and no name. */
bool cgroup_is_id(const char *container);

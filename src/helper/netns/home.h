/* Network namespaces; and home, the namespace that the helper was started in, where the UDP sockets
 * of links are.
 *
 * To act in another namespace takes three steps: enter it (privileged.h), act, home_return().
 * Before the first time home_check_way() shows that there is a way back. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct failure;
struct file_status;

/* A namespace, held by a descriptor and known by its inode (ioctl_ns(2)). */
struct netns {
    int fd;
    dev_t device;
    ino_t inode;
};

struct home {
    struct netns netns;
    bool settings_seen; /* /proc/sys/net is there, which tells the initial namespace */
};

/* Identifies the namespace that a descriptor is open on. Returns 0, or a negative errno. */
int netns_identify(int fd, struct netns *ret_netns);
bool netns_same(const struct netns *a, const struct netns *b);

/* The namespace, without a descriptor, of a file that file_look_at() (file.h) has looked at. */
struct netns netns_of_file(const struct file_status *status);

/* Opens the namespace of a socket or of a TUN device; `command` as in privileged.h. Returns 0, or a
 * negative errno. */
int netns_of(int fd, unsigned int command, struct netns *ret_netns);

/* Returns 0 if a file is there, -ENOENT if not, or another negative errno if that can't be told. */
int home_find_file(const char *path);

/* Notes the namespace that we are in as home. Returns 0, or a negative errno. */
int home_open(struct home *ret_home, struct failure *failure);

/* Checks that a container's namespace can be told from the machine's own, on which only root may
 * work. Returns 0, or -EACCES with advice. */
int home_check(const struct home *home, struct failure *failure);

/* Checks that home can be entered again, by entering it from home. Returns 0, or a negative errno
 * with the reason. */
int home_check_way(const struct home *home, struct failure *failure);

/* Goes home. If that fails, writes why, and ends the process: anything later would happen in
 * somebody else's network, with the capabilities that are still permitted. Unfinished work is left
 * as after SIGKILL, for which each task is made: an unfinished link, which the next cwg_create
 * replaces. The caller gets neither JSON nor the answer to a batch's line, and the journal no line.
 * While this writes nothing of the container is open, but this process is still in its network
 * namespace: so the deadline still runs. */
void home_return(const struct home *home);

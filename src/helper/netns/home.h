/* Network namespaces, and home: the one where the helper was started, and where the UDP sockets of
 * links are.
 *
 * To act in another namespace is three steps: enter it (privileged.h), act, home_return(). Before
 * the first time home_check_way() shows that there is a way back. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct failure;
struct statx;

/* A namespace, held by a descriptor and known by its inode (ioctl_ns(2)). */
struct netns {
    int fd;
    dev_t device;
    ino_t inode;
};

struct home {
    struct netns netns;
    bool settings_seen; /* whether /proc/sys/net is there, which tells the initial namespace */
};

/* Which namespace a descriptor stands for. Returns 0, or a negative errno. */
int netns_identify(int fd, struct netns *ret_netns);
bool netns_same(const struct netns *a, const struct netns *b);

/* The namespace, without a descriptor, that statx() has told the file of. */
struct netns netns_of_file(const struct statx *status);

/* The namespace of a socket, or of a TUN device: `command` as in privileged.h. Returns 0, or a
 * negative errno. */
int netns_of(int fd, unsigned long command, struct netns *ret_netns);

/* Whether a file is there: 0, or -ENOENT, or another negative errno that leaves it open. */
int home_find_file(const char *path);

/* Finds out where we are. Returns 0, or a negative errno. */
int home_open(struct home *ret_home, struct failure *failure);

/* Whether a container's namespace can be told from the machine's own, which only root may work on.
 * Returns 0, or -EACCES with what is to be done about it. */
int home_check(const struct home *home, struct failure *failure);

/* Whether home can be entered again, by going there from home. Returns 0, or a negative errno with
 * the reason. */
int home_check_way(const struct home *home, struct failure *failure);

/* Goes home. Where that fails the process ends, and says why: whatever came next would be done in
 * somebody else's network, by the capabilities that are still permitted: sockets would be made
 * there, links have their port there. What was begun is as after SIGKILL, which each task is made
 * for: a link that isn't finished, and the next cwg_create replaces it. Nothing of the container is
 * open while that is written, but that this process is in its network namespace: so the deadline
 * still runs. */
void home_return(const struct home *home);

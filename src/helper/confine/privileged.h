/* All system calls of the helper that need a capability, each around the one call, or the few calls
 * in a row, that need it. privileged.c tells which capability, and who asks for it in the kernel.
 * No other file makes a capability effective; a test of tests/sources keeps it so.
 *
 * Each function returns 0, or what the system call returns, such as a descriptor; or a negative
 * errno. None is effective afterwards. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>

struct statx;

/* A netlink socket, and messages over it: what changes a device, or reads its keys; and what binds
 * a link's port as well. */
int privileged_open_netlink(int protocol);
int privileged_send(int netlink, const void *bytes, size_t size);
int privileged_send_to_bind(int netlink, const void *bytes, size_t size);

/* Into the network namespace of a process (a pidfd); into one that a descriptor stands for; into a
 * new one. Who enters one goes home again by home_return() (home.h). */
int privileged_enter_process(int pidfd);
int privileged_enter_netns(int netns);
int privileged_enter_new_netns(void);

/* A descriptor of the network namespace of a socket (SIOCGSKNS), or of a TUN device
 * (TUNGETDEVNETNS). */
int privileged_open_netns_of(int fd, unsigned long command);

/* Binds a socket, below net.ipv4.ip_unprivileged_port_start, too, if the caller is root. */
int privileged_bind(int fd, const void *address, socklen_t size);

/* Sets both buffers of a socket to a size in bytes, whatever net.core.rmem_max is. */
int privileged_set_buffers(int fd, int size);

/* Gives an open /dev/net/tun a new device of a name, with an index, that no process has; its frames
 * have a virtio header of that size. */
int privileged_make_tun(int fd, const char *name, int index, int header);

/* Puts an empty file system in the place of all others, over a directory that is there: read-only,
 * root's, mode 0555. */
int privileged_empty_root(const char *place);

/* A process of anybody's, by a path below a descriptor of /proc, or an absolute one: what statx()
 * tells without asking a server for it; a descriptor to read from; the next entries of the
 * directory (getdents64(2)). */
int privileged_look_at(int proc, const char *path, struct statx *ret_status);
int privileged_open_of(int proc, const char *path);
int privileged_list(int proc, void *ret_entries, size_t size);

/* A copy of a descriptor of another process's. */
int privileged_copy_descriptor(int pidfd, int number);

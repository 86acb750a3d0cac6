/* All system calls of the helper that need a capability. Each function raises a capability around
 * one call, or a few calls in a row. privileged.c names the capability, and the kernel's function
 * that asks for it. No other file makes a capability effective; a test of tests/sources keeps it
 * so.
 *
 * Each function returns 0, the system call's own result, such as a descriptor, or a negative errno,
 * which is in errno, too. No capability is effective afterwards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct file_status;

/* Open a netlink socket; send a message that changes a device, or reads its keys. `binds`: the
 * message also binds a link's port. */
int privileged_open_netlink(int protocol);
int privileged_send(int netlink, const void *bytes, size_t size, bool binds);

/* Enter the network namespace of a process (a pidfd), of a descriptor, or a new one. home_return()
 * (home.h) goes home again. */
int privileged_enter_process(int pidfd);
int privileged_enter_netns(int netns);
int privileged_enter_new_netns(void);

/* Opens the network namespace of a socket (SIOCGSKNS) or of a TUN device (TUNGETDEVNETNS). */
int privileged_open_netns_of(int fd, unsigned int command);

/* Binds a socket. A caller who is root may have a port below
 * net.ipv4.ip_unprivileged_port_start. */
int privileged_bind(int fd, const void *address, socklen_t size);

/* Sets both buffers of a socket to `size` bytes, above net.core.rmem_max if need be. */
int privileged_set_buffers(int fd, int size);

/* Gives an open /dev/net/tun a new device with that name and index. No process may have that device
 * yet. Frames have a virtio header of `header` bytes. */
int privileged_make_tun(int fd, const char *name, int index, int header);

/* Replaces all file systems by an empty one, mounted over the existing directory `place`:
 * read-only, root's, mode 0555. */
int privileged_empty_root(const char *place);

/* Look at a process of any user, by a path below a descriptor of /proc, or by an absolute one:
 * file_look_at() (file.h); open for reading; read the directory's next entries (getdents64(2)). */
int privileged_look_at(int proc, const char *path, struct file_status *ret_status);
int privileged_open_of(int proc, const char *path);
int privileged_list(int proc, void *ret_entries, size_t size);

/* Copies a descriptor of another process. */
int privileged_copy_descriptor(int pidfd, int number);

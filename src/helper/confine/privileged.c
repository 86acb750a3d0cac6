/* An auditor reads this file first: all system calls with an effective capability are here.
 * privilege.h lists the capabilities. Each function names its capability, the kernel's function
 * that asks for it, and the reason. */
#include "helper/confine/privileged.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/base/file.h"
#include "helper/confine/privilege.h"

/* Lowers the privileges after a call. privilege_lower() keeps errno. */
static int lowered(long result)
{
    privilege_lower();
    return result < 0 ? -errno : (int)result;
}

/* CAP_NET_ADMIN: for a privileged message the kernel also checks who opened the socket
 * (__netlink_ns_capable(), net/netlink/af_netlink.c). */
int privileged_open_netlink(int protocol)
{
    privilege_raise(PRIVILEGE_NET);
    return lowered(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

/* CAP_NET_ADMIN: to change a device, its addresses or its ARP (rtnetlink_rcv_msg(),
 * net/core/rtnetlink.c); to set or read a WireGuard device, whose answer has the private key
 * (genl_family_rcv_msg(), net/netlink/genetlink.c). With `binds` also CAP_NET_BIND_SERVICE, if the
 * caller is root: the driver binds the link's port with the rights of the process that sets the
 * device up (__inet_bind(), net/ipv4/af_inet.c). */
int privileged_send(int netlink, const void *bytes, size_t size, bool binds)
{
    privilege_raise(PRIVILEGE_NET | (binds ? privilege_to_bind() : 0U));
    return lowered(send(netlink, bytes, size, 0));
}

/* CAP_SYS_PTRACE: the process is another user's (validate_nsset(), kernel/nsproxy.c, by
 * ptrace_may_access()). CAP_SYS_ADMIN: as for privileged_enter_netns(). */
int privileged_enter_process(int pidfd)
{
    privilege_raise(PRIVILEGE_PTRACE | PRIVILEGE_ADMIN);
    return lowered(setns(pidfd, CLONE_NEWNET));
}

/* CAP_SYS_ADMIN over the namespace and over our own user namespace (netns_install(),
 * net/core/net_namespace.c). */
int privileged_enter_netns(int netns)
{
    privilege_raise(PRIVILEGE_ADMIN);
    return lowered(setns(netns, CLONE_NEWNET));
}

/* CAP_SYS_ADMIN: an engine gets a network namespace of its own (unshare_nsproxy_namespaces(),
 * kernel/nsproxy.c). */
int privileged_enter_new_netns(void)
{
    privilege_raise(PRIVILEGE_ADMIN);
    return lowered(unshare(CLONE_NEWNET));
}

/* CAP_NET_ADMIN over that namespace (sock_ioctl(), net/socket.c; __tun_chr_ioctl(),
 * drivers/net/tun.c). The namespace's inode tells it from home and from the target. */
int privileged_open_netns_of(int fd, unsigned int command)
{
    privilege_raise(PRIVILEGE_NET);
    return lowered(ioctl(fd, command));
}

/* CAP_NET_BIND_SERVICE if the caller is root (__inet_bind(), net/ipv4/af_inet.c). For any other
 * caller the caller's own rights decide which port a link may have. */
int privileged_bind(int fd, const void *address, socklen_t size)
{
    const unsigned int privileges = privilege_to_bind();
    int result;

    if (privileges)
        privilege_raise(privileges);
    result = bind(fd, address, size) < 0 ? -errno : 0;
    if (privileges)
        privilege_lower();
    return result;
}

/* CAP_NET_ADMIN (sk_setsockopt(), net/core/sock.c): datagrams that arrive while an engine is busy
 * need room. The machine's limit is for programs with many sockets. */
int privileged_set_buffers(int fd, int size)
{
    privilege_raise(PRIVILEGE_NET);
    return lowered(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0
                       ? -1
                       : setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
}

/* CAP_NET_ADMIN over the namespace of the new device (tun_set_iff(), drivers/net/tun.c).
 * IFF_TUN_EXCL: never attach to a device that somebody else made. */
int privileged_make_tun(int fd, const char *name, int index, int header)
{
    struct ifreq request = {.ifr_flags =
                                (short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL)};

    memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
    privilege_raise(PRIVILEGE_NET);
    return lowered(ioctl(fd, TUNSETIFINDEX, &index) < 0 || ioctl(fd, TUNSETIFF, &request) < 0
                       ? -1
                       : ioctl(fd, TUNSETVNETHDRSZ, &header));
}

/* CAP_SYS_ADMIN: an engine sees no file, and proof.c recognises it by its empty root
 * (unshare_nsproxy_namespaces(), kernel/nsproxy.c; may_mount(), fs/namespace.c). The mounts are in
 * a namespace of their own. */
int privileged_empty_root(const char *place)
{
    const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

    privilege_raise(PRIVILEGE_ADMIN);
    return lowered(unshare(CLONE_NEWNS) < 0 ||
                           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                           mount("none", place, "tmpfs", flags,
                                 "size=4096,nr_inodes=1,mode=0555,uid=0,gid=0") < 0 ||
                           chdir(place) < 0 || syscall(SYS_pivot_root, ".", ".") < 0
                       ? -1
                       : umount2(".", MNT_DETACH));
}

/* CAP_SYS_PTRACE: to read the links of another user's process (proc_pid_get_link(), fs/proc/base.c,
 * and proc_ns_get_link(), fs/proc/namespaces.c, by ptrace_may_access()). */
int privileged_look_at(int proc, const char *path, struct file_status *ret_status)
{
    privilege_raise(PRIVILEGE_PTRACE);
    return lowered(file_look_at(proc, path, 0, ret_status));
}

/* CAP_SYS_PTRACE: /proc may be mounted with hidepid (proc_pid_permission(), fs/proc/base.c). */
int privileged_open_of(int proc, const char *path)
{
    privilege_raise(PRIVILEGE_PTRACE);
    return lowered(openat(proc, path, O_RDONLY | O_CLOEXEC));
}

/* CAP_SYS_PTRACE: the same (proc_pid_readdir(), fs/proc/base.c). */
int privileged_list(int proc, void *ret_entries, size_t size)
{
    privilege_raise(PRIVILEGE_PTRACE);
    return lowered(syscall(SYS_getdents64, proc, ret_entries, size));
}

/* CAP_SYS_PTRACE: to find an engine's device and its listening socket, once it is proven to run our
 * program (__pidfd_fget(), kernel/pid.c, by ptrace_may_access()). Yama may ask for more. */
int privileged_copy_descriptor(int pidfd, int number)
{
    privilege_raise(PRIVILEGE_PTRACE);
    return lowered(syscall(SYS_pidfd_getfd, pidfd, number, 0));
}

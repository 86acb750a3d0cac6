#include "helper/backend/engine/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "handover/handover.h"
#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/settings.h"
#include "helper/confine/privileged.h"

enum {
    PROC_PATH_SIZE = 32,
    /* Mode of an engine's root directory (child.c), and the links of a directory without
     * subdirectories. */
    EMPTY_ROOT_MODE = 0555,
    EMPTY_ROOT_LINKS = 2,
    /* /dev/net/tun: a misc device, and its minor number (include/linux/miscdevice.h). */
    TUN_MAJOR = 10,
    TUN_MINOR = 200,
};

const char *proof_text(enum proof_gap gap)
{
    static const char *const texts[] = {
        [PROOF_COMPLETE] = "",
        [PROOF_NO_PROCESS] =
            "the process that its device's alias names has ended, or the alias was changed",
        [PROOF_FOREIGN] = "the process that its device's alias names isn't an engine of this "
                          "installation or the one before",
        [PROOF_OTHER_LINK] = "the engine that its device's alias names is another link's",
        [PROOF_BLIND] = "this program may not look at the engine's process: mount /proc here, and "
                        "set kernel.yama.ptrace_scope below 3",
    };

    return texts[gap];
}

/* Compares the namespace of a descriptor with one that somebody else holds meanwhile. Returns 0,
 * -EXDEV if they differ, or another negative errno. */
static int compare_netns(int fd, unsigned int command, const struct netns *wanted)
{
    struct netns netns = {.fd = -1};
    int error = netns_of(fd, command, &netns);

    file_close(&netns.fd);
    if (error)
        return error;
    return netns_same(&netns, wanted) ? 0 : -EXDEV;
}

/* Looks at the target of a link in /proc/PID, with CAP_SYS_PTRACE. */
static int look_at_process(int process, const char *name, struct file_status *ret_status)
{
    char path[PROC_PATH_SIZE];

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", process, name);
    return privileged_look_at(AT_FDCWD, path, ret_status);
}

static bool same_file(const struct file_status *a, const struct file_status *b)
{
    return a->inode == b->inode && a->device == b->device;
}

static bool is_namespace(const struct netns *netns, const struct file_status *status)
{
    const struct netns other = netns_of_file(status);

    return netns_same(netns, &other);
}

/* Opens a socket in the network namespace of a process, and identifies that namespace. */
static int enter_place(const struct home *home, struct proof *proof)
{
    int error = privileged_enter_process(proof->pidfd);

    if (error)
        return error;
    proof->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    error = proof->socket < 0 ? -errno : 0;
    home_return(home);
    return error ? error : netns_of(proof->socket, SIOCGSKNS, &proof->place);
}

/* Checks that a network namespace belongs to our own user namespace. */
static int check_owner(int netns)
{
    struct netns owner = {0};
    struct file_status own;
    int userns = ioctl(netns, NS_GET_USERNS);
    int error = userns < 0 ? -errno : netns_identify(userns, &owner);

    if (userns >= 0)
        close(userns);
    if (error)
        return error;
    if (file_look_at(AT_FDCWD, "/proc/self/ns/user", 0, &own))
        return -EACCES;
    return is_namespace(&owner, &own) ? 0 : -ESRCH;
}

static int check_place(const struct target *target, struct proof *proof)
{
    int error = enter_place(target->home, proof);

    if (error == -EPERM)
        return -ESRCH;
    if (error)
        return error;
    if (netns_same(&proof->place, &target->netns) ||
        netns_same(&proof->place, &target->home->netns))
        return -ESRCH;
    return check_owner(proof->place.fd);
}

/* Is `program` the file at a path, and is that root's, and for nobody else to write or read?
 * launch.c asks the same before it starts it. */
static bool is_program(const struct file_status *program, const char *path)
{
    struct file_status file;

    return file_look_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &file) == 0 && S_ISREG(file.mode) &&
           file.owner == 0 && !(file.mode & (S_IWGRP | S_IWOTH | S_IRGRP | S_IROTH)) &&
           same_file(&file, program);
}

/* A pidfd becomes readable when its process ends (pidfd_open(2)). */
static bool has_ended(int pidfd)
{
    return clock_await(pidfd, POLLIN, 0) != 0;
}

/* Checks the program of a process. If the process still lives afterwards, its number meant this
 * process all the time. Our /proc may be another pid namespace's, where the number is another
 * process's: so that process has to be in the same network namespace. */
static int check_program(const struct proof *proof)
{
    struct file_status program, netns;
    int error = look_at_process(proof->process, "exe", &program);
    bool known;

    if (!error)
        error = look_at_process(proof->process, "ns/net", &netns);
    if (error)
        return error == -ENOENT && !has_ended(proof->pidfd) ? -EACCES : error;
    known = is_program(&program, ENGINE_PATH) || is_program(&program, ENGINE_PATH ".previous");
    return known && is_namespace(&proof->place, &netns) && !has_ended(proof->pidfd) ? 0 : -ESRCH;
}

/* Checks that a process is in a namespace of ours: `ours` and `name` are links of /proc. */
static int check_namespace(int process, const char *ours, const char *name)
{
    struct file_status own, other;
    int error = look_at_process(process, name, &other);

    if (error)
        return error;
    if (file_look_at(AT_FDCWD, ours, 0, &own))
        return -EACCES;
    return same_file(&own, &other) ? 0 : -ESRCH;
}

/* Is a directory the one that child.c makes for an engine: the root of an empty file system? */
static bool is_empty_root(const struct file_status *root, const struct file_status *own)
{
    return root->is_mount_root && root->mode == (S_IFDIR | EMPTY_ROOT_MODE) && root->owner == 0 &&
           root->links == EMPTY_ROOT_LINKS && root->device != own->device;
}

/* Checks who started the process. A process that runs the engine's program may be anybody's,
 * stopped before its first instruction. Its root directory tells. */
static int check_start(const struct proof *proof)
{
    struct file_status root, own;
    int error = check_namespace(proof->process, "/proc/self/ns/user", "ns/user");

    if (!error)
        error = check_namespace(proof->process, "/proc/self/ns/pid", "ns/pid");
    if (!error)
        error = look_at_process(proof->process, "root", &root);
    if (!error)
        error = file_look_at(AT_FDCWD, "/", 0, &own);
    if (error)
        return error;
    return is_empty_root(&root, &own) && !has_ended(proof->pidfd) ? 0 : -ESRCH;
}

/* Is a file /dev/net/tun? For other files the ioctls below mean something else
 * (drivers/net/tun.c). */
static bool is_tun(int fd)
{
    struct stat status;

    return syscall(SYS_fstat, fd, &status) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == makedev(TUN_MAJOR, TUN_MINOR);
}

/* ioctl() by its own number: TUNGETIFF is no int, which musl's ioctl() takes. */
static int check_tun(int fd, const struct target *target, const struct device *device)
{
    struct ifreq request = {.ifr_flags = 0};
    int error;

    _Static_assert(sizeof(request.ifr_name) == sizeof(device->name), "another length of names");
    if (!is_tun(fd) || syscall(SYS_ioctl, fd, TUNGETIFF, &request) < 0 ||
        strncmp(request.ifr_name, device->name, sizeof(request.ifr_name)) != 0)
        return -EXDEV;
    error = compare_netns(fd, TUNGETDEVNETNS, &target->netns);
    return error && !failure_is_shortage(error) ? -EXDEV : error;
}

/* Checks the engine's device. The copy keeps the device in being, and is closed at once. */
static int check_device(const struct proof *proof, const struct target *target,
                        const struct device *device)
{
    int fd = privileged_copy_descriptor(proof->pidfd, HANDOVER_TUN);
    int error = fd < 0 ? fd : check_tun(fd, target, device);

    if (fd >= 0)
        close(fd);
    return error;
}

static enum proof_gap gap_of(int error)
{
    switch (error) {
    case 0:
        return PROOF_COMPLETE;
    case -EPERM:
    case -EACCES:
        return PROOF_BLIND;
    case -EXDEV:
        return PROOF_OTHER_LINK;
    default:
        return PROOF_FOREIGN;
    }
}

int proof_open(const struct target *target, const struct device *device, struct proof *ret_proof)
{
    struct proof proof = PROOF_NONE;
    int error;

    proof.process = device->process;
    *ret_proof = proof;
    if (proof.process <= 0)
        return -ENOLINK;
    proof.pidfd = (int)syscall(SYS_pidfd_open, proof.process, 0);
    error = proof.pidfd < 0 ? -errno : 0;
    if (!error)
        error = check_place(target, &proof);
    if (!error)
        error = check_program(&proof);
    if (!error)
        error = check_start(&proof);
    if (!error)
        error = check_device(&proof, target, device);
    proof.gap = proof.pidfd < 0 || has_ended(proof.pidfd) ? PROOF_NO_PROCESS : gap_of(error);
    *ret_proof = proof;
    if (failure_is_shortage(error))
        return error;
    return proof.gap == PROOF_COMPLETE ? 0 : -ENOLINK;
}

void proof_close(struct proof *proof)
{
    file_close(&proof->pidfd);
    file_close(&proof->socket);
    file_close(&proof->place.fd);
}

static bool has_option(int fd, int option, int wanted)
{
    socklen_t size = sizeof(int);
    int value = 0;

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

/* Checks that a socket listens in the engine's own namespace, where nobody else can answer by its
 * name. */
static int check_listener(const struct proof *proof, int fd)
{
    if (!has_option(fd, SO_DOMAIN, AF_UNIX) || !has_option(fd, SO_TYPE, SOCK_SEQPACKET) ||
        !has_option(fd, SO_ACCEPTCONN, 1))
        return -EPROTO;
    return compare_netns(fd, SIOCGSKNS, &proof->place);
}

int proof_take_listener(const struct proof *proof, int *ret_listener)
{
    int fd = privileged_copy_descriptor(proof->pidfd, HANDOVER_CONTROL);
    int error = fd < 0 ? fd : check_listener(proof, fd);

    if (!error)
        *ret_listener = fd;
    else if (fd >= 0)
        close(fd);
    return error == -EBADF || error == -EXDEV ? -EPROTO : error;
}

#include "helper/confine/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/request.h"

/* Fills closed descriptors 0, 1 and 2, which the next open() would get otherwise. O_PATH can be
 * neither read nor written, so a result for a closed standard output is an error. */
static int fill_descriptors(void)
{
    int fd;

    do {
        fd = open("/", O_PATH | O_CLOEXEC);
        if (fd < 0)
            return -errno;
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}

int startup_harden(void)
{
    static const struct rlimit no_core = {0};
    int error;

    /* Forbid the process's own user ptrace, pidfd_getfd and core dumps. The kernel does so by
     * itself only if the program's file gave it capabilities that the caller didn't have. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
        return -errno;
    error = fill_descriptors();
    if (error)
        return error;
    /* A failed write is an error to roll back, and no signal ends the process. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return -errno;
    umask(S_IRWXG | S_IRWXO);
    return 0;
}

static int close_from(unsigned int first, unsigned int last)
{
    if (first > last)
        return 0;
    return syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

int startup_detach(void)
{
    int error = close_from(STDIN_FILENO, STDERR_FILENO);

    return error ? error : fill_descriptors();
}

pid_t startup_split_off(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

void startup_close_all(void)
{
    (void)close_from(STDERR_FILENO + 1, UINT_MAX);
}

/* Is a file in the mount of our root directory? Only root can have made that mount. */
static bool is_in_root_mount(int fd)
{
    uint64_t mount, root;

    return !file_find_mount(fd, "", AT_EMPTY_PATH, &mount) &&
           !file_find_mount(AT_FDCWD, "/", 0, &root) && mount == root;
}

/* Is a socket neither UNIX nor IP? */
static bool is_strange_socket(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t size = sizeof(domain);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
           (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6);
}

/* Can a write to this file wait for a process of some user's, without end? A process, maybe the
 * caller's, serves a file of FUSE. Writing, polling and even closing such a file wait for that
 * process, and no signal ends the wait (fuse_flush(), fs/fuse/file.c). With such a file among
 * descriptors 0 to 2 the caller could hold up the helper with a container open. Other files pass a
 * call on to a file of FUSE:
 *
 *   overlayfs, ecryptfs  to the file below. Every user can mount an overlay in a user namespace of
 *                        his own (ovl_flush(), fs/overlayfs/file.c). Root mounts the overlay of a
 *                        container's or a live system's root directory.
 *   epoll(7)             a poll, to all files that it watches (__ep_eventpoll_poll(),
 *                        fs/eventpoll.c). It is an anonymous inode; nobody needs one here.
 *
 * Polling a vsock(7) socket waits for whoever sends by it, perhaps from memory that a file of FUSE
 * is mapped into (vsock_poll(), net/vmw_vsock/af_vsock.c). UNIX and IP sockets don't wait so. */
static bool may_wait_for_user(int fd)
{
    struct statfs status;

    /* The file system's server answers this, and may answer by an error. */
    if (fstatfs(fd, &status) < 0)
        return true;
    switch (status.f_type) {
    case FUSE_SUPER_MAGIC:
    case ECRYPTFS_SUPER_MAGIC:
    case ANON_INODE_FS_MAGIC:
        return true;
    case OVERLAYFS_SUPER_MAGIC:
        return !is_in_root_mount(fd);
    case SOCKFS_MAGIC:
        return is_strange_socket(fd);
    default:
        return false;
    }
}

/* Would the end of this process hang up a terminal, and wait? When the leader of a session ends,
 * the kernel hangs up its controlling terminal, except a pseudoterminal (disassociate_ctty(),
 * drivers/tty/tty_io.c). The hang-up waits for everybody who writes to the terminal, perhaps from
 * memory that never comes. Only afterwards the leader's descriptors are closed. */
static bool hangs_up_terminal(void)
{
    unsigned int device = 0;
    bool pseudo;
    int fd;

    if (getsid(0) != getpid())
        return false;
    fd = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    pseudo = ioctl(fd, TIOCGDEV, &device) == 0 && major(device) >= UNIX98_PTY_SLAVE_MAJOR &&
             major(device) < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT;
    close(fd);
    return !pseudo;
}

static int check_standard(struct failure *failure)
{
    if (getuid() == 0)
        return 0;
    if (hangs_up_terminal())
        return fail_as(failure, FAILURE_OUTPUT, -ENOTTY,
                       "this program leads a session on a console or a serial line, where its end "
                       "can be held up: let a shell start it, and wait for it");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (may_wait_for_user(fd))
            return fail_as(failure, FAILURE_OUTPUT, -EBADF,
                           "standard input, output or error can hold this program up without end: "
                           "it is a file of a FUSE file system, or of an overlay that may have one "
                           "below it, or an epoll descriptor, or a socket that is neither UNIX nor "
                           "IP: use a pipe, such as `| cat >FILE`");
    }
    return 0;
}

int startup_shed(const struct target_name *target, struct failure *failure)
{
    static const unsigned int first = STDERR_FILENO + 1;
    unsigned int kept = (unsigned int)target->number;
    int error = check_standard(failure);

    if (error)
        return error;
    if (chdir("/") < 0)
        return fail_unexpected(failure, -errno, "can't leave the directory");
    /* A closed number would come to mean the next file that we open. */
    if (target->kind == TARGET_DESCRIPTOR && fcntl(target->number, F_GETFD) < 0)
        return fail_descriptor(failure);
    if (target->kind == TARGET_DESCRIPTOR && kept >= first) {
        error = close_from(first, kept - 1);
        if (!error)
            error = close_from(kept + 1, UINT_MAX);
    } else {
        error = close_from(first, UINT_MAX);
    }
    if (error == -ENOSYS)
        return fail_as(failure, FAILURE_UNSUPPORTED, error,
                       "this kernel is too old: Linux 5.9 or newer is needed");
    return error ? fail_unexpected(failure, error, "can't close inherited descriptors") : 0;
}

#include "helper/netns/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/print.h"
#include "helper/confine/privilege.h"
#include "helper/confine/privileged.h"
#include "helper/confine/startup.h"
#include "helper/netlink/secret.h"

bool netns_same(const struct netns *a, const struct netns *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* fstat() by its own number, which the sandbox allows, whatever libc would use. */
int netns_identify(int fd, struct netns *ret_netns)
{
    struct stat status;

    if (syscall(SYS_fstat, fd, &status) < 0)
        return -errno;
    *ret_netns = (struct netns){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
    return 0;
}

struct netns netns_of_file(const struct file_status *status)
{
    return (struct netns){.fd = -1, .device = status->device, .inode = status->inode};
}

int netns_of(int fd, unsigned int command, struct netns *ret_netns)
{
    int netns = privileged_open_netns_of(fd, command);

    return netns < 0 ? netns : netns_identify(netns, ret_netns);
}

/* faccessat() by its own number, which the sandbox allows, whatever libc would use. */
int home_find_file(const char *path)
{
    return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) < 0 ? -errno : 0;
}

int home_open(struct home *ret_home, struct failure *failure)
{
    struct home home = {0};
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? -errno : netns_identify(fd, &home.netns);

    if (error)
        return fail_unexpected(failure, error, "can't open /proc/self/ns/net (is /proc mounted?)");
    home.settings_seen = home_find_file("/proc/sys/net/core") == 0;
    *ret_home = home;
    return 0;
}

int home_check(const struct home *home, struct failure *failure)
{
    if (home->settings_seen || getuid() == 0)
        return 0;
    return fail_as(failure, FAILURE_NOT_PERMITTED, -EACCES,
                   "can't tell the machine's own network namespace from a container's: there is no "
                   "/proc/sys/net; mount /proc where this program runs");
}

int home_check_way(const struct home *home, struct failure *failure)
{
    int error = privileged_enter_netns(home->netns.fd);

    return error
               ? fail_as(failure, FAILURE_NOT_PERMITTED, error,
                         "this program has no rights over the network namespace that it was "
                         "started in, where the link's UDP socket would be; start it in the host's")
               : 0;
}

void home_return(const struct home *home)
{
    struct failure failure = {.text = ""};

    if (!home_check_way(home, &failure))
        return;
    secret_wipe();
    startup_close_all();
    privilege_end();
    print_failure(&failure, "");
    _exit(EXIT_FAILURE);
}

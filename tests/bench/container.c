#include "container.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"
#include "spawn.h"

#define WG "/usr/bin/wg"

static _Noreturn void live(int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) < 0 || write(ready, "", 1) != 1)
        _exit(TROUBLE);
    for (;;)
        pause();
}

static int open_netns(pid_t pid)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(TROUBLE, "%s", path);
    return fd;
}

void container_start(struct container *ret_container)
{
    int ready[2];
    char byte;
    pid_t pid;

    pipe_open(ready);
    pid = fork();
    if (pid == 0) {
        close(ready[0]);
        live(ready[1]);
    }
    close(ready[1]);
    if (pid < 0 || read(ready[0], &byte, 1) != 1)
        fail(TROUBLE, "can't start a container");
    close(ready[0]);
    *ret_container = (struct container){.pid = pid, .netns = open_netns(pid)};
}

/* A socket in the container; we stay where we are. */
static int socket_inside(const struct container *container)
{
    int home = open_netns(getpid());
    int fd;

    if (setns(container->netns, CLONE_NEWNET) < 0)
        fail(TROUBLE, "setns");
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setns(home, CLONE_NEWNET) < 0)
        fail(TROUBLE, "setns");
    close(home);
    return fd;
}

/* Asks for one property of a device; false if there is no such device. */
static bool get(int fd, unsigned long what, const char *name, struct ifreq *ret_answer)
{
    memset(ret_answer, 0, sizeof(*ret_answer));
    memcpy(ret_answer->ifr_name, name, LINK_NAME_SIZE);
    return ioctl(fd, what, ret_answer) == 0;
}

static bool has_address(int fd, unsigned long what, const char *name, uint32_t address)
{
    struct sockaddr_in found;
    struct ifreq answer;

    if (!get(fd, what, name, &answer))
        return false;
    memcpy(&found, &answer.ifr_addr, sizeof(found));
    return ntohl(found.sin_addr.s_addr) == address;
}

static bool is_up_with_address(const struct container *container, struct link_end end,
                               const char *name)
{
    int fd = socket_inside(container);
    struct ifreq answer;
    bool right = get(fd, SIOCGIFFLAGS, name, &answer) && (answer.ifr_flags & IFF_UP) &&
                 has_address(fd, SIOCGIFADDR, name, link_address(end)) &&
                 has_address(fd, SIOCGIFNETMASK, name, UINT32_MAX << (32 - LINK_PREFIX_LENGTH));

    close(fd);
    return right;
}

static bool port_is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool free = bind(fd, (void *)&address, sizeof(address)) == 0;

    close(fd);
    return free;
}

/* `wg show NAME dump`, but for the private key: a line of the device, a line of each peer. */
static void expected_dump(const struct expectation *expected, char *ret_text, size_t size)
{
    struct in_addr peer = {.s_addr = htonl(link_address(link_other_end(expected->end)))};
    char address[INET_ADDRSTRLEN];
    int used =
        snprintf(ret_text, size, "\t%s\t%u\toff", expected->public_key, (unsigned)expected->port);

    inet_ntop(AF_INET, &peer, address, sizeof(address));
    if (expected->endpoint)
        (void)snprintf(ret_text + used, size - (size_t)used,
                       "\n%s\t(none)\t%s\t%s/32\t0\t0\t0\toff", expected->peer_key,
                       expected->endpoint, address);
}

void container_check_link(const struct container *container, const struct expectation *expected)
{
    char name[LINK_NAME_SIZE] = "";
    char wanted[512];
    char found[512];
    const char *after_private_key;

    link_name("wg", expected->end, name);
    spawn_and_read((const char *const[]){WG, "show", name, "dump", NULL}, container->netns, NULL,
                   found, sizeof(found));
    expected_dump(expected, wanted, sizeof(wanted));
    after_private_key = strchr(found, '\t');
    errno = 0;
    if (!after_private_key || strcmp(after_private_key, wanted) != 0)
        fail(TROUBLE, "%s is not as it should be: %s, not %s", name,
             after_private_key ? after_private_key : "?", wanted);
    if (!is_up_with_address(container, expected->end, name))
        fail(TROUBLE, "%s is not up, or its address is wrong", name);
    if (port_is_free(expected->port))
        fail(TROUBLE, "%s has no UDP socket here", name);
}

void container_check_gone(const struct container *container, const struct expectation *expected)
{
    char name[LINK_NAME_SIZE] = "";
    int fd = socket_inside(container);
    struct ifreq answer;

    link_name("wg", expected->end, name);
    errno = 0;
    if (get(fd, SIOCGIFFLAGS, name, &answer) || !port_is_free(expected->port))
        fail(TROUBLE, "something is left of %s", name);
    close(fd);
}

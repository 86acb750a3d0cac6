#include "cwg_beating.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

enum {
    HEADERS = 28, /* of IP and UDP */
};

static int orders = -1; /* a socket: the size of a packet goes there, and comes back */

/* Opens a socket whose datagrams go to itself. */
static int open_echo(void)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    socklen_t length = sizeof(self);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ||
        bind(fd, (const struct sockaddr *)&self, length) < 0 ||
        getsockname(fd, (struct sockaddr *)&self, &length) < 0 ||
        connect(fd, (const struct sockaddr *)&self, length) < 0)
        unit_trouble("lo");
    return fd;
}

static _Noreturn void run(int socket)
{
    static const char bytes[1024];
    char heard[1024];
    uint16_t size = 0;
    int echo;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) < 0)
        unit_trouble("unshare");
    echo = open_echo();
    (void)!write(socket, &size, sizeof(size));
    while (read(socket, &size, sizeof(size)) == sizeof(size)) {
        if (send(echo, bytes, size, 0) != size || recv(echo, heard, sizeof(heard), 0) != size)
            unit_trouble("send");
        (void)!write(socket, &size, sizeof(size));
    }
    _exit(0);
}

pid_t beating_start(void)
{
    int pair[2];
    uint16_t size;
    pid_t pid;

    if (orders >= 0)
        close(orders);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        unit_trouble("socketpair");
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        run(pair[1]);
    }
    close(pair[1]);
    orders = pair[0];
    if (pid < 0 || read(orders, &size, sizeof(size)) != sizeof(size))
        unit_trouble("a container");
    return pid;
}

void beating_receive(size_t bytes)
{
    uint16_t size = (uint16_t)(bytes - HEADERS);

    if (write(orders, &size, sizeof(size)) != sizeof(size) ||
        read(orders, &size, sizeof(size)) != sizeof(size))
        unit_trouble("the container");
}

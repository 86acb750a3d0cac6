// Holds a UDP port, or says whether one is free.
//
//     udpport hold PORT    binds 0.0.0.0:PORT and [::]:PORT, prints "bound", and keeps both until
//                          SIGTERM, for 120 seconds, or to the end of standard input where that is
//                          a pipe, a socket or a terminal (a background job has /dev/null there)
//     udpport free PORT    whether both can be bound now
//
// Where the machine has no IPv6, IPv4 is all.
// Exit status: hold: 0, or 1 if the port is taken. free: 0 free, 1 taken. 2: wrong arguments or
// other trouble.
#define _GNU_SOURCE 1
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"

enum { HOLD_MS = 120 * 1000 };

static _Noreturn void usage(void)
{
    fputs("usage: udpport hold|free PORT\n", stderr);
    exit(TROUBLE);
}

static bool bind_to(int fd, const void *address, size_t size)
{
    if (bind(fd, address, (socklen_t)size) == 0)
        return true;
    if (errno != EADDRINUSE)
        fail(TROUBLE, "bind");
    return false;
}

// take_ipv4() and take_ipv6() leave their socket open. False if the port is taken.
static bool take_ipv4(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        fail(TROUBLE, "socket");
    return bind_to(fd, &any, sizeof(any));
}

static bool take_ipv6(uint16_t port)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int only = 1;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 && errno == EAFNOSUPPORT)
        return true;
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) != 0)
        fail(TROUBLE, "socket");
    return bind_to(fd, &any, sizeof(any));
}

static void finish(int signal)
{
    (void)signal;
    _exit(0);
}

// Says whether the end of standard input means anything.
static bool input_ends(void)
{
    struct stat input;
    return fstat(0, &input) == 0 &&
           (S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode) || isatty(0));
}

static void hold(void)
{
    struct pollfd input = {.fd = input_ends() ? 0 : -1, .events = POLLIN};
    int64_t end = now_ms() + HOLD_MS;
    char text[512];
    int64_t left;

    while ((left = end - now_ms()) > 0) {
        int ready = poll(&input, 1, (int)left);
        if (ready > 0 && read(0, text, sizeof(text)) <= 0)
            return;
    }
}

int main(int argc, char **argv)
{
    long port;

    if (argc != 3 || !parse_number(argv[2], 1, 65535, &port))
        usage();
    bool holds = strcmp(argv[1], "hold") == 0;
    if (!holds && strcmp(argv[1], "free") != 0)
        usage();

    signal(SIGTERM, finish);
    if (!take_ipv4((uint16_t)port) || !take_ipv6((uint16_t)port))
        return 1;
    if (holds) {
        puts("bound");
        fflush(stdout);
        hold();
    }
    return 0;
}

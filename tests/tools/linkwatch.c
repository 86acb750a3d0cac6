// Prints each change of links and IPv4 addresses in its network namespace.
//
//     linkwatch SECONDS [NAME]
//
// With NAME it hears of one device only: of its links by that name, and of addresses that a device
// has whose link by that name it has heard of.
//
// Prints "watching" once nothing can escape it any more, then a line per event:
//
//     newlink 5 dummy0 | dellink 5 dummy0 | newaddr 5 10.0.0.0/31 | deladdr 5 10.0.0.0/31
//
// and at the end, after SECONDS or at SIGTERM, "events N".
// Exit status: 0, however many events; 1 if the kernel dropped some; 2 wrong arguments or trouble.
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static long events;
static const char *only; // the name of the device that is asked for
static int only_index;
static volatile sig_atomic_t over;

static void finish(int signal)
{
    (void)signal;
    over = 1;
}

static int take_name(const struct nlattr *attribute, void *data)
{
    const char **name = data;
    if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
        *name = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

static int take_address(const struct nlattr *attribute, void *data)
{
    char *text = data;
    if (mnl_attr_get_type(attribute) == IFA_LOCAL)
        inet_ntop(AF_INET, mnl_attr_get_payload(attribute), text, INET_ADDRSTRLEN);
    return MNL_CB_OK;
}

static void show_link(const struct nlmsghdr *header)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
    const char *name = "?";

    mnl_attr_parse(header, sizeof(*link), take_name, &name);
    if (only && strcmp(name, only) != 0)
        return;
    only_index = link->ifi_index;
    events++;
    printf("%s %d %s\n", header->nlmsg_type == RTM_NEWLINK ? "newlink" : "dellink", link->ifi_index,
           name);
}

static void show_address(const struct nlmsghdr *header)
{
    const struct ifaddrmsg *address = mnl_nlmsg_get_payload(header);
    char text[INET_ADDRSTRLEN] = "?";

    if (only && (int)address->ifa_index != only_index)
        return;
    events++;
    mnl_attr_parse(header, sizeof(*address), take_address, text);
    printf("%s %u %s/%u\n", header->nlmsg_type == RTM_NEWADDR ? "newaddr" : "deladdr",
           address->ifa_index, text, address->ifa_prefixlen);
}

static int show(const struct nlmsghdr *header, void *data)
{
    (void)data;
    switch (header->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        show_link(header);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        show_address(header);
        break;
    default:
        events++;
        printf("type %u\n", header->nlmsg_type);
    }
    return MNL_CB_OK;
}

static struct mnl_socket *subscribe(void)
{
    const int size = 4 << 20;
    const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR};
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

    if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) != 0)
        fail(TROUBLE, "netlink socket");
    // If this fails the default size stays: only root of the machine may ask for so much.
    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
                                  sizeof(groups[i])) != 0)
            fail(TROUBLE, "netlink group");
    return socket;
}

// Reads the events that have arrived. False if the kernel has dropped events.
static bool drain(struct mnl_socket *socket)
{
    static char buffer[1 << 16];
    ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

    if (got < 0 && errno == ENOBUFS) {
        puts("dropped");
        return false;
    }
    if (got > 0)
        mnl_cb_run(buffer, (size_t)got, 0, 0, show, NULL);
    return true;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = finish};
    bool complete = true;
    long seconds;

    if (argc < 2 || argc > 3 || !parse_number(argv[1], 1, 3600, &seconds)) {
        fputs("usage: linkwatch SECONDS [NAME]\n", stderr);
        return TROUBLE;
    }
    only = argv[2];
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct mnl_socket *socket = subscribe();
    struct pollfd input = {.fd = mnl_socket_get_fd(socket), .events = POLLIN};
    int64_t end = now_ms() + seconds * 1000;
    int64_t left;
    puts("watching");
    while (!over && (left = end - now_ms()) > 0)
        if (poll(&input, 1, left < 100 ? (int)left : 100) > 0)
            complete = drain(socket) && complete;
    while (poll(&input, 1, 0) > 0) // what came before SIGTERM
        complete = drain(socket) && complete;
    printf("events %ld\n", events);
    mnl_socket_close(socket);
    return complete ? 0 : 1;
}

#include "cwg/agent/loop/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "unit.h"

enum {
    SOON_MS = 5000, /* for a machine that is busy */
};

static struct loop loop;
static struct sockets *sockets;
static int calls;
static uint16_t last;

static void take(void *owner, uint16_t port)
{
    (void)owner;
    calls++;
    last = port;
}

static void begin(void)
{
    sockets = calloc(1, sizeof(*sockets));
    if (!sockets || loop_open(&loop))
        unit_trouble("loop_open");
    sockets->gone = take;
    calls = 0;
    sockets_watch(sockets, &loop);
}

static void end(void)
{
    sockets_close(sockets);
    loop_close(&loop);
    free(sockets);
}

/* Opens a UDP socket on a port of the kernel's choice. */
static int open_socket(int family, uint16_t *ret_port)
{
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = family == AF_INET ? sizeof(address) : sizeof(address6);
    struct sockaddr *any = family == AF_INET ? (void *)&address : (void *)&address6;
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, any, length) < 0 || getsockname(fd, any, &length) < 0)
        unit_trouble("bind");
    *ret_port = ntohs(family == AF_INET ? address.sin_port : address6.sin6_port);
    return fd;
}

static void go_on(int milliseconds)
{
    const int64_t deadline = clock_now() + milliseconds;

    while (calls == 0 && clock_now() < deadline)
        loop_turn(&loop, deadline);
}

TEST(the_end_of_a_socket_is_heard_by_its_port)
{
    static const int families[] = {AF_INET, AF_INET6};

    for (size_t i = 0; i < COUNT(families); i++) {
        uint16_t port;
        int fd;

        begin();
        fd = open_socket(families[i], &port);
        sockets_note(sockets, port);
        close(fd);
        go_on(SOON_MS);
        expect(calls == 1 && last == port, "family %d: %d calls, port %u", families[i], calls,
               last);
        end();
    }
}

TEST(other_ports_are_not_told_of)
{
    uint16_t port, other;
    int fd, second;

    begin();
    second = open_socket(AF_INET, &other);
    fd = open_socket(AF_INET, &port);
    sockets_note(sockets, port);
    close(second);
    close(fd);
    go_on(SOON_MS);
    expect(calls == 1 && last == port, "%d calls, port %u", calls, last);
    end();
}

TEST(nobody_listens_to_a_flood_and_later_somebody_does_again)
{
    const int64_t deadline = clock_now() + 4 * SOON_MS;
    uint16_t port;

    begin();
    sockets->second = clock_now() + 60 * SOON_MS; /* however slow this machine is */
    while (sockets->loop && clock_now() < deadline) {
        close(open_socket(AF_INET, &port));
        loop_turn(&loop, clock_now());
    }
    expect(!sockets->loop, "listens to all of a flood");
    sockets_watch(sockets, &loop);
    expect(!sockets->loop, "listens at once");
    sockets->retry = 0;
    sockets_watch(sockets, &loop);
    expect(sockets->loop != NULL, "doesn't listen again");
    end();
}

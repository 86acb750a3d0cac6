/* The sockets as they are, on loopback. */
#include "engine/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static struct udp udp;
static uint8_t buffer[UDP_BATCH_BYTES + 1];
static int other = -1; /* a socket to send to and to receive by */

static int open_socket(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (void *)&name, sizeof(name)))
        unit_trouble("socket");
    return fd;
}

static struct remote name_of(int fd)
{
    struct remote remote = {0};
    socklen_t size = sizeof(remote.address.v4);

    if (getsockname(fd, &remote.address.any, &size))
        unit_trouble("getsockname");
    return remote;
}

static void begin(void)
{
    memset(&udp, 0, sizeof(udp));
    other = open_socket();
    udp_init(&udp, open_socket(), -1);
}

static void end(void)
{
    close(other);
    close(udp.fd4);
}

static void gather(struct remote *to, size_t length, uint8_t filled)
{
    memset(udp_reserve(&udp, to, length, 0), filled, length);
}

/* Waits for a datagram; 0: none comes. */
static size_t take(int fd, uint8_t *bytes, size_t size)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    ssize_t length = poll(&polled, 1, 1000) == 1 ? recv(fd, bytes, size, 0) : 0;

    return length > 0 ? (size_t)length : 0;
}

static const size_t gathered[] = {100, 100, 100, 50, 100, 200, 200, 30, 30, 1};

/* They arrive as they were gathered, whatever the batches are. */
static void order(void)
{
    for (int batches = 0; batches < 2; batches++) {
        struct remote to;

        begin();
        to = name_of(other);
        if (!batches)
            udp_no_batches(&udp);
        for (size_t i = 0; i < COUNT(gathered); i++)
            gather(&to, gathered[i], (uint8_t)(i + 1));
        udp_send(&udp, &to, "last", 4, 0);
        expect(udp.count == 0 && udp.bytes == 0, "something is left");
        for (size_t i = 0; i < COUNT(gathered); i++) {
            expect(take(other, buffer, sizeof(buffer)) == gathered[i] && buffer[0] == i + 1 &&
                       buffer[gathered[i] - 1] == i + 1,
                   "batches %d, case %zu", batches, i);
        }
        expect(take(other, buffer, sizeof(buffer)) == 4 && memcmp(buffer, "last", 4) == 0, "last");
        end();
    }
}

/* As many as there can be, of all lengths. */
static void full_batches(void)
{
    static const size_t lengths[] = {1, 32, 1000, 1452, 9000, 32000, UDP_PAYLOAD_MAX};

    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct remote to;
        int came = 0;

        begin();
        to = name_of(other);
        for (int k = 0; k < 70; k++)
            gather(&to, lengths[i], (uint8_t)k);
        udp_flush(&udp, &to);
        while (came < 70 && take(other, buffer, sizeof(buffer)) == lengths[i] && buffer[0] == came)
            came++;
        /* what has no room in the socket is lost, but not out of order */
        expect(came == 70 || lengths[i] > 1000, "case %zu: %d came", i, came);
        expect(came > 0, "case %zu: none came", i);
        end();
    }
}

/* A batch that fails for a reason that isn't the batch: batches go on. */
static void not_for_batching(void)
{
    struct remote to, nowhere;

    begin();
    to = nowhere = name_of(other);
    nowhere.address.v4.sin_port = 0; /* EINVAL */
    gather(&nowhere, 100, 1);
    gather(&nowhere, 100, 2);
    udp_flush(&udp, &nowhere);
    expect(udp.segment_max == UDP_PAYLOAD_MAX, "batches are off: %zu", udp.segment_max);
    gather(&to, 100, 3);
    udp_flush(&udp, &to);
    expect(take(other, buffer, sizeof(buffer)) == 100 && buffer[0] == 3, "afterwards");
    end();
}

/* One that would have to be fragmented is sent in pieces of its own, and no such batch again. */
static void too_long_for_batches(void)
{
    struct remote to;

    begin();
    to = name_of(other);
    udp.segment_max = UDP_PAYLOAD_MAX;
    gather(&to, 32700, 1);
    gather(&to, 32700, 2);
    udp_flush(&udp, &to);
    expect(take(other, buffer, sizeof(buffer)) == 32700 && buffer[0] == 1, "the first");
    expect(take(other, buffer, sizeof(buffer)) == 32700 && buffer[0] == 2, "the second");
    end();
}

/* What is received in one batch, and the address of ours that it came to. */
static void receive(void)
{
    struct udp_received received;
    struct remote to, from;
    size_t total = 0;

    begin();
    to = name_of(udp.fd4);
    expect(!udp_receive(udp.fd4, buffer, sizeof(buffer), &received), "nothing");
    from = name_of(other);
    for (int i = 0; i < 5; i++) {
        if (sendto(other, "12345678", 8, 0, &to.address.any, sizeof(to.address.v4)) != 8)
            unit_trouble("sendto");
    }
    while (total < 40 && udp_receive(udp.fd4, buffer, sizeof(buffer), &received)) {
        expect(received.segment == 8 && received.length % 8 == 0, "%zu of %zu", received.length,
               received.segment);
        expect(remote_equal(&received.from, &from), "from whom");
        expect(received.from.local.v4.ipi_spec_dst.s_addr == htonl(INADDR_LOOPBACK) &&
                   received.from.local.v4.ipi_ifindex > 0,
               "to whom");
        total += received.length;
    }
    expect(total == 40, "%zu bytes", total);
    /* an empty one is one */
    if (sendto(other, "", 0, 0, &to.address.any, sizeof(to.address.v4)) != 0)
        unit_trouble("sendto");
    expect(udp_receive(udp.fd4, buffer, sizeof(buffer), &received) && received.length == 0,
           "empty");
    /* one that is too long is dropped, and not the next */
    (void)sendto(other, "12345678", 8, 0, &to.address.any, sizeof(to.address.v4));
    expect(udp_receive(udp.fd4, buffer, 7, &received) && received.length == 0, "too long");
    expect(!udp_receive(udp.fd4, buffer, sizeof(buffer), &received), "once");
    end();
}

/* An address of ours that is none: the kernel then chooses. */
static void local_address(void)
{
    struct remote to;

    begin();
    to = name_of(other);
    to.local.v4.ipi_ifindex = 0x7ffffff0;
    to.local.v4.ipi_spec_dst.s_addr = htonl(0xc0000201);
    gather(&to, 10, 1);
    gather(&to, 10, 2);
    udp_flush(&udp, &to);
    expect(to.local.v4.ipi_ifindex == 0, "not forgotten");
    expect(take(other, buffer, sizeof(buffer)) == 10 && take(other, buffer, sizeof(buffer)) == 10,
           "lost");
    expect(udp.segment_max == UDP_PAYLOAD_MAX, "batches are off");
    /* to nobody, or by a socket that isn't there: lost, and that's all */
    to = (struct remote){0};
    udp_send(&udp, &to, "1", 1, 0);
    to.address.v6.sin6_family = AF_INET6;
    udp_send(&udp, &to, "1", 1, 0);
    expect(take(other, buffer, 1) == 0, "to nobody");
    end();
}

static void port(void)
{
    begin();
    expect(udp_port(&udp) == ntohs(name_of(udp.fd4).address.v4.sin_port) && udp_port(&udp), "port");
    end();
    expect(udp_port(&udp) == 0, "without a socket");
}

int main(void)
{
    static const struct test tests[] = {
        {.name = "order", .run = order},
        {.name = "full_batches", .run = full_batches},
        {.name = "not_for_batching", .run = not_for_batching},
        {.name = "too_long_for_batches", .run = too_long_for_batches},
        {.name = "receive", .run = receive},
        {.name = "local_address", .run = local_address},
        {.name = "port", .run = port},
    };

    return unit_run("engine_udp", tests, COUNT(tests));
}

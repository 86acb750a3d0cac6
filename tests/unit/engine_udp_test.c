/* The sockets as they are, on loopback. */
#include "engine/io/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ipv6.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "unit.h"

static struct udp udp;
static uint8_t buffer[UDP_BATCH_BYTES + 1];
static int other = -1; /* a socket to send to and to receive by */

static int open_socket_at(uint32_t address)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (void *)&name, sizeof(name)))
        unit_trouble("socket");
    return fd;
}

static int open_socket(void)
{
    return open_socket_at(INADDR_LOOPBACK);
}

static struct remote name_of(int fd)
{
    struct remote remote = {0};
    socklen_t size = sizeof(remote.address.v4);

    if (getsockname(fd, &remote.address.any, &size))
        unit_trouble("getsockname");
    return remote;
}

static void end(void)
{
    close(other);
    close(udp.fd4);
}

/* New sockets, in the place of those before. */
static void begin(void)
{
    if (other >= 0)
        end();
    memset(&udp, 0, sizeof(udp));
    other = open_socket();
    udp_init(&udp, open_socket(), -1);
}

/* For all addresses of ours, as the engine's socket is. */
static void begin_unbound(void)
{
    begin();
    close(udp.fd4);
    udp_init(&udp, open_socket_at(INADDR_ANY), -1);
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
TEST(order)
{
    for (int batches = 0; batches < 2; batches++) {
        struct remote to;

        begin();
        to = name_of(other);
        if (!batches)
            udp.segment_max = 0;
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
    }
}

/* As many as there can be, of all lengths. */
TEST(full_batches)
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
    }
}

/* A batch that fails for a reason that isn't the batch: batches go on. */
TEST(not_for_batching)
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
}

/* One that would have to be fragmented is sent in pieces of its own, and no such batch again. */
TEST(too_long_for_batches)
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
}

/* The address that a datagram of ours is to come from, as if one had come in by loopback. */
static struct remote with_local(uint32_t address)
{
    struct remote to = name_of(other);

    to.local.v4 = (struct in_pktinfo){.ipi_ifindex = 1, .ipi_spec_dst.s_addr = htonl(address)};
    return to;
}

/* Datagrams that aren't checksummed are refused as batches, with EINVAL, and go out one by one. It
 * isn't for the address of ours, and what was found out holds until the path is another. */
TEST(refused_batches)
{
    struct remote to;
    int yes = 1;

    begin();
    to = with_local(INADDR_LOOPBACK + 1);
    if (setsockopt(udp.fd4, SOL_SOCKET, SO_NO_CHECK, &yes, sizeof(yes)))
        unit_trouble("SO_NO_CHECK");
    for (int round = 0; round < 2; round++) {
        gather(&to, 100, 1);
        gather(&to, 100, 2);
        udp_flush(&udp, &to);
        expect(take(other, buffer, sizeof(buffer)) == 100 && buffer[0] == 1, "%d: first", round);
        expect(take(other, buffer, sizeof(buffer)) == 100 && buffer[0] == 2, "%d: second", round);
        expect(udp.segment_max == 99, "%d: %zu", round, udp.segment_max);
        expect(to.local.v4.ipi_ifindex == 1, "%d: an address of ours is forgotten", round);
    }
    udp_forget_path(&udp);
    expect(udp.segment_max == UDP_PAYLOAD_MAX, "for good: %zu", udp.segment_max);
    /* a kernel that has no batches will have none later */
    udp.batches = false;
    udp_forget_path(&udp);
    expect(udp.segment_max == 0, "batches that the kernel hasn't");
}

/* What is refused for another reason says nothing of our address. */
TEST(other_errors)
{
    struct remote to;

    begin();
    to = with_local(INADDR_LOOPBACK);
    to.address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK | 0xffffff); /* EACCES: a broadcast */
    udp_send(&udp, &to, "1", 1, 0);
    expect(to.local.v4.ipi_ifindex == 1, "forgotten");
    gather(&to, 100, 1);
    gather(&to, 100, 2);
    udp_flush(&udp, &to);
    expect(to.local.v4.ipi_ifindex == 1, "forgotten by a batch");
    expect(udp.segment_max == UDP_PAYLOAD_MAX, "batches are off");
}

/* From which address of ours a datagram comes. */
static uint32_t came_from(void)
{
    struct sockaddr_in name = {0};
    struct pollfd polled = {.fd = other, .events = POLLIN};
    socklen_t size = sizeof(name);

    if (poll(&polled, 1, 1000) != 1 ||
        recvfrom(other, buffer, sizeof(buffer), 0, (void *)&name, &size) < 0)
        return 0;
    return ntohl(name.sin_addr.s_addr);
}

/* The address that we send from is kept; the device, by which the way may lead no more, is not. */
TEST(other_way)
{
    struct remote to;

    begin_unbound();
    to = with_local(INADDR_LOOPBACK + 6);
    to.local.v4.ipi_ifindex = 0x7ffffff0;
    udp_send(&udp, &to, "1", 1, 0);
    expect(came_from() == INADDR_LOOPBACK + 6, "one");
    gather(&to, 100, 1);
    gather(&to, 100, 2);
    udp_flush(&udp, &to);
    expect(came_from() == INADDR_LOOPBACK + 6 && came_from() == INADDR_LOOPBACK + 6, "a batch");
    expect(to.local.v4.ipi_ifindex == 0x7ffffff0, "forgotten");
}

/* No answer is left on a socket: poll() would not wait any more. */
static bool has_answers(int fd)
{
    struct pollfd polled = {.fd = fd};

    return poll(&polled, 1, 0) != 0;
}

static void send_some(struct remote *to, bool batch)
{
    if (!batch) {
        udp_send(&udp, to, "1", 1, 0);
        return;
    }
    gather(to, 100, 1);
    gather(to, 100, 2);
    udp_flush(&udp, to);
}

/* What has come, of which nothing is left. */
static int count_taken(void)
{
    int count = 0;

    while (recv(other, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
        count++;
    return count;
}

/* By which device a datagram leaves is asked once. If it isn't the one that belongs to our address,
 * that is not sent from, until the device is the same again. */
TEST(asked)
{
    for (int batch = 0; batch < 2; batch++) {
        struct remote to, wrong;

        begin_unbound();
        to = with_local(INADDR_LOOPBACK + 6);
        udp.ask = true;
        send_some(&to, batch);
        expect(!udp.ask && !has_answers(udp.fd4), "%d: asked, the right one", batch);
        expect(remote_device(&to) == 1 && remote_device(&udp.refused) == 0, "%d: refused", batch);
        expect(count_taken() == 1 + batch, "%d: the right one", batch);
        wrong = to;
        wrong.local.v4.ipi_ifindex = 0x7ffffff0;
        to = wrong;
        udp.ask = true;
        send_some(&to, batch);
        expect(!udp.ask && !has_answers(udp.fd4), "%d: asked, the wrong one", batch);
        expect(remote_device(&to) == 0 && remote_same_local(&udp.refused, &wrong),
               "%d: not refused", batch);
        expect(count_taken() == 2 + 2 * batch, "%d: not sent again", batch);
        expect(udp.segment_max == UDP_PAYLOAD_MAX, "%d: batches are off", batch);
        send_some(&to, batch);
        expect(came_from() == INADDR_LOOPBACK, "%d: which the kernel chose", batch);
        (void)count_taken();
        udp.ask = true;
        send_some(&to, batch);
        expect(remote_device(&udp.refused) != 0, "%d: by another device", batch);
        udp.refused.local.v4.ipi_ifindex = 1;
        udp.ask = true;
        send_some(&to, batch);
        expect(remote_device(&udp.refused) == 0, "%d: by the same device again", batch);
        udp.refused = wrong;
        udp_forget_path(&udp);
        expect(remote_device(&udp.refused) == 0, "%d: by another path", batch);
    }
}

/* As the engine does, but without reading the answer. */
static void send_stamped(struct remote *to)
{
    uint32_t stamp = SOF_TIMESTAMPING_TX_SCHED;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(stamp))] = {0};
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(sizeof(stamp)),
                             .cmsg_level = SOL_SOCKET,
                             .cmsg_type = SO_TIMESTAMPING};
    struct iovec iov = {.iov_base = buffer, .iov_len = 1};
    struct msghdr message = {.msg_name = &to->address,
                             .msg_namelen = sizeof(to->address.v4),
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};

    memcpy(control, &header, sizeof(header));
    memcpy(control + CMSG_LEN(0), &stamp, sizeof(stamp));
    if (sendmsg(udp.fd4, &message, 0) != 1)
        unit_trouble("sendmsg");
}

/* What doesn't leave has no answer. If the last one had none either, the address may be the reason;
 * if there never was one, the kernel gives none. */
TEST(silence)
{
    for (int answers = 0; answers < 2; answers++) {
        struct remote to;

        begin_unbound();
        to = with_local(INADDR_LOOPBACK + 6);
        udp.answers = answers;
        udp.waits = true;
        udp.asked = to;
        udp.ask = true;
        udp_send(&udp, &to, "1", 1, 0);
        expect(came_from() == (answers ? INADDR_LOOPBACK : INADDR_LOOPBACK + 6), "%d", answers);
        expect((remote_device(&to) == 0) == answers, "%d: forgotten or not", answers);
        expect(remote_device(&udp.refused) == 0, "%d: refused", answers);
    }
}

/* An answer that nobody has waited for is thrown away. Who is answered isn't the peer. */
TEST(answers)
{
    struct remote to;

    begin_unbound();
    to = with_local(INADDR_LOOPBACK + 6);
    udp.ask = true;
    to.local.v4.ipi_ifindex = 0x7ffffff0;
    udp_reply(&udp, &to, "1", 1, 0);
    expect(udp.ask && remote_device(&to) != 0 && came_from() == INADDR_LOOPBACK + 6, "a reply");
    udp.ask = false;
    for (int i = 0; i < 3; i++) {
        send_stamped(&to);
        expect(has_answers(udp.fd4), "none came");
    }
    expect(!udp_read_answers(&udp, udp.fd4, &to), "one that wasn't asked for");
    expect(!has_answers(udp.fd4) && remote_device(&to) != 0, "some are left");
    /* one that comes late: it counts if the address is the same still */
    for (int other_address = 0; other_address < 2; other_address++) {
        udp.asked = to;
        udp.waits = true;
        send_stamped(&to);
        if (other_address)
            udp.asked.local.v4.ipi_spec_dst.s_addr++;
        expect(udp_read_answers(&udp, udp.fd4, &to) == !other_address, "late: refused or not");
        expect((remote_device(&to) == 0) == !other_address && !udp.waits, "late");
        to.local.v4.ipi_ifindex = 0x7ffffff0;
        to.local.v4.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK + 6);
    }
}

/* What is received in one batch, and the address of ours that it came to. */
TEST(receive)
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
}

/* An address that this machine doesn't have: to which it can't bind. */
static uint32_t strange_address(void)
{
    struct remote name = {.address.v4.sin_family = AF_INET};
    uint32_t address = 0xc0000200; /* of documents (RFC 5737), which somebody may have */
    int fd;

    do {
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        name.address.v4.sin_addr.s_addr = htonl(++address);
    } while (bind(fd, &name.address.any, sizeof(name.address.v4)) == 0 && close(fd) == 0);
    close(fd);
    return address;
}

/* An address of ours that is none: the kernel then chooses, and batches go on. */
TEST(local_address)
{
    const uint32_t none[] = {strange_address(), 0xe0000001}; /* ENETUNREACH or EINVAL; EINVAL */
    struct remote to;

    begin();
    for (size_t i = 0; i < COUNT(none); i++) {
        to = with_local(none[i]);
        gather(&to, 10, 1);
        gather(&to, 10, 2);
        udp_flush(&udp, &to);
        expect(to.local.v4.ipi_ifindex == 0, "case %zu: not forgotten", i);
        expect(take(other, buffer, sizeof(buffer)) == 10 &&
                   take(other, buffer, sizeof(buffer)) == 10,
               "case %zu: lost", i);
        expect(udp.segment_max == UDP_PAYLOAD_MAX, "case %zu: batches are off", i);
        to = with_local(none[i]);
        udp_send(&udp, &to, "1", 1, 0);
        expect(to.local.v4.ipi_ifindex == 0, "case %zu: not forgotten by one", i);
        expect(take(other, buffer, sizeof(buffer)) == 1, "case %zu: one is lost", i);
    }
    /* to nobody, or by a socket that isn't there: lost, and that's all */
    to = (struct remote){0};
    udp_send(&udp, &to, "1", 1, 0);
    to.address.v6.sin6_family = AF_INET6;
    udp_send(&udp, &to, "1", 1, 0);
    expect(take(other, buffer, 1) == 0, "to nobody");
}

/* Of IPv6 a link-local address is nothing without its device; of others that is left out. What is
 * ours is ::1 and fe80::77, by device 1. */
static const struct {
    const char *to;
    const char *local;
    unsigned int device;
    bool kept;
} locals6[] = {
    {"::1", "::1", 1, true},           {"::1", "::1", 0x7ffffff0, true},
    {"::1", "fe80::77", 1, true},      {"::1", "fe80::77", 0x7ffffff0, false},
    {"fe80::77", "::1", 1, true},      {"fe80::77", "fe80::77", 1, true},
    {"::1", "2001:db8::77", 1, false},
};

/* A network of our own, in which to have these. Returns a socket that is bound to all of them. */
static int open_socket6(void)
{
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    struct in6_ifreq address = {.ifr6_prefixlen = 64, .ifr6_ifindex = 1};
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_scope_id = 1};
    int fd, tries = 0;

    if (unshare(CLONE_NEWNET) || (fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0 ||
        inet_pton(AF_INET6, "fe80::77", &address.ifr6_addr) != 1 ||
        ioctl(fd, SIOCSIFFLAGS, &up) < 0 || ioctl(fd, SIOCSIFADDR, &address) < 0)
        unit_trouble("a network");
    name.sin6_addr = address.ifr6_addr;
    while (bind(fd, (void *)&name, sizeof(name)) && tries++ < 100) /* it is tentative at first */
        (void)poll(NULL, 0, 20);
    (void)close(fd);
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    name.sin6_addr = in6addr_any;
    if (fd < 0 || bind(fd, (void *)&name, sizeof(name)))
        unit_trouble("a socket");
    return fd;
}

static void local_address6_body(void *unused)
{
    int fd = open_socket6();
    struct sockaddr_in6 name;
    socklen_t size = sizeof(name);

    (void)unused;
    if (getsockname(fd, (void *)&name, &size))
        unit_trouble("getsockname");
    udp_init(&udp, open_socket_at(INADDR_ANY), socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    for (size_t i = 0; i < COUNT(locals6); i++) {
        struct remote to = {.address.v6 = name, .local.v6.ipi6_ifindex = locals6[i].device};

        (void)inet_pton(AF_INET6, locals6[i].to, &to.address.v6.sin6_addr);
        (void)inet_pton(AF_INET6, locals6[i].local, &to.local.v6.ipi6_addr);
        gather(&to, 10, 1);
        gather(&to, 10, 2);
        udp_flush(&udp, &to);
        expect((to.local.v6.ipi6_ifindex != 0) == locals6[i].kept, "case %zu: kept or not", i);
        expect(take(fd, buffer, sizeof(buffer)) == 10 && take(fd, buffer, sizeof(buffer)) == 10,
               "case %zu: lost", i);
        expect(udp.segment_max == UDP_PAYLOAD_MAX, "case %zu: batches are off", i);
        if (!locals6[i].kept)
            continue;
        udp.ask = true;
        udp_send(&udp, &to, "1", 1, 0);
        expect(remote_device(&to) == locals6[i].device && udp.way == 1, "case %zu: asked", i);
        expect(!has_answers(udp.fd6), "case %zu: an answer is left", i);
        expect(take(fd, buffer, sizeof(buffer)) == 1, "case %zu: one is lost", i);
        udp.ask = true;
        udp.way = 0x7ffffff1; /* which it was before */
        udp_send(&udp, &to, "1", 1, 0);
        expect(remote_device(&to) == 0 && remote_device(&udp.refused) == 0x7ffffff1,
               "case %zu: not refused", i);
        expect(take(fd, buffer, sizeof(buffer)) == 1, "case %zu: one more is lost", i);
        udp_forget_path(&udp);
        while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
            continue;
    }
}

TEST_AS_ROOT(local_address6)
{
    unit_in_child(local_address6_body, NULL);
}

TEST(port)
{
    begin();
    expect(udp_port(&udp) == ntohs(name_of(udp.fd4).address.v4.sin_port) && udp_port(&udp), "port");
    end();
    expect(udp_port(&udp) == 0, "without a socket");
}

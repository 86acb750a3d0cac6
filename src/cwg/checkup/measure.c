#include "cwg/checkup/measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cwg/base/clock.h"

enum {
    HELLO_MS = 3000,
    HELLO_GAP_MS = 100,
    ALL_MS = 15000,
    DONE_GAP_MS = 15,
    DONE_MORE = 3,    /* after the other's, which may have missed the ones before */
    TRIES = 3,        /* a size that got no answer to so many doesn't pass */
    SIZES = 8,        /* in a round */
    PATIENCE_MS = 60, /* for an answer, beside two round trips */
    NONCE_SIZE = 8,
    PACKET_MAX = 65535,
    PACKET_MIN = MEASURE_LINK_MIN + MEASURE_AROUND,
    HELLO_PACKET = 128, /* no acknowledgement is longer */
};

enum kind {
    PROBE = 1,
    ACKNOWLEDGEMENT = 2,
    DONE = 3,
};

/* The start of each datagram; zeros follow. The other machine sends all but the cookie back. */
struct datagram {
    uint8_t cookie[KEY_SIZE];
    uint8_t nonce[NONCE_SIZE];
    uint8_t packet[2]; /* the packet's size, big endian */
    uint8_t kind;
    uint8_t may_split;
};

struct way {
    const struct measure *measure;
    int fd;
    bool ipv6;
    struct sockaddr_storage peer;
    socklen_t peer_size; /* 0 until the other one has begun */
    uint8_t nonce[NONCE_SIZE];
    int64_t deadline;
    int64_t round_trip; /* milliseconds */
    bool answered;      /* the other one has sent the nonce back */
    bool other_is_done;
    int longest; /* what is asked for */
    int whole;   /* the largest that came, and may not be taken apart */
    bool split;  /* one that may came */
};

/* The bytes of a packet before a datagram's. */
static int header_size(const struct way *way)
{
    return way->ipv6 ? 40 + 8 : 20 + 8;
}

static void let_split(const struct way *way, bool may_split)
{
    const int option = may_split ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE;
    const int option6 = may_split ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_PROBE;

    if (way->ipv6)
        (void)setsockopt(way->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &option6, sizeof(option6));
    else
        (void)setsockopt(way->fd, IPPROTO_IP, IP_MTU_DISCOVER, &option, sizeof(option));
}

/* Sends a packet of a size. One that this machine's own device can't take counts as lost. */
static void send_packet(const struct way *way, const struct datagram *datagram, int packet,
                        const struct sockaddr_storage *to, socklen_t size)
{
    static uint8_t zeros[PACKET_MAX] = {0};
    struct datagram copy = *datagram;
    struct iovec parts[] = {
        {.iov_base = &copy, .iov_len = sizeof(copy)},
        {.iov_base = zeros, .iov_len = (size_t)(packet - header_size(way)) - sizeof(copy)}};
    const struct msghdr message = {
        .msg_name = (void *)to, .msg_namelen = size, .msg_iov = parts, .msg_iovlen = 2};

    (void)sendmsg(way->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_to_peer(const struct way *way, enum kind kind, int packet, bool may_split)
{
    struct datagram datagram = {.packet = {(uint8_t)(packet >> 8), (uint8_t)packet},
                                .kind = (uint8_t)kind,
                                .may_split = may_split};

    memcpy(datagram.cookie, way->measure->cookie.bytes, KEY_SIZE);
    memcpy(datagram.nonce, way->nonce, NONCE_SIZE);
    let_split(way, may_split);
    send_packet(way, &datagram, packet, &way->peer, way->peer_size);
}

static void acknowledge(struct way *way, struct datagram *datagram,
                        const struct sockaddr_storage *from, socklen_t size)
{
    datagram->kind = ACKNOWLEDGEMENT;
    let_split(way, true);
    send_packet(way, datagram, header_size(way) + (int)sizeof(*datagram), from, size);
    if (way->peer_size == 0) {
        way->peer = *from;
        way->peer_size = size;
    }
}

static void take_acknowledgement(struct way *way, const struct datagram *datagram, int packet)
{
    if (memcmp(datagram->nonce, way->nonce, NONCE_SIZE) != 0)
        return;
    way->answered = true;
    if (datagram->may_split)
        way->split |= packet > HELLO_PACKET;
    else if (packet > way->whole && packet <= way->longest)
        way->whole = packet;
}

/* Takes one datagram, if one is there. Those of others than the other machine aren't answered. */
static bool take_datagram(struct way *way)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    struct datagram datagram;
    const ssize_t length = recvfrom(way->fd, &datagram, sizeof(datagram), MSG_DONTWAIT | MSG_TRUNC,
                                    (struct sockaddr *)&from, &size);
    int packet;

    if (length < (ssize_t)sizeof(datagram))
        return length >= 0;
    if (memcmp(datagram.cookie, way->measure->cookie.bytes, KEY_SIZE) != 0)
        return true;
    packet = datagram.packet[0] << 8 | datagram.packet[1];
    if (datagram.kind == PROBE && packet == (int)length + header_size(way))
        acknowledge(way, &datagram, &from, size);
    else if (datagram.kind == ACKNOWLEDGEMENT)
        take_acknowledgement(way, &datagram, packet);
    else if (datagram.kind == DONE)
        way->other_is_done = true;
    return true;
}

/* A signal, or an error that ICMP tells of an earlier datagram, is no reason to wait less. */
static void take_some(struct way *way, int64_t until)
{
    struct pollfd waited = {.fd = way->fd, .events = POLLIN};

    if (poll(&waited, 1, clock_until(until)) > 0)
        (void)take_datagram(way);
}

/* Begins with the other one, and waits until it answers. */
static bool greet(struct way *way)
{
    const int64_t begun = clock_now();

    while (!way->answered && clock_now() < begun + HELLO_MS) {
        const int64_t next = clock_now() + HELLO_GAP_MS;

        if (way->peer_size > 0)
            send_to_peer(way, PROBE, HELLO_PACKET, true);
        while (!way->answered && clock_now() < next)
            take_some(way, next);
    }
    way->round_trip = clock_now() - begun;
    return way->answered;
}

/* Sends packets of some sizes, the largest last, until that one has come or there were tries
 * enough. */
static void try_sizes(struct way *way, const int sizes[], int count)
{
    const int largest = sizes[count - 1];

    for (int i = 0; i < TRIES && way->whole < largest; i++) {
        const int64_t next = clock_now() + PATIENCE_MS + 2 * way->round_trip;

        for (int j = 0; j < count; j++) {
            if (sizes[j] > way->whole)
                send_to_peer(way, PROBE, sizes[j], false);
        }
        while (way->whole < largest && clock_now() < next)
            take_some(way, next);
    }
}

/* Chooses sizes between one that passes and one that doesn't. */
static int spread(int passes, int fails, int ret_sizes[static SIZES])
{
    const int between = fails - passes - 1;
    const int count = between < SIZES ? between : SIZES;

    for (int i = 0; i < count; i++)
        ret_sizes[i] = passes + (fails - passes) * (i + 1) / (count + 1);
    return count;
}

/* Finds the largest size that passes whole. Returns false if time was too short. */
static bool search(struct way *way)
{
    int sizes[SIZES] = {way->longest};
    int count = 1, fails = way->longest + 1;

    way->whole = PACKET_MIN - 1;
    while (count > 0 && clock_now() < way->deadline) {
        try_sizes(way, sizes, count);
        if (way->whole >= fails) /* an answer came late */
            fails = way->longest + 1;
        for (int i = count - 1; i >= 0; i--) {
            if (sizes[i] > way->whole)
                fails = sizes[i];
        }
        count = spread(way->whole, fails, sizes);
    }
    return count == 0;
}

/* Sends the longest packet of a link as a link does: routers may take it apart. */
static void try_splitting(struct way *way, int packet)
{
    for (int i = 0; i < TRIES && !way->split; i++) {
        const int64_t next = clock_now() + PATIENCE_MS + 2 * way->round_trip;

        send_to_peer(way, PROBE, packet, true);
        while (!way->split && clock_now() < next)
            take_some(way, next);
    }
}

/* Answers until the other one has measured as well. */
static void finish(struct way *way)
{
    int more = DONE_MORE;

    while (clock_now() < way->deadline && more > 0) {
        const int64_t next = clock_now() + DONE_GAP_MS;

        send_to_peer(way, DONE, HELLO_PACKET, true);
        more -= way->other_is_done;
        while (more > 0 && clock_now() < next)
            take_some(way, next);
    }
}

/* The path's MTU as the kernel knows it. connect() sends nothing. */
static int ask_kernel(const struct way *way)
{
    const int fd = socket(way->peer.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(int);
    int mtu = 0;

    if (fd < 0)
        return 0;
    if (connect(fd, (const struct sockaddr *)&way->peer, way->peer_size) < 0 ||
        getsockopt(fd, way->ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, way->ipv6 ? IPV6_MTU : IP_MTU, &mtu,
                   &size) < 0)
        mtu = 0;
    close(fd);
    return mtu < PACKET_MAX ? mtu : PACKET_MAX; /* loopback's is greater */
}

static void take_peer(struct way *way, const struct endpoint *endpoint)
{
    const struct sockaddr_in in = {.sin_family = AF_INET,
                                   .sin_port = htons(endpoint->port),
                                   .sin_addr.s_addr = htonl(endpoint->address)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};

    memcpy(&in6.sin6_addr, endpoint->address6, sizeof(endpoint->address6));
    if (endpoint->port == 0)
        return;
    if (way->ipv6)
        memcpy(&way->peer, &in6, sizeof(in6));
    else
        memcpy(&way->peer, &in, sizeof(in));
    way->peer_size = way->ipv6 ? sizeof(in6) : sizeof(in);
}

static bool is_ipv6(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t size = sizeof(domain);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET6;
}

int measure_run(int fd, const struct measure *measure, struct measured *ret_measured,
                struct failure *failure)
{
    struct way way = {.measure = measure,
                      .fd = fd,
                      .ipv6 = is_ipv6(fd),
                      .deadline = clock_now() + ALL_MS,
                      .longest = measure->link_mtu + MEASURE_AROUND};
    const int of_link = measure->link_mtu + (way.ipv6 ? MEASURE_AROUND : MEASURE_AROUND_IPV4);

    if (measure->to.port && measure->to.ipv6 != way.ipv6)
        return fail(failure, "protocol", "the socket and the address are of two families");
    if (getrandom(way.nonce, sizeof(way.nonce), 0) != (ssize_t)sizeof(way.nonce))
        return fail(failure, "system", "there are no random numbers");
    take_peer(&way, &measure->to);
    if (!greet(&way))
        return fail(failure, "silent", "no datagram came back within %d seconds", HELLO_MS / 1000);
    if (!search(&way))
        return fail(failure, "silent", "packets take too long, or too many are lost");
    if (way.whole < of_link)
        try_splitting(&way, of_link);
    *ret_measured = (struct measured){.whole = way.whole < PACKET_MIN ? 0 : way.whole,
                                      .split = way.split || way.whole >= of_link,
                                      .told = ask_kernel(&way)};
    finish(&way);
    return 0;
}

int measure_open(bool ipv6, uint16_t *ret_port, struct failure *failure)
{
    const sa_family_t family = ipv6 ? AF_INET6 : AF_INET;
    struct sockaddr_in6 bound = {.sin6_family = family}; /* struct sockaddr_in begins like it */
    socklen_t size = ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;

    if (fd < 0)
        return fail_errno(failure, errno, "can't open a UDP socket");
    if ((ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
        bind(fd, (const struct sockaddr *)&bound, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &size) < 0) {
        fail_errno(failure, errno, "can't open a UDP socket");
        close(fd);
        return -1;
    }
    *ret_port = ntohs(bound.sin6_port);
    return fd;
}

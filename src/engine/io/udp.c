#include "engine/io/udp.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/uio.h>

enum {
    ANSWERS_MAX = 64,
};

/* Returns whether the kernel, and the socket, know the option. */
static bool set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* A datagram that asks for a time stamp when it leaves makes the kernel tell by which device it has
 * left (Documentation/networking/timestamping.rst); with OPT_CMSG for IPv4 as well. To look up the
 * route would need another socket, and more system calls in the sandbox. PMTUDISC_DONT: fragments
 * rather than errors where the path is narrower, as the kernel's driver has it (send4(),
 * drivers/net/wireguard/socket.c). */
void udp_init(struct udp *udp, int fd4, int fd6)
{
    udp->fd4 = fd4;
    udp->fd6 = fd6;
    set(fd4, IPPROTO_IP, IP_PKTINFO, 1);
    set(fd4, IPPROTO_IP, IP_RECVTOS, 1);
    set(fd4, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    set(fd6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set(fd6, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set(fd6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
    set(fd6, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0); /* a label of 0, as send6() has it */
    set(fd4, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_OPT_CMSG);
    set(fd6, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_OPT_CMSG);
    set(fd4, IPPROTO_UDP, UDP_GRO, 1);
    set(fd6, IPPROTO_UDP, UDP_GRO, 1);
    /* Does the kernel know UDP_SEGMENT? A size of 0 changes nothing. */
    udp->batches = set(fd4, IPPROTO_UDP, UDP_SEGMENT, 0);
    udp_forget_path(udp);
}

void udp_forget_path(struct udp *udp)
{
    udp->segment_max = udp->batches ? UDP_PAYLOAD_MAX : 0;
    udp->refused = (struct remote){0};
    udp->way = 0;
}

static void take_control(struct cmsghdr *control, struct udp_received *received)
{
    int value;

    if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
        memcpy(&value, CMSG_DATA(control), sizeof(value));
        if (value > 0)
            received->segment = (size_t)value;
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TOS) {
        received->traffic_class = *CMSG_DATA(control);
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;

        memcpy(&info, CMSG_DATA(control), sizeof(info));
        received->from.local.v4.ipi_ifindex = info.ipi_ifindex;
        received->from.local.v4.ipi_spec_dst = info.ipi_spec_dst;
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_TCLASS) {
        memcpy(&value, CMSG_DATA(control), sizeof(value));
        received->traffic_class = (uint8_t)value;
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
        memcpy(&received->from.local.v6, CMSG_DATA(control), sizeof(struct in6_pktinfo));
    }
}

/* Reads datagrams or, with MSG_ERRQUEUE, an answer. */
static bool receive(int fd, int flags, uint8_t *buffer, size_t size,
                    struct udp_received *ret_received)
{
    struct udp_received received = {.bytes = buffer};
    _Alignas(struct cmsghdr) char control[256];
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {
        .msg_name = &received.from.address,
        .msg_namelen = sizeof(received.from.address),
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t length = recvmsg(fd, &message, flags | MSG_DONTWAIT);

    if (length < 0)
        return false;
    received.length = (size_t)length;
    received.segment = (size_t)length;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        take_control(c, &received);
    if (message.msg_flags & MSG_TRUNC)
        received.length = 0;
    *ret_received = received;
    return true;
}

bool udp_receive(int fd, uint8_t *buffer, size_t size, struct udp_received *ret_received)
{
    return receive(fd, 0, buffer, size, ret_received);
}

/* Control messages of a datagram to be sent, as they are added. */
struct ancillary {
    _Alignas(struct cmsghdr) char bytes[128];
    size_t used;
};

static void add_ancillary(struct ancillary *ancillary, int level, int type, const void *value,
                          size_t size)
{
    const struct cmsghdr header = {
        .cmsg_len = (socklen_t)CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
    char *at = ancillary->bytes + ancillary->used;

    memset(at, 0, CMSG_SPACE(size));
    memcpy(at, &header, sizeof(header));
    memcpy(at + CMSG_LEN(0), value, size);
    ancillary->used += CMSG_SPACE(size);
}

/* Has a datagram sent from this end's address, by any device: the way back may lead by another. A
 * link-local address means nothing without its device. */
static void add_local(struct ancillary *ancillary, const struct remote *to)
{
    struct in_pktinfo info4 = {.ipi_spec_dst = to->local.v4.ipi_spec_dst};
    struct in6_pktinfo info6 = to->local.v6;

    if (to->address.any.sa_family != AF_INET6) {
        add_ancillary(ancillary, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
        return;
    }
    if (!IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr) &&
        !IN6_IS_ADDR_LINKLOCAL(&to->address.v6.sin6_addr))
        info6.ipi6_ifindex = 0;
    add_ancillary(ancillary, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
}

static void add_all(struct ancillary *ancillary, const struct remote *to, uint16_t segment,
                    uint8_t traffic_class, bool ask)
{
    static const uint32_t stamp = SOF_TIMESTAMPING_TX_SCHED; /* needs nothing of the device */
    bool ipv6 = to->address.any.sa_family == AF_INET6;
    int class = traffic_class;

    if (ask)
        add_ancillary(ancillary, SOL_SOCKET, SO_TIMESTAMPING, &stamp, sizeof(stamp));
    if (segment)
        add_ancillary(ancillary, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
    if (class && ipv6)
        add_ancillary(ancillary, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class));
    else if (class)
        add_ancillary(ancillary, IPPROTO_IP, IP_TOS, &class, sizeof(class));
    if (remote_device(to))
        add_local(ancillary, to);
}

/* Returns 0 or a negative errno. */
static int send_once(const struct udp *udp, const struct remote *to, const uint8_t *bytes,
                     size_t length, uint16_t segment, uint8_t traffic_class, bool ask)
{
    bool ipv6 = to->address.any.sa_family == AF_INET6;
    struct ancillary ancillary = {.used = 0};
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = length}; /* only read */
    struct sockaddr_in6 name;
    struct msghdr message = {
        .msg_name = &name,
        .msg_namelen = ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = ancillary.bytes,
    };
    int fd = ipv6 ? udp->fd6 : udp->fd4;

    if (fd < 0 || !remote_known(to))
        return -EDESTADDRREQ;
    memcpy(&name, &to->address, sizeof(name));
    add_all(&ancillary, to, segment, traffic_class, ask);
    message.msg_controllen = (socklen_t)ancillary.used;
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Reads one answer from the error queue. Returns the device that the datagram has left by; 0: not
 * known. Through a bridge or a VLAN a datagram leaves by several devices; the route's comes first.
 */
static unsigned int read_answer(int fd, bool ipv6, bool *ret_more)
{
    struct udp_received received;
    uint8_t byte;

    *ret_more = receive(fd, MSG_ERRQUEUE, &byte, sizeof(byte), &received);
    if (!*ret_more)
        return 0;
    received.from.address.any.sa_family = ipv6 ? AF_INET6 : AF_INET;
    return remote_device(&received.from);
}

/* Notes by which device the datagram has left that asked. Returns whether that is the wrong device
 * for the address that it was sent from; `to` then forgets that address. */
static bool refuse_local(struct udp *udp, struct remote *to, unsigned int device)
{
    bool ipv6 = to->address.any.sa_family == AF_INET6;

    udp->waits = false;
    udp->answers = true;
    if (!remote_device(to)) {
        if (remote_device(&udp->refused) == device)
            udp->refused = (struct remote){0};
        return false;
    }
    if (!remote_same_local(to, &udp->asked))
        return false;
    if (!ipv6 || udp->way == 0)
        udp->way = ipv6 ? device : remote_device(to);
    if (udp->way == device)
        return false;
    udp->refused = *to;
    if (ipv6)
        udp->refused.local.v6.ipi6_ifindex = udp->way;
    udp->way = 0;
    remote_forget_local(to);
    return true;
}

bool udp_read_answers(struct udp *udp, int fd, struct remote *to)
{
    bool refused = false, more = true;

    for (int i = 0; i < ANSWERS_MAX && more; i++) {
        unsigned int device = read_answer(fd, fd == udp->fd6, &more);

        if (device != 0 && udp->waits)
            refused = refuse_local(udp, to, device);
    }
    return refused;
}

/* Sends to the peer. A datagram that has left by the wrong device may be lost: it is sent again,
 * and the peer takes one of the two. If the last datagram that asked has not left yet, it waits for
 * the next hop's hardware address. The ARP request has this end's address in it, and with one of
 * another device the answer may never come: that address is forgotten. */
static int send_to_peer(struct udp *udp, struct remote *to, const uint8_t *bytes, size_t length,
                        uint16_t segment, uint8_t traffic_class)
{
    int fd = to->address.any.sa_family == AF_INET6 ? udp->fd6 : udp->fd4;
    int error;

    if (!udp->ask || fd < 0)
        return send_once(udp, to, bytes, length, segment, traffic_class, false);
    (void)udp_read_answers(udp, fd, to);
    if (udp->waits && udp->answers && remote_same_local(to, &udp->asked))
        remote_forget_local(to);
    udp->ask = false;
    udp->asked = *to;
    error = send_once(udp, to, bytes, length, segment, traffic_class, true);
    udp->waits = error == 0;
    if (udp_read_answers(udp, fd, to))
        error = send_once(udp, to, bytes, length, segment, traffic_class, false);
    return error;
}

/* Returns whether the error may be due to this end's address, or its device, having gone. */
static bool is_of_local(const struct remote *to, int error)
{
    return remote_device(to) && (error == -EINVAL || error == -ENODEV || error == -ENETUNREACH);
}

/* Lets the kernel choose the address to send from if the one of this end has gone. */
static int send_single(struct udp *udp, struct remote *to, const uint8_t *bytes, size_t length,
                       uint8_t traffic_class)
{
    int error = send_to_peer(udp, to, bytes, length, 0, traffic_class);

    if (is_of_local(to, error)) {
        remote_forget_local(to);
        error = send_to_peer(udp, to, bytes, length, 0, traffic_class);
    }
    return error;
}

/* Returns 0, or the first negative errno. */
static int send_singly(struct udp *udp, struct remote *to)
{
    int first = 0;

    for (size_t at = 0; at < udp->bytes; at += udp->segment) {
        size_t length = udp->bytes - at < udp->segment ? udp->bytes - at : udp->segment;
        int error = send_single(udp, to, udp->batch + at, length, udp->traffic_class);

        if (!first)
            first = error;
    }
    return first;
}

/* Sends what is gathered as one batch. The kernel refuses a batch with EIO if the device has no
 * transmit checksums, and with EINVAL or EMSGSIZE if a datagram would have to be fragmented
 * (udp_send_skb(), net/ipv4/udp.c). Then the datagrams go out one by one; and if that works, from
 * the same address, so do all later ones of that length. If it doesn't work, the batch was not the
 * reason: it was port 0, an address out of reach, or an address of this end that has gone. */
static void send_batch(struct udp *udp, struct remote *to)
{
    unsigned int device = remote_device(to);
    int error =
        send_to_peer(udp, to, udp->batch, udp->bytes, (uint16_t)udp->segment, udp->traffic_class);
    bool of_batch = error == -EIO || error == -EINVAL || error == -EMSGSIZE;

    if (!of_batch && !is_of_local(to, error))
        return;
    if (send_singly(udp, to) || !of_batch || remote_device(to) != device)
        return;
    udp->segment_max = error == -EIO ? 0 : udp->segment - 1;
}

void udp_flush(struct udp *udp, struct remote *to)
{
    if (udp->count == 0)
        return;
    if (udp->count == 1 || udp->segment > udp->segment_max)
        (void)send_singly(udp, to);
    else
        send_batch(udp, to);
    udp->bytes = 0;
    udp->count = 0;
    udp->ended = false;
}

static bool goes_along(const struct udp *udp, size_t length, uint8_t traffic_class)
{
    return udp->count > 0 && udp->count < UDP_BATCH_MAX && !udp->ended && length <= udp->segment &&
           udp->bytes + length <= UDP_PAYLOAD_MAX && traffic_class == udp->traffic_class;
}

uint8_t *udp_reserve(struct udp *udp, struct remote *to, size_t length, uint8_t traffic_class)
{
    uint8_t *place;

    if (!goes_along(udp, length, traffic_class)) {
        udp_flush(udp, to);
        udp->segment = length;
        udp->traffic_class = traffic_class;
    }
    place = udp->batch + udp->bytes;
    udp->ended = length < udp->segment;
    udp->bytes += length;
    udp->count++;
    return place;
}

void udp_send(struct udp *udp, struct remote *to, const void *bytes, size_t length,
              uint8_t traffic_class)
{
    udp_flush(udp, to);
    (void)send_single(udp, to, bytes, length, traffic_class);
}

void udp_reply(const struct udp *udp, const struct remote *to, const void *bytes, size_t length,
               uint8_t traffic_class)
{
    (void)send_once(udp, to, bytes, length, 0, traffic_class, false);
}

uint16_t udp_port(const struct udp *udp)
{
    struct sockaddr_in name = {0};
    socklen_t size = sizeof(name);

    return getsockname(udp->fd4, (void *)&name, &size) == 0 ? ntohs(name.sin_port) : 0;
}

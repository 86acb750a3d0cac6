/* Requests, to the running kernel in a network namespace of their own; and answers that no kernel
 * would give, said by a recvmsg() of our own, which the linker puts in the place of libc's. */
#include "helper/netlink/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/confine/privilege.h"
#include "helper/netlink/rtmsg.h"
#include "helper/netlink/secret.h"
#include "unit.h"
#include "wire.h"

/* What send() and recvmsg() do instead of the real thing, if `forging`. */
static struct {
    bool forging;
    /* the datagrams that are to come, then EAGAIN */
    const struct datagram *datagrams;
    size_t count;
    size_t next;
    bool endless; /* the last one again and again */
    /* of what was sent */
    uint32_t sequence;
    size_t sends;
    ssize_t send_result; /* 0: as it should be */
    int send_error;
    int flags; /* of the last recvmsg() */
} forgery;

/* One datagram: its messages have the right sequence number where it is 0. */
struct datagram {
    const uint8_t *bytes;
    size_t size;
    uint32_t sender;     /* port; 0 is the kernel */
    socklen_t name_size; /* 0: as it should be */
    int flags;           /* MSG_TRUNC */
    int error;           /* instead of all */
    bool other_sequence;
};

ssize_t __real_recvmsg(int fd, struct msghdr *header, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *header, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
    const struct nlmsghdr *header = bytes;

    forgery.sends++;
    forgery.sequence = header->nlmsg_seq;
    if (!forgery.forging)
        return __real_send(fd, bytes, size, flags);
    errno = forgery.send_error;
    return forgery.send_result ? forgery.send_result : (ssize_t)size;
}

/* The sequence number goes into every message of a datagram, as far as they can be told. */
static void number(uint8_t *bytes, size_t size, uint32_t sequence)
{
    for (size_t at = 0; at + 16 <= size;) {
        uint32_t length;

        memcpy(&length, bytes + at, sizeof(length));
        memcpy(bytes + at + 8, &sequence, sizeof(sequence));
        if (length < 16 || length > size)
            return;
        at += (length + 3) / 4 * 4;
    }
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *header, int flags)
{
    const struct sockaddr_nl none = {0};
    const struct datagram *datagram;
    struct sockaddr_nl sender = {.nl_family = AF_NETLINK};

    forgery.flags = flags;
    if (!forgery.forging)
        return __real_recvmsg(fd, header, flags);
    if (forgery.next == forgery.count) {
        errno = EAGAIN;
        return -1;
    }
    datagram = &forgery.datagrams[forgery.next];
    if (!forgery.endless || forgery.next + 1 < forgery.count)
        forgery.next++;
    if (datagram->error) {
        /* what is read before an error may be there already */
        memset(header->msg_iov[0].iov_base, 0x5a, 1000);
        errno = datagram->error;
        return -1;
    }
    sender.nl_pid = datagram->sender;
    memcpy(header->msg_name, datagram->name_size ? &none : &sender, sizeof(sender));
    if (datagram->name_size)
        header->msg_namelen = datagram->name_size;
    header->msg_flags = datagram->flags;
    memcpy(header->msg_iov[0].iov_base, datagram->bytes, datagram->size);
    number(header->msg_iov[0].iov_base, datagram->size,
           forgery.sequence + (datagram->other_sequence ? 1 : 0));
    return (ssize_t)datagram->size;
}

static void expect_wiped(const char *what)
{
    size_t left = 0;

    for (size_t i = 0; i < sizeof(secret.answer); i++)
        left += secret.answer[i] != 0;
    expect(left == 0, "%s: %zu bytes of an answer are left", what, left);
}

/* A context that counts calls, and fails from one of them on. */
struct calls {
    int count;
    int failing; /* the number of the first call that fails, or 0 */
};

static int note_call(const struct nlmsghdr *message, void *context)
{
    struct calls *calls = context;

    (void)message;
    calls->count++;
    return calls->failing && calls->count >= calls->failing ? -E2BIG - calls->count : 0;
}

/* Messages to make datagrams of. */
#define HEADER(length, type) length, 0, 0, 0, type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define ACK                  HEADER(36, 2), 0, 0, 0, 0, HEADER(32, 18)
#define ERROR(number)        HEADER(36, 2), (uint8_t) - (number), 0xff, 0xff, 0xff, HEADER(32, 18)
#define DONE                 HEADER(20, 3), 0, 0, 0, 0
#define LINK                 HEADER(20, 16), 1, 2, 3, 4

static const uint8_t ack[] = {ACK};
static const uint8_t enodev[] = {ERROR(ENODEV)};
static const uint8_t positive_error[] = {HEADER(36, 2), 19, 0, 0, 0, HEADER(32, 18)};
static const uint8_t short_error[] = {HEADER(16, 2)};
static const uint8_t shorter_error[] = {HEADER(19, 2), 0, 0, 0, 0};
static const uint8_t done[] = {DONE};
static const uint8_t done_einval[] = {HEADER(20, 3), (uint8_t)-EINVAL, 0xff, 0xff, 0xff};
static const uint8_t done_positive[] = {HEADER(20, 3), 1, 0, 0, 0};
static const uint8_t short_done[] = {HEADER(16, 3)};
static const uint8_t link_only[] = {LINK};
static const uint8_t link_ack[] = {LINK, ACK};
static const uint8_t links[] = {LINK, LINK, LINK};
static const uint8_t links_done[] = {LINK, LINK, DONE};
static const uint8_t links_enodev[] = {LINK, LINK, ERROR(ENODEV)};
static const uint8_t ack_links[] = {ACK, LINK};
static const uint8_t noop_ack[] = {HEADER(16, 1), ACK};
static const uint8_t overrun_ack[] = {HEADER(16, 4), ACK};
static const uint8_t low_types[] = {HEADER(16, 0), HEADER(16, 5), HEADER(16, 15), ACK};
static const uint8_t half_header[] = {20, 0, 0, 0, 16, 0, 0, 0};
static const uint8_t length_0[] = {HEADER(0, 16)};
static const uint8_t length_15[] = {HEADER(15, 16)};
static const uint8_t too_long[] = {HEADER(21, 16), 1, 2, 3, 4};
static const uint8_t link_left_over[] = {LINK, 0, 0, 0, 0};
static const uint8_t link_lie[] = {LINK, HEADER(200, 16)};
static const uint8_t unpadded[] = {HEADER(17, 16), 1};

#define DATAGRAM(array)                                                                            \
    {                                                                                              \
        .bytes = array, .size = sizeof(array)                                                      \
    }
#define ODD(array, ...)                                                                            \
    {                                                                                              \
        .bytes = array, .size = sizeof(array), __VA_ARGS__                                         \
    }
#define THESE(...)                                                                                 \
    ((const struct datagram[]){__VA_ARGS__}), COUNT(((const struct datagram[]){__VA_ARGS__}))

/* What comes, what is to be said of it, and how many messages are to be seen on the way. */
static const struct {
    const char *what;
    int result;
    int seen;
    int failing;
    bool no_answer; /* where a yes or no is expected and nothing else */
    const struct datagram *datagrams;
    size_t count;
} forged[] = {
    {"yes", 0, 0, 0, true, THESE(DATAGRAM(ack))},
    {"no", -ENODEV, 0, 0, true, THESE(DATAGRAM(enodev))},
    {"no, to who expected more", -ENODEV, 0, 0, false, THESE(DATAGRAM(enodev))},
    {"nothing", -EAGAIN, 0, 0, true, NULL, 0},
    {"one and yes", 0, 1, 0, false, THESE(DATAGRAM(link_only), DATAGRAM(ack))},
    {"one and yes in one", 0, 1, 0, false, THESE(DATAGRAM(link_ack))},
    {"one, no end", -EAGAIN, 1, 0, false, THESE(DATAGRAM(link_only))},
    {"a dump", 0, 6, 0, false, THESE(DATAGRAM(links), DATAGRAM(links), DATAGRAM(done))},
    {"a dump in one", 0, 2, 0, false, THESE(DATAGRAM(links_done))},
    {"a dump that fails", -EINVAL, 3, 0, false, THESE(DATAGRAM(links), DATAGRAM(done_einval))},
    {"a dump of nothing", 0, 0, 0, false, THESE(DATAGRAM(done))},
    {"an error in the middle", -ENODEV, 2, 0, false, THESE(DATAGRAM(links_enodev))},
    {"an error that is none", -EBADMSG, 0, 0, true, THESE(DATAGRAM(positive_error))},
    {"an end with a number", -EBADMSG, 0, 0, false, THESE(DATAGRAM(done_positive))},
    {"an error without number", -EBADMSG, 0, 0, true, THESE(DATAGRAM(short_error))},
    {"an error with half a number", -EBADMSG, 0, 0, true, THESE(DATAGRAM(shorter_error))},
    {"an end without number", -EBADMSG, 0, 0, false, THESE(DATAGRAM(short_done))},
    {"more than yes or no", -EPROTO, 0, 0, true, THESE(DATAGRAM(link_ack))},
    {"what comes after the end isn't seen", 0, 0, 0, false, THESE(DATAGRAM(ack_links))},
    {"noop", 0, 0, 0, true, THESE(DATAGRAM(noop_ack))},
    {"overrun", 0, 0, 0, true, THESE(DATAGRAM(overrun_ack))},
    {"types of no family", 0, 0, 0, false, THESE(DATAGRAM(low_types))},
    {"half a header", -EBADMSG, 0, 0, false, THESE(DATAGRAM(half_header))},
    {"length 0", -EBADMSG, 0, 0, false, THESE(DATAGRAM(length_0))},
    {"length 15", -EBADMSG, 0, 0, false, THESE(DATAGRAM(length_15))},
    {"longer than it is", -EBADMSG, 0, 0, false, THESE(DATAGRAM(too_long))},
    {"bytes left over", -EBADMSG, 1, 0, false, THESE(DATAGRAM(link_left_over))},
    {"the second lies", -EBADMSG, 1, 0, false, THESE(DATAGRAM(link_lie))},
    {"no padding", -EBADMSG, 1, 0, false, THESE(DATAGRAM(unpadded))},
    {"the first refused", -E2BIG - 1, 1, 1, false, THESE(DATAGRAM(links), DATAGRAM(done))},
    {"the third refused", -E2BIG - 3, 3, 3, false, THESE(DATAGRAM(links), DATAGRAM(done))},
    {"refused, and an error", -ENODEV, 1, 1, false, THESE(DATAGRAM(links), DATAGRAM(enodev))},
    {"from somebody else", -EPROTO, 0, 0, true, THESE(ODD(ack, .sender = 1))},
    {"from a large port", -EPROTO, 0, 0, true, THESE(ODD(ack, .sender = 0xffffffff))},
    {"the end from somebody else", -EPROTO, 3, 0, false,
     THESE(DATAGRAM(links), ODD(done, .sender = 77))},
    {"a sender without address", -EPROTO, 0, 0, true, THESE(ODD(ack, .name_size = 2))},
    {"another question's", -EPROTO, 0, 0, true, THESE(ODD(ack, .other_sequence = true))},
    {"another dump's", -EPROTO, 0, 0, false,
     THESE(ODD(links, .other_sequence = true), DATAGRAM(done))},
    {"cut off", -EMSGSIZE, 0, 0, true, THESE(ODD(ack, .flags = MSG_TRUNC))},
    {"the second cut off", -EMSGSIZE, 3, 0, false,
     THESE(DATAGRAM(links), ODD(done, .flags = MSG_TRUNC))},
    {"lost", -ENOBUFS, 0, 0, true, THESE({.error = ENOBUFS})},
    {"interrupted", -EINTR, 3, 0, false, THESE(DATAGRAM(links), {.error = EINTR})},
    {"an empty datagram", 0, 0, 0, true, THESE({.bytes = ack}, DATAGRAM(ack))},
};

static void start_forgery(const struct datagram *datagrams, size_t count)
{
    memset(&forgery, 0, sizeof(forgery));
    forgery.forging = true;
    forgery.flags = MSG_DONTWAIT;
    forgery.datagrams = datagrams;
    forgery.count = count;
}

TEST(forged_answers)
{
    for (size_t i = 0; i < COUNT(forged); i++) {
        struct netlink netlink = {.fd = -1, .sequence = (uint32_t)i};
        struct calls calls = {.failing = forged[i].failing};
        struct message request;
        int result;

        rtmsg_link_get(&request, "lo");
        start_forgery(forged[i].datagrams, forged[i].count);
        result = netlink_ask(&netlink, &request, forged[i].no_answer ? NULL : note_call, &calls);
        expect(result == forged[i].result, "case %zu, %s: %d", i, forged[i].what, result);
        /* once one is refused, the rest is read, and not looked at */
        expect(calls.count == forged[i].seen, "case %zu, %s: %d seen", i, forged[i].what,
               calls.count);
        expect(forgery.flags == MSG_DONTWAIT, "case %zu: waited", i);
        expect(netlink.sequence == i + 1, "case %zu: sequence %u", i, netlink.sequence);
        expect_wiped(forged[i].what);
    }
    forgery.forging = false;
}

/* An answer that never ends is left, after much of it. */
TEST(endless_answer)
{
    static const struct datagram more = DATAGRAM(links);
    struct netlink netlink = {.fd = -1};
    struct calls calls = {0};
    struct message request;

    rtmsg_route_dump(&request);
    start_forgery(&more, 1);
    forgery.endless = true;
    expect(netlink_ask(&netlink, &request, note_call, &calls) == -EFBIG, "no end");
    expect(calls.count >= 10000 && calls.count <= 1000000, "%d messages seen", calls.count);
    expect_wiped("no end");
    forgery.forging = false;
}

/* Nothing is sent that is not whole; what can't be sent is an error. */
TEST(sending)
{
    static const struct datagram yes = DATAGRAM(ack);
    struct netlink netlink = {.fd = -1, .sequence = UINT32_MAX};
    struct message request;
    char name[601] = {0};

    memset(name, 'x', 600);
    rtmsg_link_get(&request, name);
    start_forgery(&yes, 1);
    expect(netlink_ask(&netlink, &request, NULL, NULL) == -EMSGSIZE, "overflowed");
    expect(forgery.sends == 0 && forgery.next == 0, "an overflowed message was sent");

    rtmsg_link_get(&request, "lo");
    start_forgery(&yes, 1);
    forgery.send_result = -1;
    forgery.send_error = ECONNREFUSED;
    expect(netlink_ask(&netlink, &request, NULL, NULL) == -ECONNREFUSED, "error");
    expect(forgery.next == 0, "read after an error");
    forgery.send_result = 5;
    expect(netlink_ask(&netlink, &request, NULL, NULL) == -EPROTO, "a part");
    expect(forgery.next == 0, "read after a part");

    /* the acknowledgement is asked for; the number is a new one each time */
    start_forgery(&yes, 1);
    rtmsg_link_get(&request, "lo");
    expect(netlink_ask(&netlink, &request, NULL, NULL) == 0, "yes");
    expect(request.header.nlmsg_flags == (NLM_F_REQUEST | NLM_F_ACK), "flags %x",
           request.header.nlmsg_flags);
    expect(request.header.nlmsg_seq == netlink.sequence && netlink.sequence == 2, "sequence %u",
           netlink.sequence);
    forgery.forging = false;
}

/* A peer on a pair of sockets is not the kernel, whatever it says. */
TEST(not_the_kernel)
{
    static const int types[] = {SOCK_SEQPACKET, SOCK_DGRAM};

    for (size_t i = 0; i < COUNT(types); i++) {
        struct netlink netlink = {.sequence = 6};
        struct message request;
        uint8_t answer[sizeof(ack)];
        int ends[2];
        int result;

        if (socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, ends))
            unit_trouble("socketpair");
        memcpy(answer, ack, sizeof(ack));
        number(answer, sizeof(answer), 7);
        netlink.fd = ends[0];
        rtmsg_link_get(&request, "lo");
        expect(write(ends[1], answer, sizeof(answer)) == sizeof(answer), "write");
        result = netlink_ask(&netlink, &request, note_call, &(struct calls){0});
        expect(result == -EPROTO, "case %zu: %d", i, result);
        result = netlink_ask(&netlink, &request, note_call, &(struct calls){0});
        expect(result == -EAGAIN, "case %zu, silent: %d", i, result);
        expect_wiped("a pair");
        netlink_close(&netlink);
        expect(netlink.fd == -1, "not closed");
        expect(fcntl(ends[0], F_GETFD) < 0, "still open");
        netlink_close(&netlink);
        close(ends[1]);
    }
}

/* The running kernel. */

static int take_link(const struct nlmsghdr *message, void *context)
{
    expect(secret.answer[0] != 0, "the answer isn't where it should be");
    return rtmsg_link_parse(message, context);
}

static int count_links(const struct nlmsghdr *message, void *context)
{
    struct rtmsg_link link;
    int *count = context;

    ++*count;
    return rtmsg_link_parse(message, &link);
}

struct search {
    uint32_t address;
    unsigned int found;
    unsigned int all;
};

static int find_route(const struct nlmsghdr *message, void *context)
{
    struct search *search = context;
    struct rtmsg_route route;
    int error = rtmsg_route_parse(message, &route);

    search->all++;
    if (!error && route.type == RTN_LOCAL && route.prefix_length == 32 &&
        route.destination == search->address && route.device == 1)
        search->found++;
    return error;
}

static void check_socket(const struct netlink *netlink)
{
    struct sockaddr_nl address = {0};
    socklen_t size = sizeof(address);
    int value = 0;
    socklen_t value_size = sizeof(value);

    expect(fcntl(netlink->fd, F_GETFD) == FD_CLOEXEC, "inherited");
    expect(getpeername(netlink->fd, (void *)&address, &size) == 0 && address.nl_pid == 0, "peer");
    size = sizeof(address);
    expect(getsockname(netlink->fd, (void *)&address, &size) == 0 && address.nl_pid != 0, "name");
    expect(getsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &value, &value_size) == 0 &&
               value == 1,
           "NETLINK_CAP_ACK");
    value = 0;
    expect(getsockopt(netlink->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &value, &value_size) == 0 &&
               value == 1,
           "NETLINK_GET_STRICT_CHK");
    expect(recv(netlink->fd, &value, sizeof(value), MSG_DONTWAIT) < 0 && errno == EAGAIN,
           "something is left to read");
}

static void request_links(struct netlink *netlink)
{
    struct rtmsg_link link = {0};
    struct message request;
    int count = 0;
    int result;

    rtmsg_link_get(&request, "lo");
    result = netlink_ask(netlink, &request, take_link, &link);
    expect(result == 0, "lo: %d", result);
    expect(strcmp(link.name, "lo") == 0 && link.index == 1 && !link.up, "lo: %s %d", link.name,
           link.index);
    expect_wiped("lo");
    rtmsg_link_get(&request, "wg-1-0");
    result = netlink_ask(netlink, &request, take_link, &link);
    expect(result == -ENODEV, "absent: %d", result);
    expect_wiped("absent");
    rtmsg_link_get(&request, "lo");
    result = netlink_ask(netlink, &request, NULL, NULL);
    expect(result == -EPROTO, "an answer where none was expected: %d", result);
    expect_wiped("unexpected");
    rtmsg_link_dump(&request);
    result = netlink_ask(netlink, &request, count_links, &count);
    expect(result == 0, "dump: %d", result);
    expect_wiped("dump");
    check_socket(netlink);
}

/* What changes something needs privilege, and is looked at afterwards. */
static void request_changes(struct netlink *netlink)
{
    struct search search = {.address = 0x0a000003};
    struct rtmsg_link link = {0};
    struct message request;
    int result;

    rtmsg_link_up(&request, 1);
    result = netlink_ask(netlink, &request, NULL, NULL);
    expect(result == -EPERM, "up, without privilege: %d", result);
    rtmsg_link_up(&request, 1);
    result = netlink_change(netlink, &request);
    expect(result == 0, "up: %d", result);
    rtmsg_link_set_group(&request, 1, 0x6e616821, "an alias");
    result = netlink_change(netlink, &request);
    expect(result == 0, "group: %d", result);
    rtmsg_link_get(&request, "lo");
    result = netlink_ask(netlink, &request, take_link, &link);
    expect(result == 0 && link.up && link.group == 0x6e616821, "lo: %d, up %d, group %x", result,
           link.up, link.group);
    for (int again = 0; again < 2; again++) {
        rtmsg_address_new(&request, 1, 0x0a000003, 31);
        result = netlink_change(netlink, &request);
        expect(result == (again ? -EEXIST : 0), "address: %d", result);
    }
    rtmsg_route_dump(&request);
    result = netlink_ask(netlink, &request, find_route, &search);
    expect(result == 0 && search.found == 1, "routes: %d, %u found", result, search.found);
    expect_wiped("routes");
    check_socket(netlink);
}

/* A dump that takes many datagrams. */
static void request_much(struct netlink *netlink)
{
    struct search search = {.address = 0x0a020001};
    struct message request;
    int result = 0;

    for (uint32_t i = 0; i < 500 && !result; i++) {
        rtmsg_address_new(&request, 1, 0x0a020000 + i, 32);
        result = netlink_change(netlink, &request);
    }
    expect(result == 0, "addresses: %d", result);
    rtmsg_route_dump(&request);
    result = netlink_ask(netlink, &request, find_route, &search);
    expect(result == 0 && search.found == 1 && search.all >= 500, "routes: %d, %u of %u", result,
           search.found, search.all);
    expect_wiped("routes");
}

static void kernel_body(void *context)
{
    struct netlink netlink = {.fd = -5};
    int result;

    (void)context;
    if (unshare(CLONE_NEWNET))
        unit_trouble("unshare");
    expect(privilege_start() == 0, "privilege_start()");
    result = netlink_open(NETLINK_ROUTE, &netlink);
    expect(result == 0 && netlink.fd >= 0 && netlink.sequence == 0, "open: %d", result);
    check_socket(&netlink);
    request_links(&netlink);
    request_changes(&netlink);
    request_much(&netlink);
    netlink_close(&netlink);
    expect(netlink.fd == -1, "not closed");
    result = netlink_open(NETLINK_GENERIC, &netlink);
    expect(result == 0, "open generic: %d", result);
    netlink_close(&netlink);
    netlink = (struct netlink){.fd = -5, .sequence = 7};
    result = netlink_open(255, &netlink);
    expect(result == -EPROTONOSUPPORT, "open 255: %d", result);
    expect(netlink.fd == -5 && netlink.sequence == 7, "written");
}

TEST_AS_ROOT(the_kernel)
{
    unit_in_child(kernel_body, NULL);
}

/* A protocol that can't be opened, and options that can't be set, leave no descriptor behind. */
static void leaks_body(void *context)
{
    struct netlink netlink;
    int first = dup(0);

    (void)context;
    close(first);
    expect(privilege_start() == 0, "privilege_start()");
    for (int i = 0; i < 10; i++)
        expect(netlink_open(200 + i, &netlink) < 0, "protocol %d", 200 + i);
    expect(dup(0) == first, "a descriptor is left open");
}

TEST_AS_ROOT(no_leaks)
{
    unit_in_child(leaks_body, NULL);
}

/* secret_wipe() leaves no byte of the key and the request. */
TEST(wipe)
{
    memset(&secret.private_key, 0x77, sizeof(secret.private_key));
    memset(&secret.request, 0x77, sizeof(secret.request));
    secret_wipe();
    for (size_t i = 0; i < sizeof(secret.private_key); i++)
        expect(((const uint8_t *)&secret.private_key)[i] == 0, "key: byte %zu", i);
    for (size_t i = 0; i < sizeof(secret.request); i++)
        expect(((const uint8_t *)&secret.request)[i] == 0, "request: byte %zu", i);
}

#include "helper/netlink/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "helper/base/file.h"
#include "helper/confine/privileged.h"
#include "helper/netlink/secret.h"

enum {
    /* Root in a container can make an endless dump, by adding routes while we read. */
    MAX_READS = 16384,
};

static int set_option(int fd, int option)
{
    static const int on = 1;

    return setsockopt(fd, SOL_NETLINK, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

int netlink_open(int protocol, struct netlink *ret_netlink)
{
    static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int fd = privileged_open_netlink(protocol);
    int error;

    if (fd < 0)
        return fd;
    /* Connected to port 0, the socket receives messages of the kernel alone. connect() also binds
     * it to a port number that the kernel picks, so nobody can occupy that number beforehand. */
    error = connect(fd, (const void *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
    /* Have errors sent without a copy of the request, which may hold a key. */
    if (!error)
        error = set_option(fd, NETLINK_CAP_ACK);
    /* Have the kernel apply the filter of a dump, and refuse a filter that it doesn't know. */
    if (!error)
        error = set_option(fd, NETLINK_GET_STRICT_CHK);
    if (error) {
        close(fd);
        return error;
    }
    *ret_netlink = (struct netlink){.fd = fd};
    return 0;
}

void netlink_close(struct netlink *netlink)
{
    file_close(&netlink->fd);
}

/* The right by which a request is sent. */
enum right {
    ANYBODYS,
    ADMINS,        /* CAP_NET_ADMIN */
    ADMINS_TO_BIND /* the same, and root's right to bind any port */
};

static int send_request(struct netlink *netlink, struct message *request, enum right right)
{
    const uint32_t size = request->header.nlmsg_len;
    ssize_t sent;

    if (request->overflowed)
        return -EMSGSIZE;
    request->header.nlmsg_seq = ++netlink->sequence;
    request->header.nlmsg_flags |= NLM_F_ACK;
    if (right == ANYBODYS)
        sent = send(netlink->fd, request->bytes, size, 0);
    else
        sent = privileged_send(netlink->fd, request->bytes, size, right == ADMINS_TO_BIND);
    if (sent < 0) /* both have set errno */
        return -errno;
    return sent == size ? 0 : -EPROTO;
}

/* Reads one datagram into secret.answer, without waiting: the kernel answers before send() returns,
 * and continues a dump before recvmsg() returns. */
static ssize_t receive(struct netlink *netlink)
{
    struct sockaddr_nl sender = {0};
    struct iovec buffer = {.iov_base = secret.answer, .iov_len = sizeof(secret.answer)};
    struct msghdr header = {
        .msg_name = &sender,
        .msg_namelen = sizeof(sender),
        .msg_iov = &buffer,
        .msg_iovlen = 1,
    };
    ssize_t size = recvmsg(netlink->fd, &header, MSG_DONTWAIT);

    if (size < 0)
        return -errno;
    if (header.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    if (header.msg_namelen != sizeof(sender) || sender.nl_pid != 0)
        return -EPROTO;
    return size;
}

/* The error code of an NLMSG_ERROR or NLMSG_DONE. */
static int final_error(const struct nlmsghdr *message)
{
    int error;

    if (mnl_nlmsg_get_payload_len(message) < sizeof(error))
        return -EBADMSG;
    memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
    return error <= 0 ? error : -EBADMSG;
}

/* Takes the messages of one datagram. Returns 1 if more will come; 0 or a negative errno at the end
 * of the answer. NLM_F_DUMP_INTR marks a dump during which something changed. It is taken as it is,
 * since something could as well change a moment later. */
static int take_messages(size_t size, uint32_t sequence, netlink_answer *answer, void *context,
                         int *result)
{
    size_t offset = 0;

    while (offset < size) {
        const struct nlmsghdr *message = (const void *)(secret.answer + offset);

        if (size - offset < sizeof(*message) || message->nlmsg_len < sizeof(*message) ||
            message->nlmsg_len > size - offset)
            return -EBADMSG;
        offset += NLMSG_ALIGN(message->nlmsg_len);
        if (message->nlmsg_seq != sequence)
            return -EPROTO;
        if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE)
            return final_error(message);
        if (message->nlmsg_type < NLMSG_MIN_TYPE)
            continue;
        if (!*result)
            *result = answer ? answer(message, context) : -EPROTO;
    }
    return offset == size ? 1 : -EBADMSG;
}

static int converse(struct netlink *netlink, struct message *request, enum right right,
                    netlink_answer *answer, void *context)
{
    int error = send_request(netlink, request, right);
    int result = 0;

    if (error)
        return error;
    for (int reads = 0; reads < MAX_READS; reads++) {
        ssize_t size = receive(netlink);

        if (size < 0) {
            /* A refused datagram may have reached any part of it. */
            explicit_bzero(secret.answer, sizeof(secret.answer));
            return (int)size;
        }
        error = take_messages((size_t)size, netlink->sequence, answer, context, &result);
        explicit_bzero(secret.answer, (size_t)size);
        if (result == NETLINK_ENOUGH)
            return 0;
        if (error <= 0)
            return error ? error : result;
    }
    return -EFBIG;
}

int netlink_ask(struct netlink *netlink, struct message *request, netlink_answer *answer,
                void *context)
{
    return converse(netlink, request, ANYBODYS, answer, context);
}

int netlink_ask_here(int protocol, struct message *request, netlink_answer *answer, void *context)
{
    struct netlink netlink;
    int error = netlink_open(protocol, &netlink);

    if (error)
        return error;
    error = netlink_ask(&netlink, request, answer, context);
    netlink_close(&netlink);
    return error;
}

int netlink_ask_as_admin(struct netlink *netlink, struct message *request, netlink_answer *answer,
                         void *context)
{
    return converse(netlink, request, ADMINS, answer, context);
}

int netlink_change(struct netlink *netlink, struct message *request)
{
    return converse(netlink, request, ADMINS, NULL, NULL);
}

int netlink_change_to_bind(struct netlink *netlink, struct message *request)
{
    return converse(netlink, request, ADMINS_TO_BIND, NULL, NULL);
}

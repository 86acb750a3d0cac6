/* The floor: the netlink messages that each task takes at least, and nothing else. No privilege is
 * given up, nothing is looked at, no mistake is undone. In C: a process is part of what is
 * measured, and an interpreter's takes longer to start than all of the messages. Arguments are
 * those of children.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"
#include "link/key.h"

static _Alignas(struct nlmsghdr) char request[1024];
static _Alignas(struct nlmsghdr) char answer[16 * 1024];
static struct nlmsghdr *const header = (void *)request;
static int left; /* bytes of the answer, from the last message on */

static int open_socket(int protocol)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        fail(TROUBLE, "socket");
    return fd;
}

static void *start(uint16_t type, uint16_t flags, size_t size)
{
    mnl_nlmsg_put_header(request);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    return mnl_nlmsg_put_extra_header(header, size);
}

static void start_generic(uint16_t type, uint16_t flags, uint8_t command)
{
    struct genlmsghdr *generic = start(type, flags, sizeof(*generic));

    generic->cmd = command;
    generic->version = 1;
}

static void send_request(int fd)
{
    if (send(fd, request, header->nlmsg_len, 0) < 0)
        fail(TROUBLE, "send");
}

/* Returns the content of a message of the wanted type. Another type is an error. */
static const struct nlmsghdr *expect(const struct nlmsghdr *message, uint16_t type)
{
    int error = 0;

    if (message->nlmsg_type == NLMSG_ERROR)
        memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
    if (error != 0 || message->nlmsg_type != type) {
        errno = -error;
        fail(TROUBLE, "the answer to message %d is %d", header->nlmsg_type, message->nlmsg_type);
    }
    return message;
}

/* Reads one datagram, which is there since the request. Returns its first message. */
static const struct nlmsghdr *receive(int fd, uint16_t type)
{
    const struct nlmsghdr *message = (const void *)answer;

    left = (int)recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
    if (left < 0)
        fail(TROUBLE, "recv");
    if (!mnl_nlmsg_ok(message, left))
        fail(TROUBLE, "not a message");
    return expect(message, type);
}

/* The end of a dump comes in one datagram with the last message, or alone. */
static void receive_end(int fd, const struct nlmsghdr *last)
{
    const struct nlmsghdr *next = mnl_nlmsg_next(last, &left);

    if (mnl_nlmsg_ok(next, left))
        expect(next, NLMSG_DONE);
    else
        receive(fd, NLMSG_DONE);
}

static void ask(int fd)
{
    header->nlmsg_flags |= NLM_F_ACK;
    send_request(fd);
    receive(fd, NLMSG_ERROR);
}

static const struct nlattr *find(const struct nlmsghdr *message, uint16_t type)
{
    const struct nlattr *attribute =
        mnl_nlmsg_get_payload_offset(message, sizeof(struct genlmsghdr));
    const char *end = mnl_nlmsg_get_payload_tail(message);

    for (; mnl_attr_ok(attribute, (int)(end - (const char *)attribute));
         attribute = mnl_attr_next(attribute)) {
        if (mnl_attr_get_type(attribute) == type)
            return attribute;
    }
    errno = 0;
    fail(TROUBLE, "attribute %d is missing", type);
}

static uint16_t get_family(int generic)
{
    start_generic(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
    mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
    send_request(generic);
    return mnl_attr_get_u16(find(receive(generic, GENL_ID_CTRL), CTRL_ATTR_FAMILY_ID));
}

static void new_link(int route, const char *name, int netns)
{
    struct nlattr *info;

    start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, name);
    mnl_attr_put_u32(header, IFLA_NET_NS_FD, (uint32_t)netns);
    info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "wireguard");
    mnl_attr_nest_end(header, info);
    ask(route);
}

static void set_key(int generic, uint16_t family, const char *name, const char *port)
{
    struct key key;

    if (getrandom(key.bytes, KEY_SIZE, 0) != KEY_SIZE)
        fail(TROUBLE, "getrandom");
    key_clamp(&key);
    start_generic(family, 0, WG_CMD_SET_DEVICE);
    mnl_attr_put_strz(header, WGDEVICE_A_IFNAME, name);
    mnl_attr_put(header, WGDEVICE_A_PRIVATE_KEY, KEY_SIZE, key.bytes);
    mnl_attr_put_u16(header, WGDEVICE_A_LISTEN_PORT, (uint16_t)atoi(port)); /* NOLINT */
    ask(generic);
}

/* Returns the index of the device. */
static int get_device(int generic, uint16_t family, const char *name, struct key *ret_public_key)
{
    const struct nlmsghdr *message;
    int index;

    start_generic(family, NLM_F_DUMP, WG_CMD_GET_DEVICE);
    mnl_attr_put_strz(header, WGDEVICE_A_IFNAME, name);
    send_request(generic);
    message = receive(generic, family);
    index = (int)mnl_attr_get_u32(find(message, WGDEVICE_A_IFINDEX));
    memcpy(ret_public_key->bytes, mnl_attr_get_payload(find(message, WGDEVICE_A_PUBLIC_KEY)),
           KEY_SIZE);
    receive_end(generic, message);
    return index;
}

/* Reads "10.0.0.1/31". Nothing behind the prefix length counts. */
static uint32_t address_of(const char *text)
{
    char address[INET_ADDRSTRLEN];
    struct in_addr bytes;

    (void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(text, "/:"), text);
    if (inet_pton(AF_INET, address, &bytes) != 1)
        fail(TROUBLE, "%s", text);
    return bytes.s_addr;
}

static void new_address(int route, const char *text, int index)
{
    struct ifaddrmsg *address = start(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*address));

    address->ifa_family = AF_INET;
    address->ifa_prefixlen = 31;
    address->ifa_index = (uint32_t)index;
    mnl_attr_put_u32(header, IFA_LOCAL, address_of(text));
    ask(route);
}

static void set_up(int route, int index)
{
    struct ifinfomsg *link = start(RTM_SETLINK, 0, sizeof(*link));

    link->ifi_index = index;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    ask(route);
}

static void enter(int netns)
{
    if (setns(netns, CLONE_NEWNET) < 0)
        fail(TROUBLE, "setns");
}

static void create(int netns, const char *name, const char *port, const char *address)
{
    int home = open_socket(NETLINK_ROUTE);
    char line[KEY_TEXT_LENGTH + 1];
    struct key public_key;
    int generic;
    int route;
    int index;
    uint16_t family;

    enter(netns);
    generic = open_socket(NETLINK_GENERIC);
    route = open_socket(NETLINK_ROUTE);
    new_link(home, name, netns);
    family = get_family(generic);
    set_key(generic, family, name, port);
    index = get_device(generic, family, name, &public_key);
    new_address(route, address, index);
    set_up(route, index);
    key_to_text(&public_key, line);
    line[KEY_TEXT_LENGTH] = '\n';
    if (write(STDOUT_FILENO, line, sizeof(line)) != sizeof(line))
        fail(TROUBLE, "write");
}

static void put_peer(const char *endpoint_text, const struct key *key, const char *address)
{
    struct sockaddr_in endpoint = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strchr(endpoint_text, ':') + 1)), /* NOLINT */
        .sin_addr.s_addr = address_of(endpoint_text),
    };
    struct nlattr *peers = mnl_attr_nest_start(header, WGDEVICE_A_PEERS);
    struct nlattr *peer = mnl_attr_nest_start(header, 0);
    struct nlattr *allowed_list;
    struct nlattr *allowed;

    mnl_attr_put(header, WGPEER_A_PUBLIC_KEY, KEY_SIZE, key->bytes);
    mnl_attr_put(header, WGPEER_A_ENDPOINT, sizeof(endpoint), &endpoint);
    allowed_list = mnl_attr_nest_start(header, WGPEER_A_ALLOWEDIPS);
    allowed = mnl_attr_nest_start(header, 0);
    mnl_attr_put_u16(header, WGALLOWEDIP_A_FAMILY, AF_INET);
    mnl_attr_put_u32(header, WGALLOWEDIP_A_IPADDR, address_of(address));
    mnl_attr_put_u8(header, WGALLOWEDIP_A_CIDR_MASK, 32);
    mnl_attr_nest_end(header, allowed);
    mnl_attr_nest_end(header, allowed_list);
    mnl_attr_nest_end(header, peer);
    mnl_attr_nest_end(header, peers);
}

static void connect_peer(const char *name, const char *endpoint, const char *key_text,
                         const char *address)
{
    struct key key;
    uint16_t family;
    int generic;

    if (key_from_text(key_text, &key))
        fail(TROUBLE, "%s", key_text);
    generic = open_socket(NETLINK_GENERIC);
    family = get_family(generic);
    start_generic(family, 0, WG_CMD_SET_DEVICE);
    mnl_attr_put_strz(header, WGDEVICE_A_IFNAME, name);
    put_peer(endpoint, &key, address);
    ask(generic);
}

static void destroy(const char *name)
{
    start(RTM_DELLINK, 0, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, name);
    ask(open_socket(NETLINK_ROUTE));
}

int main(int argc, char *argv[])
{
    char path[64];
    int netns;

    if (argc < 4)
        fail(TROUBLE, "wrong arguments");
    (void)snprintf(path, sizeof(path), "/proc/%s/ns/net", argv[2]);
    netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0)
        fail(TROUBLE, "%s", path);
    if (strcmp(argv[1], "cwg_create") == 0 && argc == 6) {
        create(netns, argv[3], argv[4], argv[5]);
        return 0;
    }
    enter(netns);
    if (strcmp(argv[1], "cwg_connect") == 0 && argc == 7)
        connect_peer(argv[3], argv[4], argv[5], argv[6]);
    else if (strcmp(argv[1], "cwg_destroy") == 0 && argc == 4)
        destroy(argv[3]);
    else
        fail(TROUBLE, "wrong arguments");
    return 0;
}

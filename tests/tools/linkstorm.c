// Changes links as fast as the kernel lets it, as root in a container may at any moment.
//
//     linkstorm rename SECONDS A B [KIND]      renames a link from A to B and back
//     linkstorm altname SECONDS LINK ALTNAME   gives it an alternative name and takes it away
//     linkstorm recreate SECONDS INDEX NAME [KIND]...
//                                              deletes link INDEX and makes it again: of each KIND
//                                              in turn, named NAME and then "storm" in turn; it
//                                              lives for 0 to 42 ms
//     linkstorm addrs SECONDS LINK ADDRESS/N   adds an IPv4 address and removes it
//
// KIND is dummy unless given; recreate takes dummy and wireguard, and leaves out a kind that the
// kernel does not have. rename makes A if there is neither an A nor a B, and deletes in the end
// what it made; recreate deletes its link in the end.
//
// It shares the namespace with whatever it is to disturb, so that single operations may fail.
// Ends after SECONDS or at SIGTERM with the line "operations N failed M".
// Exit status: 0 if an operation succeeded, 1 if none did, 2 wrong arguments or trouble.
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

union request {
    struct nlmsghdr header;
    char bytes[512];
};

union answer {
    struct nlmsghdr header;
    char bytes[4096];
};

enum { KINDS_MAX = 8 };

static int route;
static long operations, failed;
static int64_t end;
static volatile sig_atomic_t over;

static _Noreturn void usage(void)
{
    fputs("usage: linkstorm rename SECONDS A B [KIND]\n"
          "       linkstorm altname SECONDS LINK ALTNAME\n"
          "       linkstorm recreate SECONDS INDEX NAME [KIND]...\n"
          "       linkstorm addrs SECONDS LINK ADDRESS/N\n",
          stderr);
    exit(TROUBLE);
}

static void finish(int signal)
{
    (void)signal;
    over = 1;
}

static bool goes_on(void)
{
    return !over && now_ms() < end;
}

// Sends a request. Returns the kernel's answer: 0 or a negative errno.
static int ask(union request *request)
{
    static uint32_t sequence;
    struct nlmsghdr *header = &request->header;
    union answer answer;

    header->nlmsg_seq = ++sequence;
    header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    if (send(route, header, header->nlmsg_len, 0) < 0)
        return -errno;
    for (;;) {
        const struct nlmsghdr *got = &answer.header;
        ssize_t size = recv(route, &answer, sizeof(answer), 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if (got->nlmsg_seq == sequence && got->nlmsg_type == NLMSG_ERROR)
            return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(got))->error;
    }
}

// Does one operation of the storm.
static void do_one(union request *request)
{
    if (ask(request) == 0)
        operations++;
    else
        failed++;
}

static struct nlmsghdr *link_request(union request *ret, uint16_t type, uint16_t flags, int index)
{
    *ret = (union request){.bytes = {0}};
    struct nlmsghdr *header = mnl_nlmsg_put_header(ret->bytes);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof(*link));

    header->nlmsg_type = type;
    header->nlmsg_flags = flags;
    link->ifi_index = index;
    return header;
}

// Writes the request that makes a link. With index 0 the kernel chooses the index.
static void creation(union request *ret, int index, const char *name, const char *kind)
{
    struct nlmsghdr *header = link_request(ret, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, index);

    mnl_attr_put_strz(header, IFLA_IFNAME, name);
    struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, kind);
    mnl_attr_nest_end(header, info);
}

static void renaming(union request *ret, int index, const char *name)
{
    mnl_attr_put_strz(link_request(ret, RTM_NEWLINK, 0, index), IFLA_IFNAME, name);
}

static void prop(union request *ret, uint16_t type, uint16_t flags, int index, const char *name)
{
    struct nlmsghdr *header = link_request(ret, type, flags, index);
    struct nlattr *list = mnl_attr_nest_start(header, IFLA_PROP_LIST);

    mnl_attr_put_strz(header, IFLA_ALT_IFNAME, name);
    mnl_attr_nest_end(header, list);
}

static void addressing(union request *ret, uint16_t type, uint16_t flags, unsigned index,
                       const struct in_addr *local, uint8_t prefix)
{
    *ret = (union request){.bytes = {0}};
    struct nlmsghdr *header = mnl_nlmsg_put_header(ret->bytes);
    struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(header, sizeof(*address));

    header->nlmsg_type = type;
    header->nlmsg_flags = flags;
    *address =
        (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = index};
    mnl_attr_put(header, IFA_LOCAL, sizeof(*local), local);
    mnl_attr_put(header, IFA_ADDRESS, sizeof(*local), local);
}

// Returns the index of a link, or 0 if there is none.
static int index_of(const char *name)
{
    int index = (int)if_nametoindex(name);
    errno = 0;
    return index;
}

static int existing(const char *name)
{
    int index = index_of(name);
    if (index == 0)
        fail(TROUBLE, "there is no link %s", name);
    return index;
}

static void storm_rename(int argc, char **argv)
{
    union request make, to_a, to_b, delete;

    if (argc < 2 || argc > 3)
        usage();
    int index = index_of(argv[0]) != 0 ? index_of(argv[0]) : index_of(argv[1]);
    bool made = index == 0;
    if (made) {
        creation(&make, 0, argv[0], argc == 3 ? argv[2] : "dummy");
        errno = -ask(&make);
        if (errno != 0)
            fail(TROUBLE, "cannot make link %s", argv[0]);
        index = existing(argv[0]);
    }
    renaming(&to_a, index, argv[0]);
    renaming(&to_b, index, argv[1]);
    while (goes_on()) {
        do_one(&to_b);
        do_one(&to_a);
    }
    link_request(&delete, RTM_DELLINK, 0, index);
    if (made)
        ask(&delete);
}

static void storm_altname(int argc, char **argv)
{
    union request add, remove;

    if (argc != 2)
        usage();
    int index = existing(argv[0]);
    prop(&add, RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, index, argv[1]);
    prop(&remove, RTM_DELLINKPROP, 0, index, argv[1]);
    while (goes_on()) {
        do_one(&add);
        do_one(&remove);
    }
}

// Keeps those kinds in the list that the kernel can make with this index. Returns their number.
static int known_kinds(const char **kinds, int count, int index)
{
    union request make, delete;
    int known = 0;

    link_request(&delete, RTM_DELLINK, 0, index);
    for (int i = 0; i < count; i++) {
        creation(&make, index, "storm", kinds[i]);
        int error = ask(&make);
        if (error != -EOPNOTSUPP)
            kinds[known++] = kinds[i];
        if (error == 0)
            ask(&delete);
    }
    return known;
}

static void storm_recreate(int argc, char **argv)
{
    const char *kinds[KINDS_MAX] = {"dummy", "wireguard"};
    union request make, delete;
    long index;

    if (argc < 2 || argc > 2 + KINDS_MAX || !parse_number(argv[0], 1, INT32_MAX, &index))
        usage();
    for (int i = 2; i < argc; i++)
        kinds[i - 2] = argv[i];
    int count = known_kinds(kinds, argc > 2 ? argc - 2 : 2, (int)index);
    if (count == 0)
        fail(TROUBLE, "the kernel has no such kind of link");

    link_request(&delete, RTM_DELLINK, 0, (int)index);
    for (int turn = 0; goes_on(); turn++) {
        const char *name = turn % 2 == 0 ? argv[1] : "storm";
        creation(&make, (int)index, name, kinds[turn / 2 % count]);
        do_one(&make);
        usleep((useconds_t)(turn % 8) * 6000); // deleting takes some 20 ms
        do_one(&delete);
    }
}

static void storm_addrs(int argc, char **argv)
{
    union request add, remove;
    struct in_addr local;
    long prefix = 0;

    if (argc != 2)
        usage();
    char *slash = strchr(argv[1], '/');
    if (slash == NULL || !parse_number(slash + 1, 0, 32, &prefix))
        usage();
    *slash = '\0';
    if (inet_pton(AF_INET, argv[1], &local) != 1)
        usage();

    unsigned index = (unsigned)existing(argv[0]);
    addressing(&add, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, &local, (uint8_t)prefix);
    addressing(&remove, RTM_DELADDR, 0, index, &local, (uint8_t)prefix);
    while (goes_on()) {
        do_one(&add);
        do_one(&remove);
    }
}

static const struct {
    const char *name;
    void (*run)(int argc, char **argv);
} modes[] = {
    {"rename", storm_rename},
    {"altname", storm_altname},
    {"recreate", storm_recreate},
    {"addrs", storm_addrs},
};

static void open_route(void)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (route < 0 || connect(route, (struct sockaddr *)&kernel, sizeof(kernel)) != 0)
        fail(TROUBLE, "netlink socket");
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = finish};
    long seconds;
    size_t mode = 0;

    if (argc < 3 || !parse_number(argv[2], 1, 3600, &seconds))
        usage();
    while (mode < sizeof(modes) / sizeof(modes[0]) && strcmp(modes[mode].name, argv[1]) != 0)
        mode++;
    if (mode == sizeof(modes) / sizeof(modes[0]))
        usage();

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    open_route();
    end = now_ms() + seconds * 1000;
    modes[mode].run(argc - 3, argv + 3);
    printf("operations %ld failed %ld\n", operations, failed);
    return operations > 0 ? 0 : 1;
}

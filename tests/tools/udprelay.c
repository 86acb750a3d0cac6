// A bad network between two UDP sockets. Datagrams to a port go on to another address, and their
// answers go to the last sender. Some are lost, doubled or late.
//
//     udprelay [--seed N] [--drop PERCENT] [--duplicate PERCENT] [--late PERCENT] [--delay MS]
//              [--latency MS] [--near ADDRESS:PORT --far-port PORT] PORT ADDRESS:PORT
//
//     PORT           where it listens, on 0.0.0.0
//     ADDRESS:PORT   where that goes, from a port of the relay's own; IPv4
//     --near         whoever speaks to PORT is already known: this address
//     --far-port     the relay's own port, from which it sends to ADDRESS:PORT
//     --latency      each datagram is under way for MS milliseconds; their order stays
//     --late         so many of the datagrams are held back for up to MS (20) milliseconds, so that
//                    others overtake them
//     --seed         the same one: the same decisions in the same order
//
// It prints "ready" when it listens. Signals:
//
//     SIGHUP    from now on it sends to ADDRESS:PORT from another port, and closes the one before,
//               as a NAT does that was started anew
//     SIGUSR1   the same towards the other end: what comes back comes from another port
//     SIGUSR2   sends the last 256 datagrams once more, in their order
//     SIGTERM   prints "passed N dropped N duplicated N late N repeated N" and ends with 0
//
// Exit status 2: wrong arguments or other trouble.
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum {
    DATAGRAM_MAX = 65535,
    HELD_MAX = 4096,
    KEPT_MAX = 256,
    BUFFER = 4 << 20,
    NEAR = 0, // towards whoever speaks to PORT
    FAR = 1,  // towards ADDRESS:PORT
};

struct side {
    int fd;
    struct sockaddr_in peer; // port 0: not known yet
};

// A datagram that is late.
struct held {
    int64_t due; // 0: free
    long number; // they are held in this order
    int side;
    size_t length;
    unsigned char *bytes;
};

// A datagram that SIGUSR2 sends again.
struct kept {
    int side;
    size_t length;
    unsigned char *bytes; // NULL: free
};

static struct side sides[2];
static struct held held[HELD_MAX];
static struct kept kept[KEPT_MAX];
static size_t next_kept;
static long drop, duplicate, late, delay = 20, seed = 1, latency, far_port;
static long passed, dropped, duplicated, delayed, repeated;
static uint64_t state;
static volatile sig_atomic_t renew_far, renew_near, repeat, end;

static _Noreturn void usage(void)
{
    fputs("usage: udprelay [--seed N] [--drop PERCENT] [--duplicate PERCENT] [--late PERCENT]\n"
          "                [--delay MS] [--latency MS] [--near ADDRESS:PORT] [--far-port PORT]\n"
          "                PORT ADDRESS:PORT\n",
          stderr);
    exit(TROUBLE);
}

// Marsaglia's xorshift64: "Xorshift RNGs", Journal of Statistical Software 8 (2003).
static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static bool happens(long percent)
{
    return (long)(next_random() % 100) < percent;
}

static int open_socket(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int size = BUFFER;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (const void *)&any, sizeof(any)) != 0)
        fail(TROUBLE, "cannot have port %u", port);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    errno = 0;
    return fd;
}

static void renew(struct side *side)
{
    int fd = open_socket(0);

    close(side->fd);
    side->fd = fd;
}

static void pass(int to, const unsigned char *bytes, size_t length)
{
    const struct side *side = &sides[to];

    if (side->peer.sin_port == 0)
        return;
    passed++;
    (void)sendto(side->fd, bytes, length, 0, (const void *)&side->peer, sizeof(side->peer));
}

static unsigned char *copy_of(const unsigned char *bytes, size_t length)
{
    unsigned char *copy = malloc(length + 1);

    if (copy == NULL)
        fail(TROUBLE, "malloc");
    memcpy(copy, bytes, length);
    return copy;
}

static void keep(int to, const unsigned char *bytes, size_t length)
{
    struct kept *oldest = &kept[next_kept];

    free(oldest->bytes);
    *oldest = (struct kept){.side = to, .length = length, .bytes = copy_of(bytes, length)};
    next_kept = (next_kept + 1) % KEPT_MAX;
}

static void repeat_all(void)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        const struct kept *old = &kept[(next_kept + i) % KEPT_MAX];

        if (old->bytes == NULL)
            continue;
        repeated++;
        pass(old->side, old->bytes, old->length);
    }
}

// Holds a datagram back for some milliseconds. False if there is no room for it.
static bool hold(int to, const unsigned char *bytes, size_t length, int64_t milliseconds)
{
    static long count;

    for (int i = 0; i < HELD_MAX; i++) {
        if (held[i].due != 0)
            continue;
        held[i].bytes = copy_of(bytes, length);
        held[i].length = length;
        held[i].side = to;
        held[i].number = ++count;
        held[i].due = now_ms() + milliseconds;
        return true;
    }
    return false;
}

static void forward(int to, const unsigned char *bytes, size_t length, int64_t milliseconds)
{
    if (milliseconds == 0 || !hold(to, bytes, length, milliseconds))
        pass(to, bytes, length);
}

static void decide(int to, const unsigned char *bytes, size_t length)
{
    int64_t milliseconds = latency;

    keep(to, bytes, length);
    if (happens(drop)) {
        dropped++;
        return;
    }
    if (happens(duplicate)) {
        duplicated++;
        forward(to, bytes, length, latency);
    }
    if (happens(late)) {
        delayed++;
        milliseconds += 1 + (int64_t)(next_random() % (uint64_t)delay);
    }
    forward(to, bytes, length, milliseconds);
}

static void read_side(int from)
{
    static unsigned char bytes[DATAGRAM_MAX];
    struct sockaddr_in sender;
    socklen_t size = sizeof(sender);
    ssize_t length;

    for (int i = 0; i < 64; i++) {
        length = recvfrom(sides[from].fd, bytes, sizeof(bytes), 0, (void *)&sender, &size);
        if (length < 0)
            return;
        if (from == NEAR)
            sides[NEAR].peer = sender;
        decide(1 - from, bytes, (size_t)length);
    }
}

// Returns the held datagram that goes first, or NULL.
static struct held *first_held(void)
{
    struct held *first = NULL;

    for (int i = 0; i < HELD_MAX; i++) {
        if (held[i].due != 0 && (first == NULL || held[i].due < first->due ||
                                 (held[i].due == first->due && held[i].number < first->number)))
            first = &held[i];
    }
    return first;
}

// Sends the datagrams that are due. Returns the milliseconds until the next one is due, or -1.
static int release(void)
{
    struct held *first = first_held();
    int64_t now = now_ms();

    for (; first != NULL && first->due <= now; first = first_held()) {
        pass(first->side, first->bytes, first->length);
        free(first->bytes);
        first->due = 0;
    }
    return first == NULL ? -1 : (int)(first->due - now);
}

static void note(int number)
{
    if (number == SIGHUP)
        renew_far = 1;
    else if (number == SIGUSR1)
        renew_near = 1;
    else if (number == SIGUSR2)
        repeat = 1;
    else
        end = 1;
}

// Signals arrive only while ppoll() waits.
static void run(void)
{
    static const int numbers[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM};
    struct sigaction action = {.sa_handler = note};
    sigset_t blocked, open;

    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(&blocked, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &open);
    puts("ready");
    fflush(stdout);
    while (!end) {
        int wait = release();
        struct timespec time = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000L};
        struct pollfd polled[2] = {{.fd = sides[NEAR].fd, .events = POLLIN},
                                   {.fd = sides[FAR].fd, .events = POLLIN}};

        (void)ppoll(polled, 2, wait < 0 ? NULL : &time, &open);
        if (renew_far)
            renew(&sides[FAR]);
        if (renew_near)
            renew(&sides[NEAR]);
        if (repeat)
            repeat_all();
        renew_far = renew_near = repeat = 0;
        read_side(NEAR);
        read_side(FAR);
    }
}

static struct sockaddr_in parse_address(char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = strchr(text, ':');
    long port;

    if (colon == NULL || !parse_number(colon + 1, 1, 65535, &port))
        usage();
    *colon = '\0';
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        usage();
    address.sin_port = htons((uint16_t)port);
    return address;
}

static bool is_percent(int option)
{
    return option == 'd' || option == 'l' || option == 'u';
}

// Returns the variable of an option's number.
static long *number_of(int option)
{
    switch (option) {
    case 's':
        return &seed;
    case 'd':
        return &drop;
    case 'l':
        return &late;
    case 'u':
        return &duplicate;
    case 'm':
        return &delay;
    case 'y':
        return &latency;
    case 'f':
        return &far_port;
    default:
        usage();
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"drop", required_argument, NULL, 'd'},
        {"late", required_argument, NULL, 'l'},
        {"duplicate", required_argument, NULL, 'u'},
        {"delay", required_argument, NULL, 'm'},
        {"latency", required_argument, NULL, 'y'},
        {"near", required_argument, NULL, 'n'},
        {"far-port", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    int option;
    long port;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        long most = option == 'f' ? 65535 : is_percent(option) ? 100 : 10000;

        if (option == 'n')
            sides[NEAR].peer = parse_address(optarg);
        else if (!parse_number(optarg, is_percent(option) ? 0 : 1, most, number_of(option)))
            usage();
    }
    if (argc - optind != 2 || !parse_number(argv[optind], 1, 65535, &port))
        usage();
    state = (uint64_t)seed * 0x9e3779b97f4a7c15ULL;
    sides[FAR].peer = parse_address(argv[optind + 1]);
    sides[NEAR].fd = open_socket((uint16_t)port);
    sides[FAR].fd = open_socket((uint16_t)far_port);
    run();
    printf("passed %ld dropped %ld duplicated %ld late %ld repeated %ld\n", passed, dropped,
           duplicated, delayed, repeated);
    return 0;
}

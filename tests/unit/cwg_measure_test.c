/* Measurements over loopback: two that measure each other, and one whose peer is this test. */
#include "cwg/checkup/measure.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "unit.h"

enum {
    HELLO = 100, /* bytes of a datagram before its sender is known to hear */
    HEADER = 44,
    NONCE_AT = 32,
    PACKET_AT = 40,
    KIND_AT = 42,
    PROBE = 1,
    ACKNOWLEDGEMENT = 2,
    DONE = 3,
    LINK = 1420,
    LONG = 20000, /* milliseconds; nothing here takes so long */
};

/* A measurement in a process of its own. */
struct run {
    pid_t pid;
    int report;
    uint16_t port;
};

struct outcome {
    int error;
    char code[FAILURE_CODE_SIZE];
    struct measured measured;
};

static const struct key cookie = {.bytes = {1, 2, 3}};

static struct endpoint local(uint16_t port)
{
    return (struct endpoint){.address = port ? INADDR_LOOPBACK : 0, .port = port};
}

static int open_socket(uint16_t *ret_port)
{
    struct failure failure = {.text = ""};
    const int fd = measure_open(false, ret_port, &failure);

    if (fd < 0)
        unit_trouble("measure_open");
    return fd;
}

/* Starts one that measures by a socket, towards a port; 0 is a peer that has to begin. */
static struct run start(int fd, uint16_t own_port, uint16_t port)
{
    struct run run = {.port = own_port};
    int pair[2];

    if (pipe(pair) < 0)
        unit_trouble("pipe");
    run.pid = fork();
    if (run.pid == 0) {
        const struct measure measure = {.to = local(port), .cookie = cookie, .link_mtu = LINK};
        struct outcome outcome = {.error = 0};
        struct failure failure = {.text = ""};

        outcome.error = measure_run(fd, &measure, &outcome.measured, &failure);
        memcpy(outcome.code, failure.code, sizeof(outcome.code));
        _exit(write(pair[1], &outcome, sizeof(outcome)) != (ssize_t)sizeof(outcome));
    }
    close(pair[1]);
    close(fd);
    run.report = pair[0];
    return run;
}

static struct outcome end(const struct run *run)
{
    struct outcome outcome = {.error = 7};

    expect(read(run->report, &outcome, sizeof(outcome)) == (ssize_t)sizeof(outcome), "no report");
    close(run->report);
    (void)waitpid(run->pid, NULL, 0);
    return outcome;
}

TEST(two_that_measure_each_other)
{
    uint16_t ports[2];
    const int fds[2] = {open_socket(&ports[0]), open_socket(&ports[1])};
    /* The second knows the first by its datagrams alone, as one behind a NAT is known. */
    const struct run runs[2] = {start(fds[0], ports[0], ports[1]), start(fds[1], ports[1], 0)};

    for (int i = 0; i < 2; i++) {
        const struct outcome outcome = end(&runs[i]);

        expect(outcome.error == 0, "%d: error %s", i, outcome.code);
        expect(outcome.measured.whole == LINK + MEASURE_AROUND && outcome.measured.split,
               "%d: %d bytes", i, outcome.measured.whole);
        expect(outcome.measured.told > LINK, "%d: the kernel tells %d", i, outcome.measured.told);
    }
}

struct heard {
    int count, longest, acknowledgements;
};

/* Answers a probe by an acknowledgement whose random number is another. */
static void acknowledge_wrongly(int fd, uint8_t *datagram, const struct sockaddr_in *to)
{
    datagram[KIND_AT] = ACKNOWLEDGEMENT;
    datagram[NONCE_AT] ^= 1;
    (void)sendto(fd, datagram, HEADER, 0, (const struct sockaddr *)to, sizeof(*to));
}

/* Hears what comes to a socket until the measurement has ended. */
static struct heard hear(int fd, const struct run *run, bool answers)
{
    struct pollfd waited[] = {{.fd = fd, .events = POLLIN}, {.fd = run->report, .events = POLLIN}};
    const int64_t deadline = clock_now() + LONG;
    struct heard heard = {.count = 0};

    while (clock_now() < deadline && poll(waited, 2, clock_until(deadline)) > 0) {
        uint8_t datagram[65536];
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        const ssize_t length =
            recvfrom(fd, datagram, sizeof(datagram), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

        if (length < 0 && waited[1].revents)
            break;
        if (length < HEADER)
            continue;
        heard.count++;
        heard.acknowledgements += datagram[KIND_AT] == ACKNOWLEDGEMENT;
        heard.longest = (int)length > heard.longest ? (int)length : heard.longest;
        if (answers && datagram[KIND_AT] == PROBE)
            acknowledge_wrongly(fd, datagram, &from);
    }
    return heard;
}

/* Sends a probe of a packet's size, with a cookie. */
static void send_probe(int fd, uint16_t port, const struct key *with, int packet)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t datagram[65536] = {0};

    memcpy(datagram, with->bytes, KEY_SIZE);
    datagram[PACKET_AT] = (uint8_t)(packet >> 8);
    datagram[PACKET_AT + 1] = (uint8_t)packet;
    datagram[KIND_AT] = PROBE;
    expect(sendto(fd, datagram, (size_t)packet - 28, 0, (const struct sockaddr *)&to, sizeof(to)) >
               0,
           "a probe wasn't sent");
}

TEST(nothing_large_goes_to_one_that_has_not_answered)
{
    const struct key other = {.bytes = {4, 5, 6}};
    uint16_t port, silent_port, liar_port, ports[3];
    const int silent = open_socket(&silent_port), liar = open_socket(&liar_port);
    const int stranger = open_socket(&port);
    int fds[3];
    struct run runs[3];
    struct heard heard;
    struct outcome outcome;

    for (int i = 0; i < 3; i++)
        fds[i] = open_socket(&ports[i]);
    send_probe(stranger, ports[0], &other, 1500);
    send_probe(stranger, ports[0], &cookie, 72 + 1);
    send_probe(liar, ports[1], &cookie, 1500);
    runs[0] = start(fds[0], ports[0], silent_port);
    runs[1] = start(fds[1], ports[1], 0);
    runs[2] = start(fds[2], ports[2], 0);
    heard = hear(liar, &runs[1], true);
    expect(heard.longest <= HELLO && heard.acknowledgements == 1 && heard.count > 20 &&
               heard.count < 36,
           "to a liar: %d datagrams, the longest of %d bytes", heard.count, heard.longest);
    heard = hear(silent, &runs[0], false);
    expect(heard.longest == HELLO && heard.count > 20 && heard.count < 34,
           "to one that is silent: %d datagrams, the longest of %d bytes", heard.count,
           heard.longest);
    heard = hear(stranger, &runs[0], false);
    expect(heard.count == 1 && heard.longest == HEADER,
           "to a stranger: %d datagrams, the longest of %d bytes", heard.count, heard.longest);
    for (int i = 0; i < 3; i++) {
        outcome = end(&runs[i]);
        expect(outcome.error == -1 && strcmp(outcome.code, "silent") == 0, "%d: %s", i,
               outcome.code);
    }
    close(silent);
    close(liar);
    close(stranger);
}

/* Acknowledges a first probe at once; a longest one after so many milliseconds, when all of its
 * tries are over; and none of the others. */
static void be_late(int fd, const struct run *run, int milliseconds)
{
    struct pollfd waited[] = {{.fd = fd, .events = POLLIN}, {.fd = run->report, .events = POLLIN}};
    const int64_t deadline = clock_now() + LONG;
    int64_t came = 0;

    while (clock_now() < deadline && poll(waited, 2, clock_until(deadline)) > 0) {
        uint8_t datagram[65536];
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        const ssize_t length =
            recvfrom(fd, datagram, sizeof(datagram), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

        if (length < 0 && waited[1].revents)
            break;
        if (length == LINK + MEASURE_AROUND - 28 && came == 0)
            came = clock_now();
        if (length == HELLO && datagram[KIND_AT] == PROBE)
            datagram[KIND_AT] = ACKNOWLEDGEMENT;
        else if (came > 0 && clock_now() > came + milliseconds)
            datagram[KIND_AT] = DONE;
        else
            continue;
        (void)sendto(fd, datagram, HEADER, 0, (const struct sockaddr *)&from, size);
        if (datagram[KIND_AT] == ACKNOWLEDGEMENT)
            continue;
        datagram[KIND_AT] = ACKNOWLEDGEMENT;
        datagram[PACKET_AT] = (LINK + MEASURE_AROUND) >> 8;
        datagram[PACKET_AT + 1] = (LINK + MEASURE_AROUND) & 0xFF;
        datagram[PACKET_AT + 3] = 0;
        (void)sendto(fd, datagram, HEADER, 0, (const struct sockaddr *)&from, size);
    }
}

TEST(an_answer_that_comes_late_counts)
{
    uint16_t port, own_port;
    const int peer = open_socket(&port), fd = open_socket(&own_port);
    const struct run run = start(fd, own_port, port);
    struct outcome outcome;

    be_late(peer, &run, 600);
    outcome = end(&run);
    expect(outcome.error == 0 && outcome.measured.whole == LINK + MEASURE_AROUND,
           "error %d %s, %d bytes", outcome.error, outcome.code, outcome.measured.whole);
    close(peer);
}

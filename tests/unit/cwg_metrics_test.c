#include "cwg/agent/loop/metrics.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg_folder.h"
#include "unit.h"

enum {
    BIG = 4 << 20,   /* more than the buffers of a socket */
    LONG_MS = 20000, /* for a machine that is busy */
};

static struct loop loop;
static struct metrics metrics;
static struct failure failure;
static char folder[FOLDER_SIZE], place[METRICS_PLACE_SIZE];
static size_t body; /* bytes of an answer */
static char got[BIG + 4096];

static void write_body(FILE *stream, const void *owner)
{
    expect(owner == &body, "another owner");
    for (size_t i = 0; i < body; i++)
        (void)fputc('x', stream);
}

static void begin(void)
{
    folder_make(folder);
    if (loop_open(&loop))
        unit_trouble("loop_open");
    (void)snprintf(place, sizeof(place), "%s/metrics", folder);
    body = 3;
    if (metrics_open(&metrics, &loop, place, write_body, &body, &failure))
        unit_trouble(failure.text);
}

static void end(void)
{
    metrics_close(&metrics);
    loop_close(&loop);
    expect(access(place, F_OK) < 0, "the socket is left");
    (void)unlink(place);
    if (rmdir(folder) < 0)
        unit_trouble("rmdir");
}

static int try_to_dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place);
    if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof(address)) == 0)
        return client;
    close(client);
    return -1;
}

static int dial(void)
{
    const int client = try_to_dial();

    if (client < 0)
        unit_trouble("connect");
    return client;
}

static void say(int client, const char *text, size_t length)
{
    if (send(client, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        unit_trouble("send");
}

/* Lets the server work as long as it has something to do. */
static void work(void)
{
    const int64_t deadline = clock_now() + 20;

    while (clock_now() < deadline) {
        (void)metrics_run(&metrics);
        loop_turn(&loop, clock_now() + 2);
    }
}

/* Reads to the end, or what there is after a time. Returns whether the end came. */
static bool hear(int client, int milliseconds)
{
    const int64_t deadline = clock_now() + milliseconds;
    size_t length = 0;
    ssize_t more = -1;

    while (more != 0 && clock_now() < deadline) {
        (void)metrics_run(&metrics);
        loop_turn(&loop, clock_now() + 1);
        more = recv(client, got + length, sizeof(got) - 1 - length, 0);
        length += more > 0 ? (size_t)more : 0;
    }
    got[length] = '\0';
    close(client);
    return more == 0;
}

static bool ask(const char *request, size_t length)
{
    const int client = dial();

    say(client, request, length);
    return hear(client, LONG_MS);
}

TEST(a_get_of_metrics_is_answered_and_nothing_else)
{
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK"},
        {"GET /metrics HTTP/1.0\r\n\r\n", "200 OK"},
        {"GET /metrics?x=1 HTTP/1.1\r\n\r\n", "200 OK"},
        {"GET / HTTP/1.1\r\n\r\n", "404 Not Found"},
        {"GET /metricsx HTTP/1.1\r\n\r\n", "404 Not Found"},
        {"GET /metrics/../etc HTTP/1.1\r\n\r\n", "404 Not Found"},
        {"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405 Method Not Allowed"},
        {"get /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"},
        {"GET /metrics HTTP/2.0\r\n\r\n", "400 Bad Request"},
        {"GET /metrics \r\n\r\n", "400 Bad Request"},
        {"\r\n\r\n", "405 Method Not Allowed"},
    };

    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[64];

        expect(ask(cases[i].request, strlen(cases[i].request)), "%zu: no end", i);
        (void)snprintf(expected, sizeof(expected), "HTTP/1.1 %s\r\n", cases[i].status);
        expect(strncmp(got, expected, strlen(expected)) == 0, "%zu: %.40s", i, got);
        expect((strcmp(cases[i].status, "200 OK") == 0) ==
                   (strstr(got, "\r\nContent-Length: 3\r\n") && strstr(got, "\r\n\r\nxxx")),
               "%zu: %s", i, got);
    }
    expect(ask("GET /metrics\0HTTP/1.1\r\n\r\n", 24) && strstr(got, " 400 "), "NUL: %.40s", got);
    end();
}

TEST(a_request_may_come_in_pieces_and_its_head_is_bounded)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    static char head[METRICS_REQUEST_SIZE];
    int client;

    begin();
    client = dial();
    for (size_t i = 0; i < sizeof(request) - 1; i++) {
        say(client, request + i, 1);
        (void)metrics_run(&metrics);
        loop_turn(&loop, clock_now() + 1);
    }
    expect(hear(client, LONG_MS) && strstr(got, " 200 "), "%.40s", got);
    memset(head, 'a', sizeof(head));
    memcpy(head, "GET /metrics HTTP/1.1\r\n", 23);
    expect(ask(head, sizeof(head)) && strstr(got, " 431 "), "%.40s", got);
    end();
}

TEST(a_large_answer_comes_whole_and_a_client_that_does_not_read_is_dropped)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
    int client;

    begin();
    body = BIG;
    expect(ask(request, sizeof(request) - 1), "no end");
    expect(strlen(got) > BIG && got[strlen(got) - 1] == 'x', "%zu bytes", strlen(got));
    client = dial();
    say(client, request, sizeof(request) - 1);
    while (!metrics.client[0].answer)
        work();
    work();
    expect(metrics.client[0].watch.fd >= 0, "it has gone at once");
    metrics.client[0].deadline = 0;
    work();
    expect(metrics.client[0].watch.fd < 0 && !metrics.client[0].answer, "it is kept");
    close(client);
    end();
}

TEST(silent_clients_wait_for_no_one_and_those_that_are_too_many_have_their_turn)
{
    int client[METRICS_CLIENTS + 2];

    begin();
    metrics.patience = 2 * LONG_MS;
    for (size_t i = 0; i < COUNT(client); i++)
        client[i] = dial();
    while (metrics.client[METRICS_CLIENTS - 1].watch.fd < 0)
        work();
    work();
    expect(metrics.listener.fd < 0, "it takes more than it has room for");
    for (size_t i = 0; i < METRICS_CLIENTS; i++)
        metrics.client[i].deadline = 0;
    (void)metrics_run(&metrics);
    metrics.patience = 200;
    say(client[COUNT(client) - 1], "GET /metrics HTTP/1.0\r\n\r\n", 25);
    expect(hear(client[COUNT(client) - 1], LONG_MS) && strstr(got, " 200 "), "'%.40s'", got);
    for (size_t i = 0; i + 1 < COUNT(client); i++)
        close(client[i]);
    work();
    expect(metrics.listener.fd >= 0, "it takes no more");
    end();
}

TEST(a_client_that_finds_no_descriptor_left_waits_and_does_not_wake_the_loop)
{
    struct rlimit limit, none;
    int client;

    begin();
    client = dial();
    say(client, "GET /metrics HTTP/1.0\r\n\r\n", 25);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        unit_trouble("getrlimit");
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &none) < 0)
        unit_trouble("setrlimit");
    loop_turn(&loop, clock_now() + LONG_MS);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    expect(metrics.listener.fd < 0, "it listens without a descriptor");
    expect(metrics_run(&metrics) == metrics.pause, "the end of the pause isn't told");
    metrics.pause = 1;
    (void)metrics_run(&metrics);
    expect(hear(client, LONG_MS), "no end");
    expect(strstr(got, "200 OK") != NULL, "after the pause: %s", got);
    end();
}

TEST(a_place_is_a_path_or_an_address_of_this_machine_alone)
{
    static const char *const good[] = {"/run/cwg/metrics", "127.0.0.1:9100", "[::1]:9100"};
    static const char *const bad[] = {"",
                                      "metrics",
                                      "./m",
                                      "0.0.0.0:9100",
                                      "192.0.2.1:9100",
                                      "[::]:9100",
                                      "localhost:9100",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:0",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:9100x",
                                      "127.0.0.2:9100",
                                      ":9100"};
    char path[METRICS_PLACE_SIZE + 1];

    for (size_t i = 0; i < COUNT(good); i++)
        expect(metrics_check(good[i], &failure) == 0, "%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        expect(metrics_check(bad[i], &failure) < 0 && unit_is_printable(failure.text), "%s",
               bad[i]);
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[METRICS_PLACE_SIZE] = '\0';
    expect(metrics_check(path, &failure) < 0, "too long");
    path[METRICS_PLACE_SIZE - 1] = '\0';
    expect(metrics_check(path, &failure) == 0, "the longest");
}

/* What an agent that was killed has left is taken; what another one has, or isn't a socket, isn't.
 */
TEST(the_path_of_a_dead_socket_is_taken_and_no_other)
{
    struct metrics second;
    struct stat status;
    int file, queue[64], waiting = 0;

    begin();
    expect(stat(place, &status) == 0 && (status.st_mode & 0777) == 0660, "%o", status.st_mode);
    expect(metrics_open(&second, &loop, place, write_body, &body, &failure) < 0 &&
               strstr(failure.text, "Address already in use"),
           "two agents: %s", failure.text);
    expect(ask("GET /metrics HTTP/1.0\r\n\r\n", 25), "the first one's is gone");
    /* One whose queue is full is alive. */
    while (waiting < (int)COUNT(queue) && (queue[waiting] = try_to_dial()) >= 0)
        waiting++;
    expect(waiting < (int)COUNT(queue), "its queue takes %d", waiting);
    expect(metrics_open(&second, &loop, place, write_body, &body, &failure) < 0, "a full queue");
    while (waiting > 0)
        close(queue[--waiting]);
    work();
    expect(ask("GET /metrics HTTP/1.0\r\n\r\n", 25), "its socket is gone");
    close(metrics.socket); /* as a kill does */
    metrics.socket = -1;
    expect(metrics_open(&metrics, &loop, place, write_body, &body, &failure) == 0, "%s",
           failure.text);
    expect(ask("GET /metrics HTTP/1.0\r\n\r\n", 25), "no answer");
    metrics_close(&metrics);
    file = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    expect(metrics_open(&metrics, &loop, place, write_body, &body, &failure) < 0, "a file");
    expect(stat(place, &status) == 0 && S_ISREG(status.st_mode), "the file is gone");
    close(file);
    (void)unlink(place);
    end();
}

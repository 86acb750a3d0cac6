#include "cwg/agent/loop/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/machine/addresses.h"
#include "link/endpoint.h"

enum {
    QUEUE = 8,
    MODE_SOCKET = 0660,
};

/* The place */

/* Reads ADDRESS:PORT of this machine alone. Returns the address's size, or 0. */
static socklen_t read_address(const char *place, struct sockaddr_storage *ret_address)
{
    const char *colon = strrchr(place, ':');
    struct endpoint endpoint;
    const char *address = NULL;

    if (!colon || endpoint_parse(place, &endpoint) != ENDPOINT_GOOD)
        return 0;
    if (strncmp(place, "127.0.0.1:", 10) == 0)
        address = "127.0.0.1";
    else if (strncmp(place, "[::1]:", 6) == 0)
        address = "::1";
    return address ? addresses_to_socket(address, endpoint.port, ret_address) : 0;
}

int metrics_check(const char *place, struct failure *failure)
{
    struct sockaddr_storage address;

    if ((place[0] == '/' && strlen(place) < METRICS_PLACE_SIZE) || read_address(place, &address))
        return 0;
    return fail(failure, "usage",
                "metrics: must be a path that begins with '/', 127.0.0.1:PORT or [::1]:PORT");
}

/* Connections */

static void listen_on(struct metrics *metrics);

static void drop(struct metrics_client *client)
{
    const int fd = client->watch.fd;

    loop_remove(client->metrics->loop, &client->watch);
    close(fd);
    free(client->answer);
    client->answer = NULL;
    listen_on(client->metrics);
}

static const char *status_of(const char *request)
{
    const char *path = request + strlen("GET ");

    if (strncmp(request, "GET ", 4) != 0)
        return "405 Method Not Allowed";
    if (strncmp(path, "/metrics", 8) != 0 || (path[8] != ' ' && path[8] != '?'))
        return "404 Not Found";
    path += strcspn(path, " \r\n");
    if (strncmp(path, " HTTP/1.0\r\n", 11) != 0 && strncmp(path, " HTTP/1.1\r\n", 11) != 0)
        return "400 Bad Request";
    return "200 OK";
}

/* Makes the answer. Returns 0, or -1 if there is no memory. */
static int answer(struct metrics_client *client, const char *status)
{
    const struct metrics *metrics = client->metrics;
    size_t size = 0;
    char *body = NULL;
    FILE *stream = open_memstream(&body, &size);
    int error = -1;

    if (!stream)
        return -1;
    if (strcmp(status, "200 OK") == 0)
        metrics->write(stream, metrics->owner);
    else
        (void)fprintf(stream, "%s\n", status);
    if (fclose(stream) == 0) {
        stream = open_memstream(&client->answer, &client->answer_length);
        if (stream) {
            (void)fprintf(stream,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8"
                          "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                          status, size);
            (void)fwrite(body, 1, size, stream);
            error = fclose(stream) == 0 ? 0 : -1;
        }
    }
    free(body);
    return error;
}

static void send_some(struct watch *watch, uint32_t events)
{
    struct metrics_client *client = watch->owner;
    const ssize_t sent = send(watch->fd, client->answer + client->written,
                              client->answer_length - client->written, MSG_NOSIGNAL);

    (void)events;
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    client->written += sent > 0 ? (size_t)sent : 0;
    if (sent < 0 || client->written == client->answer_length)
        drop(client);
}

static void begin_answer(struct metrics_client *client, const char *status)
{
    const int fd = client->watch.fd;

    client->written = 0;
    loop_remove(client->metrics->loop, &client->watch);
    client->watch.fd = fd;
    client->watch.ready = send_some;
    if (answer(client, status) || loop_add(client->metrics->loop, &client->watch, EPOLLOUT))
        drop(client);
}

/* Reads a request up to the blank line at the end of its head. */
static void read_some(struct watch *watch, uint32_t events)
{
    struct metrics_client *client = watch->owner;
    const size_t room = sizeof(client->request) - 1 - client->length;
    const ssize_t got = recv(watch->fd, client->request + client->length, room, 0);

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        drop(client);
        return;
    }
    client->length += (size_t)got;
    client->request[client->length] = '\0';
    if (memchr(client->request, '\0', client->length))
        begin_answer(client, "400 Bad Request");
    else if (strstr(client->request, "\r\n\r\n"))
        begin_answer(client, status_of(client->request));
    else if (client->length == sizeof(client->request) - 1)
        begin_answer(client, "431 Request Header Fields Too Large");
}

static struct metrics_client *find_free(struct metrics *metrics)
{
    for (size_t i = 0; i < METRICS_CLIENTS; i++) {
        if (metrics->client[i].watch.fd < 0)
            return &metrics->client[i];
    }
    return NULL;
}

static void take_client(struct watch *watch, uint32_t events)
{
    struct metrics *metrics = watch->owner;
    struct metrics_client *client = find_free(metrics);
    const int fd = client ? accept4(metrics->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

    (void)events;
    if (fd >= 0) {
        client->metrics = metrics;
        client->length = 0;
        client->deadline = clock_now() + metrics->patience;
        client->watch = (struct watch){.fd = fd, .ready = read_some, .owner = client};
        if (loop_add(metrics->loop, &client->watch, EPOLLIN))
            drop(client);
    } else if (client && errno != EAGAIN && errno != ECONNABORTED) {
        /* No descriptor or memory is left: the connection stays in the queue, and would wake the
         * loop without end. */
        metrics->pause = clock_now() + METRICS_PAUSE_MS;
    }
    if (!find_free(metrics) || metrics->pause > 0)
        loop_remove(metrics->loop, &metrics->listener);
}

/* Takes connections, as long as there is room for one. */
static void listen_on(struct metrics *metrics)
{
    if (metrics->socket < 0 || metrics->listener.fd >= 0 || metrics->pause > 0)
        return;
    metrics->listener =
        (struct watch){.fd = metrics->socket, .ready = take_client, .owner = metrics};
    if (loop_add(metrics->loop, &metrics->listener, EPOLLIN))
        metrics->listener.fd = -1;
}

/* The server */

/* Takes the path of a socket that an agent before has left: one at which nobody listens. */
static void take_over(const struct sockaddr_un *address)
{
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat status;

    if (probe < 0)
        return;
    if (lstat(address->sun_path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
        errno == ECONNREFUSED)
        (void)unlink(address->sun_path);
    close(probe);
}

/* Makes the listening socket. Returns 0, or -1 with errno. */
static int make_socket(struct metrics *metrics, const char *place)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    socklen_t size = sizeof(struct sockaddr_un);
    const int on = 1;

    if (place[0] == '/') {
        struct sockaddr_un *path = (struct sockaddr_un *)&address;

        (void)snprintf(path->sun_path, sizeof(path->sun_path), "%s", place);
        (void)snprintf(metrics->path, sizeof(metrics->path), "%s", place);
        take_over(path);
    } else {
        size = read_address(place, &address);
    }
    metrics->socket = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (metrics->socket < 0)
        return -1;
    (void)setsockopt(metrics->socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(metrics->socket, (struct sockaddr *)&address, size) < 0) {
        metrics->path[0] = '\0'; /* it is another program's */
        return -1;
    }
    if (metrics->path[0] && chmod(metrics->path, MODE_SOCKET) < 0)
        return -1;
    return listen(metrics->socket, QUEUE);
}

void metrics_init(struct metrics *metrics)
{
    *metrics = (struct metrics){.listener.fd = -1, .socket = -1, .patience = METRICS_PATIENCE_MS};
    for (size_t i = 0; i < METRICS_CLIENTS; i++)
        metrics->client[i].watch.fd = -1;
}

int metrics_open(struct metrics *metrics, struct loop *loop, const char *place,
                 void (*write)(FILE *stream, const void *owner), const void *owner,
                 struct failure *failure)
{
    metrics_init(metrics);
    metrics->loop = loop;
    metrics->write = write;
    metrics->owner = owner;
    if (metrics_check(place, failure))
        return -1;
    if (make_socket(metrics, place)) {
        fail(failure, "system", "metrics: can't listen at %s: %s", place, strerror(errno));
        metrics_close(metrics);
        return -1;
    }
    listen_on(metrics);
    return 0;
}

int64_t metrics_run(struct metrics *metrics)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < METRICS_CLIENTS; i++) {
        struct metrics_client *client = &metrics->client[i];

        if (client->watch.fd >= 0 && clock_now() >= client->deadline)
            drop(client);
        if (client->watch.fd >= 0 && client->deadline < next)
            next = client->deadline;
    }
    if (metrics->pause > 0 && clock_now() >= metrics->pause) {
        metrics->pause = 0;
        if (find_free(metrics))
            listen_on(metrics);
    }
    return metrics->pause > 0 && metrics->pause < next ? metrics->pause : next;
}

void metrics_close(struct metrics *metrics)
{
    if (metrics->socket < 0)
        return;
    for (size_t i = 0; i < METRICS_CLIENTS; i++) {
        if (metrics->client[i].watch.fd >= 0)
            drop(&metrics->client[i]);
    }
    loop_remove(metrics->loop, &metrics->listener);
    close(metrics->socket);
    metrics->socket = -1;
    if (metrics->path[0])
        (void)unlink(metrics->path);
}

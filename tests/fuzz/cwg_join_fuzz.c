/* Any bytes as what the other machine says during `cwg join`, its ssh's standard error included.
 * This machine's own session answers as it should. No process is started. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/base/process.h"
#include "cwg/base/status.h"
#include "cwg/join/join.h"
#include "cwg/site/signals.h"
#include "cwg/state/joined.h"
#include "fuzz.h"
#include "link/endpoint.h"
#include "link/key.h"

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
#define GREET                                                                                      \
    "{\"cwg\":1,\"addresses\":[\"192.0.2.1\",\"2001:db8::1\"],\"ssh_client\":\"192.0.2.1\"}\n"
#define LOOK                                                                                       \
    "{\"container\":0,\"engine\":\"pid\",\"name\":\"1\",\"id\":\"abc\",\"pid\":1,\"links\":["      \
    "{\"name\":\"wg-6-0\",\"net\":6,\"host\":0,\"public_key\":\"" KEY                              \
    "\",\"state\":\"connected\",\"peer\":{\"public_key\":\"" KEY                                   \
    "\",\"endpoint\":\"192.0.2.1:1\"}}]}\n"
#define CREATE(host)                                                                               \
    "{\"link\":{\"name\":\"wg-7-" host "\",\"net\":7,\"host\":" host                               \
    ",\"address\":\"10.0.0.14\",\"listen_port\":1,\"public_key\":\"" KEY                           \
    "\",\"warning\":\"careful\"}}\n"
#define BUSY "{\"busy\":true}\n"
#define REST "{\"from\":[\"192.0.2.1\"]}\n{}\n{\"wait\":{}}\n{}\n"

static const char near_says[] = GREET LOOK CREATE("0") REST;
static const char far_says[] = GREET BUSY LOOK CREATE("1") BUSY REST;

/* What the far machine says: in its first session, in a later one, and on standard error. */
static struct {
    const uint8_t *bytes;
    size_t size;
} said[3];
static int sessions, far_status;
static bool written;

static int file_of(const void *bytes, size_t size)
{
    int fd = memfd_create("said", MFD_CLOEXEC);

    require(fd >= 0 && (size == 0 || pwrite(fd, bytes, size, 0) == (ssize_t)size));
    return fd;
}

/* In the place of the real ones. */

int __wrap_process_start(const char *const argv[], bool on_terminal, const int passed[],
                         struct process *ret_process);
int __wrap_process_end(struct process *process, int64_t deadline);
int __wrap_process_run(const char *const argv[], const int passed[], int milliseconds,
                       struct process_result *ret_result);
int __wrap_joined_write(const struct joined *joined, struct failure *failure);
int __wrap_joined_read(uint32_t net, struct joined *ret_joined, struct failure *failure);
int __wrap_joined_list(uint32_t **ret_nets, struct failure *failure);
void __wrap_joined_forget(uint32_t net);
int __wrap_lock_take(const struct end ends[2], struct failure *failure);
void __wrap_lock_end(int lock);
void __wrap_signals_catch(void);

static struct {
    int fd;
    bool far;
} requests[8];
static int request_count;

int __wrap_process_start(const char *const argv[], bool on_terminal, const int passed[],
                         struct process *ret_process)
{
    const bool far = strcmp(argv[0], "ssh") == 0;
    const int which = sessions++ > 1;

    (void)on_terminal;
    require(!passed && request_count < 8);
    ret_process->pid = far ? 2 : 1;
    ret_process->in = memfd_create("asked", MFD_CLOEXEC);
    ret_process->out = far ? file_of(said[which].bytes, said[which].size)
                           : file_of(near_says, sizeof(near_says) - 1);
    ret_process->err = far ? file_of(said[2].bytes, said[2].size) : file_of("", 0);
    requests[request_count].far = far;
    requests[request_count++].fd = dup(ret_process->in);
    return 0;
}

int __wrap_process_end(struct process *process, int64_t deadline)
{
    const bool far = process->pid == 2;

    (void)deadline;
    process->pid = -1;
    return far ? far_status : 0;
}

int __wrap_process_run(const char *const argv[], const int passed[], int milliseconds,
                       struct process_result *ret_result)
{
    (void)argv;
    (void)passed;
    (void)milliseconds;
    ret_result->status = 1;
    return 0;
}

int __wrap_joined_write(const struct joined *joined, struct failure *failure)
{
    (void)failure;
    for (int i = 0; i < 2; i++)
        require(end_is_name(joined->end[i].end.engine) && end_is_name(joined->end[i].device));
    written = true;
    return 0;
}

int __wrap_joined_read(uint32_t net, struct joined *ret_joined, struct failure *failure)
{
    (void)net;
    (void)ret_joined;
    (void)failure;
    return 1;
}

int __wrap_joined_list(uint32_t **ret_nets, struct failure *failure)
{
    (void)failure;
    *ret_nets = NULL;
    return 0;
}

void __wrap_joined_forget(uint32_t net)
{
    require(net == 7 && written);
    written = false;
}

int __wrap_lock_take(const struct end ends[2], struct failure *failure)
{
    (void)ends;
    (void)failure;
    return 0;
}

void __wrap_lock_end(int lock)
{
    require(lock == 0);
}

void __wrap_signals_catch(void)
{
}

static void check_printed(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        require(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
}

/* This machine connects with a key, at an address that is another machine's. */
static void check_connect(const json_t *request)
{
    const char *at = json_text(request, "endpoint", ENDPOINT_TEXT_SIZE - 1);
    const char *key_text = json_text(request, "key", KEY_TEXT_LENGTH);
    struct endpoint endpoint;
    struct key key;

    require(at && key_text && key_from_text(key_text, &key) == 0);
    if (strcmp(at, "-") == 0)
        return;
    require(endpoint_parse(at, &endpoint) == ENDPOINT_GOOD);
    require(endpoint.ipv6 || endpoint.address >> 24 != 127);
}

static void check_requests(int fd)
{
    static char text[1 << 16];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    char *left = text;

    require(length > 0 && text[length - 1] == '\n');
    text[length] = '\0';
    for (char *line; (line = strsep(&left, "\n")) && *line;) {
        json_t *request = json_read_line(line);
        const char *name = json_text(request, "do", 16);

        require(request && (name || json_object_get(request, "cwg")));
        if (name && strcmp(name, "connect") == 0)
            check_connect(request);
        json_decref(request);
    }
}

/* The first bytes say where the others are put into the right text, and how many bytes they
 * replace. */
static size_t put_together(const uint8_t *data, size_t size, uint8_t *text)
{
    const size_t length = sizeof(far_says) - 1;
    size_t start, left;

    if (size < 4 || data[0] % 2 == 0) {
        memcpy(text, data, size);
        return size;
    }
    start = (size_t)(data[1] | data[2] << 8) % (length + 1);
    left = data[3] < length - start ? data[3] : length - start;
    memcpy(text, far_says, start);
    memcpy(text + start, data + 4, size - 4);
    memcpy(text + start + size - 4, far_says + start + left, length - start - left);
    return length - left + size - 4;
}

static void split(const uint8_t *data, size_t size)
{
    for (int i = 0; i < 3; i++) {
        const uint8_t *end = i < 2 && size ? memchr(data, 0xff, size) : NULL;
        const size_t length = end ? (size_t)(end - data) : size;

        said[i].bytes = data;
        said[i].size = length;
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
}

static int run(const struct join_options *options)
{
    FILE *const real[2] = {stdout, stderr};
    char *text[2];
    size_t size[2];
    int status;

    stdout = open_memstream(&text[0], &size[0]);
    stderr = open_memstream(&text[1], &size[1]);
    require(stdout && stderr);
    status = join(options);
    (void)fclose(stdout);
    (void)fclose(stderr);
    stdout = real[0];
    stderr = real[1];
    for (int i = 0; i < 2; i++) {
        check_printed(text[i], size[i]);
        free(text[i]);
    }
    require(status ? size[1] > 0 : size[0] > 0 && (size[1] == 0 || written));
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {0, 255, 127, 3};
    struct join_options options = {
        .has_net = true, .net = 7, .end = {{.name = "a"}, {.name = "b"}}};
    uint8_t *text;
    int status;

    if (size < 1)
        return 0;
    text = malloc(size + sizeof(far_says));
    options.json = data[0] & 1;
    options.psk = data[0] & 2;
    far_status = statuses[data[0] >> 2 & 3];
    options.nat = data[0] >> 4 & 1;
    (void)snprintf(options.end[1].host, END_HOST_SIZE, "host");
    sessions = request_count = 0;
    written = false;
    split(text, put_together(data + 1, size - 1, text));
    status = run(&options);
    require(status == EXIT_DONE || status == EXIT_FAILED || status == EXIT_LEFT);
    require(status == EXIT_LEFT || written == (status == EXIT_DONE));
    while (request_count > 0) {
        if (!requests[--request_count].far)
            check_requests(requests[request_count].fd);
        close(requests[request_count].fd);
    }
    free(text);
    return 0;
}

#include "cwg/agent/carrier/courier.h"

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"

#define PLACE "carrier/etcd"

enum {
    AGAIN_FIRST_MS = 1000, /* after it has ended; twice as long each time, up to ... */
    AGAIN_MAX_MS = 60000,
    NEVER_MS = 3600000,
    END_MS = 2000, /* it gives its lease back */
    READ_SIZE = 4096,
    READS_MAX = PROCESS_PIPE_MAX / READ_SIZE, /* of its last words: as much as a pipe holds */
};

/* Returns its exit status. */
static int end(struct courier *courier)
{
    int64_t wait = AGAIN_FIRST_MS;
    int status;

    loop_remove(courier->loop, &courier->said);
    loop_remove(courier->loop, &courier->ended);
    (void)kill(courier->process.pid, SIGTERM);
    status = process_end(&courier->process, clock_now() + END_MS);
    process_close(&courier->process);
    courier->misses = clock_now() - courier->begun >= AGAIN_MAX_MS ? 0 : courier->misses + 1;
    for (int i = 1; i < courier->misses && wait < AGAIN_MAX_MS; i++)
        wait *= 2;
    courier->due = clock_now() + (wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS);
    return status;
}

/* Says why there is no way to etcd. If `cwg etcd` has told anything meanwhile, that begins now. */
static void tell(struct courier *courier, int status)
{
    const char *last = process_last_line(courier->last);
    struct failure failure = {.text = ""}, ignored = {.text = ""};
    char line[STORE_LINE_SIZE];
    json_t *told = NULL;

    if (strncmp(last, "cwg: ", strlen("cwg: ")) == 0) /* else it was killed at its work */
        fail(&failure, "etcd", "cwg etcd ended: %s", last + strlen("cwg: "));
    else
        fail(&failure, "etcd", "cwg etcd ended with status %d", status);
    if (store_read(courier->store, PLACE, line, &ignored) == 0)
        told = json_read_line(line);
    courier->reach.told = courier->reach.told && json_object_get(told, "by");
    json_decref(told);
    (void)reach_tell(&courier->reach, courier->store, "etcd", "etcd", courier->config->etcd[0],
                     REACH_DOWN, failure.text);
}

/* Reads on. Returns whether something came. */
static bool read_on(struct courier *courier)
{
    char text[READ_SIZE];
    const ssize_t length = read(courier->said.fd, text, sizeof(text));

    if (length > 0) {
        (void)!write(STDERR_FILENO, text, (size_t)length);
        process_keep_last(courier->last, sizeof(courier->last), text, (size_t)length);
    } else if (length == 0)
        loop_remove(courier->loop, &courier->said);
    return length > 0;
}

static void hear(struct watch *watch, uint32_t events)
{
    (void)events;
    (void)read_on(watch->owner);
}

static void see_end(struct watch *watch, uint32_t events)
{
    struct courier *courier = watch->owner;
    int status;

    (void)events;
    for (int i = 0; i < READS_MAX && courier->said.fd >= 0 && read_on(courier); i++)
        ; /* its last words */
    status = end(courier);
    if (status != 0)
        tell(courier, status);
}

static int start(struct courier *courier)
{
    char self[PATH_MAX], parent[16];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const struct config *config = courier->config;
    const char *const command[] = {self,          "etcd",    "--site",
                                   config->site,  "--state", config->state,
                                   "--parent",    parent,    courier->file ? "--config" : NULL,
                                   courier->file, NULL};

    self[length > 0 ? length : 0] = '\0';
    /* After an upgrade the program is another file. */
    if (access(self, X_OK) < 0)
        (void)snprintf(self, sizeof(self), "cwg");
    (void)snprintf(parent, sizeof(parent), "%d", getpid());
    return process_start_deaf(command, &courier->process);
}

void courier_open(struct courier *courier, struct loop *loop, const struct store *store,
                  const struct config *config, const char *file)
{
    *courier = (struct courier){.loop = loop, .store = store, .config = config, .file = file};
    courier->process.pid = -1;
    courier->said.fd = courier->ended.fd = -1;
}

int64_t courier_run(struct courier *courier)
{
    if (courier->config->etcds == 0)
        return clock_now() + NEVER_MS;
    if (courier->process.pid >= 0)
        return clock_now() + NEVER_MS;
    if (clock_now() < courier->due)
        return courier->due;
    courier->begun = clock_now();
    courier->last[0] = '\0';
    courier->due = courier->begun + AGAIN_MAX_MS;
    if (start(courier)) {
        courier->process.pid = -1;
        (void)fprintf(stderr, "cwg: can't start cwg etcd\n");
        return courier->due;
    }
    courier->said = (struct watch){.fd = courier->process.err, .ready = hear, .owner = courier};
    courier->ended = (struct watch){.fd = courier->process.out, .ready = see_end, .owner = courier};
    if (loop_add(courier->loop, &courier->said, EPOLLIN) ||
        loop_add(courier->loop, &courier->ended, EPOLLIN))
        (void)end(courier);
    return courier->due;
}

void courier_close(struct courier *courier)
{
    if (courier->process.pid >= 0)
        (void)end(courier);
}

void courier_renew(struct courier *courier)
{
    if (courier->process.pid >= 0)
        (void)kill(courier->process.pid, SIGTERM);
}

void courier_retry(struct courier *courier)
{
    courier->due = 0;
    if (courier->process.pid >= 0)
        (void)kill(courier->process.pid, SIGHUP);
}

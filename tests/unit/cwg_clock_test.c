#include "cwg/base/clock.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cwg/machine/protocol.h"
#include "cwg/serve/output.h"
#include "unit.h"

enum {
    ASLEEP_S = 100000,
    SOON_MS = 4 * PROTOCOL_BUSY_MS,
};

static void put(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        unit_trouble(path);
    close(fd);
}

/* Runs body() on a machine that has slept for ASLEEP_S since it was booted. */
static void on_rested_machine(void *body)
{
    char text[64];

    if (unshare(CLONE_NEWTIME) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWTIME) < 0)
        unit_trouble("a time namespace");
    (void)snprintf(text, sizeof(text), "boottime %d 0\n", ASLEEP_S);
    put("/proc/self/timens_offsets", text);
    unit_in_child(*(void (**)(void *context))body, NULL);
}

static void rested(void (*body)(void *context))
{
    unit_in_child(on_rested_machine, &body);
}

static void look_at_clock(void *context)
{
    struct timespec awake;
    int64_t now;

    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC, &awake);
    now = clock_now();
    expect(now - (int64_t)awake.tv_sec * 1000 >= INT64_C(1000) * ASLEEP_S, "%lld ms",
           (long long)now);
}

TEST(the_time_that_the_machine_slept_counts)
{
    rested(look_at_clock);
}

/* As `cwg serve` does on a request. */
static void hear_beat(void *context)
{
    struct pollfd waited = {.events = POLLIN};
    struct failure failure;
    struct output output;
    char line[64] = "";
    int pipes[2];

    (void)context;
    if (pipe2(pipes, O_CLOEXEC) < 0 || dup2(pipes[1], STDOUT_FILENO) < 0)
        unit_trouble("pipe");
    if (output_begin(&output, &failure))
        unit_trouble(failure.text);
    output_work(&output);
    waited.fd = pipes[0];
    expect(poll(&waited, 1, SOON_MS) == 1 && read(pipes[0], line, sizeof(line) - 1) > 0 &&
               strcmp(line, PROTOCOL_BUSY "\n") == 0,
           "\"%s\"", line);
    output_end(&output);
}

TEST(a_request_is_known_to_be_worked_on_after_a_sleep)
{
    rested(hear_beat);
}

TEST(a_deadline_that_is_over_leaves_no_time)
{
    expect(clock_until(0) == 0 && clock_until(clock_now() - 1) == 0, "over");
    expect(clock_until(clock_now() + SOON_MS) > 0, "soon");
    expect(clock_until(INT64_MAX) == INT_MAX, "never");
}

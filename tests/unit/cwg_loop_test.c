#include "cwg/agent/loop/loop.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "unit.h"

enum {
    LONG_MS = 60000, /* longer than a test may take */
    SHORT_MS = 20,
};

static struct loop loop;
static int calls;

static void count(struct watch *watch, uint32_t events)
{
    (void)watch;
    calls += (events & EPOLLIN) != 0;
}

static void begin(void)
{
    calls = 0;
    if (loop_open(&loop))
        unit_trouble("loop_open");
}

/* The timer's clock, and the seconds until it rings: 0 if it doesn't. */
static void read_timer(int *ret_clock, long *ret_seconds)
{
    char path[64], line[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", loop.timer);
    file = fopen(path, "re");
    *ret_clock = -1;
    *ret_seconds = -1;
    while (file && fgets(line, sizeof(line), file)) {
        (void)sscanf(line, "clockid: %d", ret_clock);
        (void)sscanf(line, "it_value: (%ld,", ret_seconds);
    }
    if (file)
        (void)fclose(file);
}

/* Descriptor 0 of this pipe can be read at once. */
static void open_full_pipe(int pipes[2], struct watch *watch)
{
    if (pipe(pipes) < 0 || write(pipes[1], "x", 1) != 1)
        unit_trouble("pipe");
    *watch = (struct watch){.fd = pipes[0], .ready = count};
    if (loop_add(&loop, watch, EPOLLIN))
        unit_trouble("loop_add");
}

static void close_pipe(int pipes[2], struct watch *watch)
{
    loop_remove(&loop, watch);
    close(pipes[0]);
    close(pipes[1]);
}

TEST(a_turn_lasts_until_its_deadline)
{
    const int64_t deadline = clock_now() + SHORT_MS;

    begin();
    loop_turn(&loop, deadline);
    expect(clock_now() >= deadline, "too early");
    loop_turn(&loop, deadline);
    loop_turn(&loop, 0);
    loop_close(&loop);
}

/* A suspended machine's time counts: epoll's own timeout would begin anew where it was. */
TEST(the_deadline_is_one_of_a_clock_that_goes_on_while_the_machine_is_suspended)
{
    int pipes[2], number;
    struct watch watch;
    long seconds;

    begin();
    open_full_pipe(pipes, &watch);
    loop_turn(&loop, clock_now() + LONG_MS);
    read_timer(&number, &seconds);
    expect(calls == 1 && number == CLOCK_BOOTTIME && seconds > 0 && seconds < LONG_MS / 1000,
           "%d calls, clock %d, %ld s", calls, number, seconds);
    loop_turn(&loop, INT64_MAX);
    read_timer(&number, &seconds);
    expect(calls == 2 && seconds > LONG_MS, "%d calls, never: %ld s", calls, seconds);
    loop_turn(&loop, 0);
    read_timer(&number, &seconds);
    expect(calls == 3 && seconds == 0, "%d calls, at once: %ld s", calls, seconds);
    close_pipe(pipes, &watch);
    loop_close(&loop);
}

/* The timer that has rung takes no turn of theirs. */
TEST(what_can_be_read_has_each_turn_after_a_deadline)
{
    int pipes[2];
    struct watch watch;

    begin();
    loop_turn(&loop, clock_now() + 1);
    open_full_pipe(pipes, &watch);
    for (int i = 0; i < 4; i++)
        loop_turn(&loop, clock_now() - 1);
    expect(calls == 4, "%d turns of 4", calls);
    close_pipe(pipes, &watch);
    loop_close(&loop);
}

TEST(a_loop_that_is_closed_leaves_no_descriptor)
{
    const int before = unit_descriptors();

    begin();
    loop_close(&loop);
    expect(unit_descriptors() == before, "descriptors are left");
}

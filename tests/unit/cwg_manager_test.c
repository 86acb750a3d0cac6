#include "cwg/agent/voice/manager.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/notify.h"
#include "unit.h"

static struct manager manager;
static int systemd;
static char heard[512];

/* Stands in for systemd, at a socket with an abstract name. */
static void begin(const char *watchdog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int length;

    length = snprintf(name, sizeof(name), "@cwg-unit-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
    systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (systemd < 0 ||
        bind(systemd, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)) < 0)
        unit_trouble("bind");
    (void)setenv("NOTIFY_SOCKET", name, 1);
    (void)unsetenv("WATCHDOG_PID");
    (void)(watchdog ? setenv("WATCHDOG_USEC", watchdog, 1) : unsetenv("WATCHDOG_USEC"));
    manager_open(&manager);
}

static void end(void)
{
    close(systemd);
    (void)unsetenv("NOTIFY_SOCKET");
}

/* All that was sent, with a '|' behind each datagram. */
static const char *hear(void)
{
    size_t length = 0;
    ssize_t got;

    while ((got = recv(systemd, heard + length, sizeof(heard) - length - 2, 0)) >= 0) {
        length += (size_t)got;
        heard[length++] = '|';
    }
    heard[length] = '\0';
    return heard;
}

TEST(it_is_ready_after_the_first_count)
{
    begin(NULL);
    expect(manager_wants_count(&manager), "it wants no count");
    expect(manager_run(&manager) >= clock_now() && strcmp(hear(), "") == 0, "%s", heard);
    manager_count(&manager, 3, 2, 0);
    (void)manager_run(&manager);
    expect(strcmp(hear(), "STATUS=3 links, 2 connected, 0 in session|READY=1|") == 0, "%s", heard);
    (void)manager_run(&manager);
    expect(strcmp(hear(), "") == 0, "%s", heard);
    end();
}

TEST(a_count_is_told_if_it_has_changed)
{
    static const struct {
        size_t links, connected, in_session;
        const char *said;
    } cases[] = {{0, 0, 0, "STATUS=0 links, 0 connected, 0 in session|"},
                 {0, 0, 0, ""},
                 {1, 0, 0, "STATUS=1 link, 0 connected, 0 in session|"},
                 {1, 1, 0, "STATUS=1 link, 1 connected, 0 in session|"},
                 {1, 1, 0, ""},
                 {2, 1, 1, "STATUS=2 links, 1 connected, 1 in session|"},
                 {2, 1, 1, ""}};

    begin(NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        manager_count(&manager, cases[i].links, cases[i].connected, cases[i].in_session);
        expect(strcmp(hear(), cases[i].said) == 0, "%zu: %s", i, heard);
    }
    end();
}

/* What changes in the second after a count is counted at its end: then the loop has to turn. */
TEST(it_counts_once_a_second_and_not_in_rest)
{
    int64_t due;

    begin(NULL);
    manager_count(&manager, 1, 1, 0);
    expect(!manager_wants_count(&manager), "it counts again");
    expect(manager_run(&manager) == INT64_MAX, "it wakes the loop in rest");
    due = manager_run(&manager);
    expect(due > clock_now() && due <= clock_now() + 1000, "in %lld ms",
           (long long)(due - clock_now()));
    manager.count_due = clock_now();
    expect(manager_wants_count(&manager), "it doesn't count");
    end();
}

TEST(a_reload_is_told_with_its_time)
{
    struct timespec now;
    long long said = 0;

    begin(NULL);
    manager_count(&manager, 1, 1, 0);
    (void)manager_run(&manager);
    (void)hear();
    manager_reload(&manager);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)hear();
    expect(sscanf(heard, "RELOADING=1\nMONOTONIC_USEC=%lld|", &said) == 1, "%s", heard);
    expect(said / 1000000 + 2 > now.tv_sec && said / 1000000 <= now.tv_sec, "%lld, at %lld", said,
           (long long)now.tv_sec);
    expect(manager_wants_count(&manager), "it wants no count");
    (void)manager_run(&manager);
    expect(strcmp(hear(), "READY=1|") == 0, "%s", heard);
    end();
}

TEST(it_says_that_it_lives_twice_in_the_time)
{
    int64_t due;

    begin("400000");
    manager_count(&manager, 1, 1, 0);
    due = manager_run(&manager);
    expect(strstr(hear(), "WATCHDOG=1|"), "%s", heard);
    expect(due > clock_now() + 100 && due <= clock_now() + 200, "in %lld ms",
           (long long)(due - clock_now()));
    (void)manager_run(&manager);
    expect(!strstr(hear(), "WATCHDOG"), "%s", heard);
    (void)poll(NULL, 0, 210);
    (void)manager_run(&manager);
    expect(strcmp(hear(), "WATCHDOG=1|") == 0, "%s", heard);
    end();
}

TEST(only_the_process_that_systemd_watches_says_so)
{
    static const struct {
        const char *time, *pid; /* "own" */
        int64_t milliseconds;
    } cases[] = {
        {"400000", "own", 200},
        {"400000", NULL, 200},
        {"400000", "1", 0},
        {NULL, "own", 0},
        {"0", "own", 0},
        {"-5", "own", 0},
        {"400000x", "own", 0},
        {"", "own", 0},
        {"400000", "", 0},
        {"6000000", "own", 3000},
        {"99999999999999999999", "own", 0},
    };
    char own[16];

    (void)snprintf(own, sizeof(own), "%d", (int)getpid());
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *pid = cases[i].pid;

        begin(cases[i].time);
        if (pid)
            (void)setenv("WATCHDOG_PID", strcmp(pid, "own") == 0 ? own : pid, 1);
        expect(notify_alive_ms() == cases[i].milliseconds, "%zu: %lld", i,
               (long long)notify_alive_ms());
        end();
    }
}

/* Without systemd, or with one that has gone, nothing happens. */
TEST(nobody_need_listen)
{
    static const char *const names[] = {"", "@", "relative", "/nowhere/socket", "@nobody"};

    begin(NULL);
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)setenv("NOTIFY_SOCKET", names[i], 1);
        notify_ready();
        expect(strcmp(hear(), "") == 0, "%zu: %s", i, heard);
    }
    end();
    notify_ready();
}

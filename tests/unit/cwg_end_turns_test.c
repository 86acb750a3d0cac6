/* An end whose container is missing, whose task was refused, or which is on its way out. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cwg/base/clock.h"
#include "cwg_end_world.h"
#include "cwg_programs.h"
#include "unit.h"

static void make_refused_end(void)
{
    programs_put("refuse.cwg_create", "port port 51820 is taken");
    make_end();
    EXPECT_STATE(END_REFUSED);
    programs_put("refuse.cwg_create", NULL);
    programs_put("log", "");
}

TEST(what_was_refused_is_tried_again_when_its_time_has_come)
{
    begin();
    make_refused_end();
    end->retry_due = clock_now() + SOON_MS;
    end_wake(end);
    go_on();
    expect(told_times("cwg_create") == 0, "too early");
    end->retry_due = clock_now();
    end_wake(end);
    EXPECT_STATE(END_UNHEARD);
    expect(told_times("cwg_create") == 1, "not tried");
    finish();
}

TEST(what_was_refused_is_tried_at_once_with_another_want_or_container)
{
    for (int i = 0; i < 2; i++) {
        begin();
        make_refused_end();
        if (i == 0) {
            want.port = 51999;
            end_want(end, &want);
        } else {
            stop_container();
            EXPECT_STATE(END_NO_CONTAINER);
            start_container();
            (void)strcpy(end->want.name, want.name);
            end_seek(end);
        }
        EXPECT_STATE(END_UNHEARD);
        expect(told_times("cwg_create") == 1 && strstr(end->reason, "told nothing"), "case %d: %s",
               i, end->reason);
        finish();
    }
}

/* A process that is ending has no namespaces, and its end is told a moment later. */
TEST(a_process_that_the_helper_does_not_find_is_looked_at_again_before_it_is_refused)
{
    for (int i = 0; i < 2; i++) {
        const char *task = i == 0 ? "cwg_show" : "cwg_create";
        const int64_t deadline = clock_now() + SOON_MS;
        char file[32];

        begin();
        (void)snprintf(file, sizeof(file), "refuse.%s", task);
        programs_put(file, "no-such-process pid: no such process");
        make_end();
        while (!end->ending_end && clock_now() < deadline)
            turn(deadline);
        end->ending_end = end->due = deadline;
        go_on();
        expect(told_times(task) == 1, "%s: it doesn't wait", task);
        end->forgotten = i == 0; /* nobody knows yet whether it has a device */
        expect(!end_is_over(end), "%s: it is over", task);
        end->forgotten = false;
        end_wake(end);
        go_on();
        expect(told_times(task) == 2 && end->verdict.state != END_REFUSED, "%s: %s", task,
               end_state_text(end->verdict.state));
        stop_container();
        EXPECT_STATE(END_NO_CONTAINER);
        expect(!strstr(end->reason, "no such process"), "%s", end->reason);
        finish();

        begin();
        programs_put(file, "no-such-process pid: no such process");
        make_end();
        EXPECT_STATE(END_REFUSED);
        expect(told_times(task) == 2 && strstr(end->reason, "no such process"), "%s: %s", task,
               end->reason);
        programs_put(file, NULL);
        end_retry(end);
        EXPECT_STATE(END_UNHEARD);
        finish();
    }
}

TEST(an_end_that_is_off_gives_no_reason_of_the_time_before)
{
    begin();
    make_refused_end();
    want.off = true;
    end_want(end, &want);
    EXPECT_STATE(END_OFF);
    expect(!end->reason[0], "%s", end->reason);
    finish();
}

TEST(while_the_agent_ends_nothing_is_begun)
{
    begin();
    house->ending = true;
    make_end();
    go_on();
    expect(told_times("") == told_times("cwg_show") && end->verdict.decision == DO_CREATE,
           "something is made");
    finish();
}

/* The other site's words send packets to an address of its choice. */
TEST(two_connects_are_apart_however_often_the_other_site_tells)
{
    begin();
    connect_it();
    expect(end->connect_due > 0, "not apart");
    end->connect_due = clock_now() + SOON_MS;
    tell(SERIAL + 1, true, THIRD, &other);
    go_on();
    expect(told_times("cwg_connect") == 0 && end->due <= end->connect_due, "connected at once");
    end->connect_due = end->due = clock_now();
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 1, "not connected");
    finish();
}

TEST(a_link_that_works_again_begins_its_rounds_anew)
{
    begin();
    connect_it();
    end->tried = 1;
    end->rounds = 3;
    end->moving = true;
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(end->tried == 0 && end->rounds == 0 && !end->moving, "tried %d, rounds %d", end->tried,
           end->rounds);
    finish();
}

TEST(another_address_of_this_machine_is_told)
{
    struct news news;

    begin();
    connect_it();
    (void)endpoint_parse("192.0.2.9:1", &house->address[house->addresses++]);
    end_wake(end);
    go_on();
    expect(tells(&news) && news.endpoints == 2, "tells %d endpoints", news.endpoints);
    house->addresses = 1;
    end_wake(end);
    go_on();
    expect(tells(&news) && news.endpoints == 1, "tells %d endpoints", news.endpoints);
    finish();
}

/* The look-ups of a container that is missing have their pauses, whatever is told meanwhile. */
TEST(who_tells_causes_no_look_up_and_puts_none_off)
{
    int64_t due;

    begin();
    stop_container();
    make_end();
    EXPECT_STATE(END_NO_CONTAINER);
    expect(house->lookups.missed >= 1 && end->misses >= 1, "not looked for");
    end->misses = 5; /* a pause of 3.2 s */
    end->due = due = clock_now() + 3000;
    tell(SERIAL, true, OTHER, &other);
    expect(end->again && end_run(end) == due, "put off by %ld ms", (long)(end->due - due));
    expect(end->phase == PHASE_REST && end->due == due, "looked for");
    end_retry(end);
    expect(end->misses == 0, "a reload doesn't look for it");
    finish();
}

TEST(an_end_is_elsewhere_with_another_net_host_or_container)
{
    static const struct {
        bool elsewhere;
        struct want want;
    } cases[] = {
        {false, {.net = 7, .host = 0, .engine = "podman", .name = "web"}},
        {false, {.net = 7, .host = 0, .engine = "podman", .name = "web", .port = 9, .off = true}},
        {true, {.net = 8, .host = 0, .engine = "podman", .name = "web"}},
        {true, {.net = 7, .host = 1, .engine = "podman", .name = "web"}},
        {true, {.net = 7, .host = 0, .engine = "docker", .name = "web"}},
        {true, {.net = 7, .host = 0, .engine = "podman", .name = "db"}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct agent_end one = {.want = cases[0].want};

        expect(!end_is_elsewhere(&one, &cases[i].want), "case %zu: it is nowhere", i);
        one.facts.running = true;
        expect(end_is_elsewhere(&one, &cases[i].want) == cases[i].elsewhere, "case %zu", i);
        one.facts.running = false;
        one.facts.device = DEVICE_SOUND;
        expect(end_is_elsewhere(&one, &cases[i].want) == cases[i].elsewhere, "case %zu: device", i);
    }
}

/* It is freed when it is over, and the probe's answer is written into it. */
TEST(an_end_is_not_over_before_its_probe_is)
{
    const int64_t deadline = clock_now() + SOON_MS;

    begin();
    connect_it();
    programs_put("gate.cwg_wait", "");
    programs_put("state", "idle");
    end->probe_due = 1;
    end_wake(end);
    while (told_times("cwg_wait") == 0 && clock_now() < deadline)
        turn(deadline);
    end->forgotten = true;
    end_wake(end);
    EXPECT_STATE(END_OFF);
    expect(end->probing && !end_is_over(end), "over");
    programs_put("gate.cwg_wait", NULL);
    while (end->probing && clock_now() < deadline)
        turn(deadline);
    EXPECT_STATE(END_OFF);
    expect(end_is_over(end), "not over");
    finish();
}

/* The agent's other part takes the device over. */
TEST(a_device_that_is_released_is_left_as_it_is)
{
    struct news news;

    begin();
    connect_it();
    want.release = want.off = want.forget = true;
    end_want(end, &want);
    EXPECT_STATE(END_OFF);
    expect(told_times("cwg_destroy") == 0 && end_is_over(end), "not left alone");
    expect(!tells(&news) && news.serial > 0, "the other site isn't told");
    finish();
}

TEST(a_container_that_is_found_by_the_name_of_before_is_not_taken)
{
    char before[sizeof(want.name)];
    pid_t pid;

    begin();
    (void)strcpy(before, want.name);
    pid = (pid_t)strtol(before, NULL, 10);
    make_end();
    (void)end_run(end);
    expect(end->phase == PHASE_LOOKING, "not looked for");
    start_container();
    end_want(end, &want);
    EXPECT_STATE(END_UNHEARD);
    expect(told_times(want.name) > 0 && told_times(before) == 0, "the one of before is taken");
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    finish();
}

#include <string.h>

#include "cwg/base/clock.h"
#include "cwg_end_world.h"
#include "cwg_programs.h"
#include "unit.h"

TEST(an_end_is_made_told_connected_and_then_left_alone)
{
    struct news news;

    begin();
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && key_is_zero(&news.peer) && news.heard == 0, "tells something else");
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(tells(&news) && !key_is_zero(&news.peer) && news.heard == SERIAL, "tells %ld",
           (long)news.heard);
    programs_put("log", "");
    end_wake(end);
    tell(SERIAL + 1, false, NULL, &other);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_show") >= 1 && told_times("") == told_times("cwg_show"), "touched");
    finish();
}

/* A look costs the helper as much as a connect does. But what may be the device's end is looked at.
 */
TEST(news_of_the_other_site_right_after_a_look_cost_no_look)
{
    const int64_t deadline = clock_now() + SOON_MS;

    begin();
    connect_it();
    end->shown = deadline;
    end->connect_due = 0;
    tell(SERIAL + 1, true, THIRD, &other);
    while (told_times("cwg_connect") == 0 && clock_now() < deadline)
        turn(deadline);
    expect(told_times("cwg_show") == 0 && told_times("cwg_connect") == 1, "%d looks",
           told_times("cwg_show"));
    EXPECT_STATE(END_CONNECTED);
    programs_put("log", "");
    end->shown = clock_now() + SOON_MS;
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_show") >= 1, "not looked at");
    programs_put("log", "");
    end->shown = 1;
    tell(SERIAL + 2, false, NULL, &other);
    go_on();
    expect(told_times("cwg_show") >= 1, "an old look was good enough");
    finish();
}

/* A full policy, a port in use, a net that overlaps, the other want of this container. */
TEST(a_refusal_is_said_not_repeated_at_once_and_nothing_is_told)
{
    struct news news;

    begin();
    programs_put("refuse.cwg_create", "port port 51820 is taken");
    make_end();
    EXPECT_STATE(END_REFUSED);
    expect(strcmp(end->reason, "port 51820 is taken") == 0, "%s", end->reason);
    end_wake(end);
    go_on();
    expect(told_times("cwg_create") == 1, "%d times", told_times("cwg_create"));
    expect(house->journal.next_complaint == 0, "the journal has it beside the state's change");
    expect(!tells(&news) && news.serial == 0, "told");
    programs_put("refuse.cwg_create", NULL);
    end_retry(end);
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && strstr(end->reason, "site2 has told nothing of it yet"), "%s",
           end->reason);
    finish();
}

TEST(without_the_helper_a_link_is_left_as_it_is_told)
{
    struct news news;

    begin();
    connect_it();
    programs_put("refuse.cwg_show", "helper it is gone");
    end_wake(end);
    EXPECT_STATE(END_REFUSED);
    expect(tells(&news) && told_times("") == told_times("cwg_show"), "changed");
    programs_put("refuse.cwg_show", NULL);
    end_retry(end);
    EXPECT_STATE(END_CONNECTED);
    finish();
}

static bool is_over_without_a_way(void)
{
    programs_put("refuse.cwg_show", "socket no way");
    make_end();
    end->forgotten = true;
    EXPECT_STATE(END_OFF);
    return end_is_over(end);
}

/* Else a want of the same name, with another container, would wait for ever. */
TEST(an_end_to_which_there_is_no_way_is_over_when_forgotten_unless_it_was_told)
{
    begin();
    expect(is_over_without_a_way(), "not over");
    end_free(end);
    programs_put("refuse.cwg_show", NULL);
    connect_it();
    end_free(end);
    expect(!is_over_without_a_way(), "over");
    finish();
}

/* Nobody will ever say that its container has gone. */
TEST(an_end_whose_engine_is_not_installed_is_over_when_forgotten_also_if_it_was_told)
{
    struct news news;

    for (int i = 0; i < 2; i++) {
        begin();
        if (i == 1) {
            connect_it();
            end_free(end);
        }
        (void)strcpy(want.engine, "docker");
        make_end();
        EXPECT_STATE(END_REFUSED);
        expect(!end_is_over(end) && tells(&news) == (i == 1), "case %d: it is wanted", i);
        end->forgotten = true;
        end_wake(end);
        EXPECT_STATE(END_OFF);
        go_on();
        expect(end_is_over(end) && !tells(&news), "case %d", i);
        expect(strstr(end->reason, "docker isn't installed") != NULL, "case %d: %s", i,
               end->reason);
        finish();
    }
}

TEST(an_end_that_nobody_can_look_for_says_why_it_is_not_over)
{
    begin();
    connect_it();
    programs_put("refuse.cwg_show", "helper it is gone");
    end->forgotten = true;
    end_wake(end);
    EXPECT_STATE(END_OFF);
    expect(!end_is_over(end) && strstr(end->reason, "it is gone"), "%s", end->reason);
    finish();
}

TEST(a_container_that_ends_while_the_helper_works_is_waited_for)
{
    const int64_t deadline = clock_now() + SOON_MS;
    struct news news;

    begin();
    programs_put("gate.cwg_create", "");
    programs_put("refuse.cwg_create", "no-such-process it has ended");
    make_end();
    while (told_times("cwg_create") == 0 && clock_now() < deadline)
        turn(clock_now() + 20);
    stop_container();
    programs_put("gate.cwg_create", NULL);
    EXPECT_STATE(END_NO_CONTAINER);
    expect(!tells(&news), "told");
    programs_put("refuse.cwg_create", NULL);
    start_container(); /* another process: a replaced container */
    end_want(end, &want);
    end_seek(end);
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news), "not told");
    finish();
}

TEST(a_want_that_an_editor_writes_anew_keeps_its_link)
{
    begin();
    connect_it();
    end_miss(end, false);
    go_on();
    end_miss(end, false);
    end_miss(end, true);
    end_miss(end, false);
    go_on();
    expect(!end->forgotten && told_times("cwg_destroy") == 0, "destroyed");
    end->missing -= END_GRACE_MS;
    end_miss(end, false);
    EXPECT_STATE(END_OFF);
    expect(told_times("cwg_destroy") == 1 && end_is_over(end), "not over");
    finish();
}

TEST(an_end_that_is_idle_is_called_stale_when_a_probe_had_time_to_tell)
{
    begin();
    connect_it();
    EXPECT_STATE(END_CONNECTED);
    programs_put("state", "idle");
    end->probe_due = INT64_MAX;
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(end->due <= end->doubt_end && end->doubt_end > clock_now(), "it stays so");
    end->shown -= END_LOOK_MS;
    end->due = end->doubt_end = clock_now();
    EXPECT_STATE(END_STALE);
    programs_put("state", "connected");
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    programs_put("state", "silent");
    end_wake(end);
    EXPECT_STATE(END_STALE);
    finish();
}

TEST(a_probe_in_vain_ends_the_doubt)
{
    begin();
    connect_it();
    EXPECT_STATE(END_CONNECTED);
    programs_put("state", "idle");
    end->probe_due = INT64_MAX;
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    end->tried = 1;
    end_wake(end);
    EXPECT_STATE(END_STALE);
    finish();
}

/* A kernel's link whose machine's clock was set looks stale. */
TEST(a_stale_link_is_not_touched_before_a_probe_has_failed)
{
    begin();
    connect_it();
    programs_put("state", "stale");
    end->probe_due = INT64_MAX;
    end_wake(end);
    go_on();
    expect(end->verdict.state == END_STALE && told_times("") == told_times("cwg_show"), "touched");
    finish();
}

/* Begins a probe of a link that was connected, and waits until the helper is at it. */
static void probe_it(void)
{
    const int64_t deadline = clock_now() + SOON_MS;

    begin();
    connect_it();
    programs_put("answers", "");
    programs_put("gate.cwg_wait", "");
    programs_put("state", "idle");
    end->probe_due = 1;
    end_wake(end);
    while (told_times("cwg_wait") == 0 && clock_now() < deadline)
        turn(deadline);
    expect(end->probing && told_times("cwg_show") == 1, "%d looks", told_times("cwg_show"));
}

TEST(a_probe_with_an_answer_costs_no_look)
{
    probe_it();
    programs_put("gate.cwg_wait", NULL);
    EXPECT_STATE(END_CONNECTED);
    go_on();
    expect(told_times("cwg_show") == 1 && told_times("") == 2, "%d looks", told_times("cwg_show"));
    expect(end->facts.health == HEALTH_GOOD && end->shown > end->probed, "no answer");
    expect(end->due - clock_now() > END_LOOK_MS / 4, "looked at in %ld ms",
           (long)(end->due - clock_now()));
    finish();
}

/* It may be the kernel's, and have counters. */
TEST(an_end_that_was_just_connected_is_looked_at_once_a_probe_has_an_answer)
{
    probe_it();
    end->facts.health = HEALTH_NONE;
    programs_put("gate.cwg_wait", NULL);
    go_on();
    expect(told_times("cwg_show") == 2 && !end->idles, "%d looks", told_times("cwg_show"));
    finish();
}

/* The age of its keys tells when to look next. */
TEST(a_kernel_s_link_is_looked_at_after_a_probe_too)
{
    probe_it();
    end->pulse.there = true;
    programs_put("gate.cwg_wait", NULL);
    go_on();
    expect(told_times("cwg_show") == 2, "%d looks", told_times("cwg_show"));
    finish();
}

/* The answer is one of the device as it was. */
TEST(a_probe_s_answer_counts_no_more_once_the_device_was_looked_at_again)
{
    probe_it();
    end_wake(end);
    go_on();
    expect(end->probing && told_times("cwg_show") == 2, "%d looks", told_times("cwg_show"));
    programs_put("gate.cwg_wait", NULL);
    go_on();
    expect(!end->probing && told_times("cwg_show") == 3, "%d looks", told_times("cwg_show"));
    expect(end->facts.health == HEALTH_IDLE, "the answer counts");
    finish();
}

/* Waits until the end that idles is due, and asks. */
static void let_it_be_due(void)
{
    const int64_t deadline = clock_now() + SOON_MS;

    programs_put("log", "");
    end->due = end->look_due = clock_now();
    while (told_times("") == 0 && clock_now() < deadline)
        turn(deadline);
    go_on();
}

/* Of an idle link a look tells nothing. */
TEST(an_end_that_idles_is_probed_first_and_looked_at_if_the_probe_is_in_vain)
{
    probe_it();
    programs_put("gate.cwg_wait", NULL);
    EXPECT_STATE(END_CONNECTED);
    go_on();
    let_it_be_due();
    expect(told_times("cwg_wait") == 1 && told_times("") == 1, "%d tasks", told_times(""));
    EXPECT_STATE(END_CONNECTED);
    programs_put("answers", NULL);
    let_it_be_due();
    EXPECT_STATE(END_STALE);
    expect(told_times("cwg_show") > 0 && !end->idles, "not looked at");
    finish();
}

/* Its peer may have a firewall that answers no probe. */
TEST(an_end_that_hears_its_peer_is_connected_after_a_probe_in_vain_and_not_probed_first_again)
{
    probe_it();
    programs_put("gate.cwg_wait", NULL);
    EXPECT_STATE(END_CONNECTED);
    go_on();
    programs_put("answers", NULL);
    programs_put("state", "connected");
    let_it_be_due();
    expect(told_times("cwg_wait") == 1 && told_times("cwg_show") == 1, "%d tasks", told_times(""));
    EXPECT_STATE(END_CONNECTED);
    expect(!end->moving && end->tried == 0 && !end->reason[0], "it moves");
    let_it_be_due();
    expect(told_times("cwg_wait") == 0 && told_times("cwg_show") == 1, "%d tasks", told_times(""));
    finish();
}

/* What may have changed the device leads to a look. */
TEST(an_end_that_idles_and_is_woken_is_looked_at)
{
    probe_it();
    programs_put("gate.cwg_wait", NULL);
    EXPECT_STATE(END_CONNECTED);
    go_on();
    programs_put("log", "");
    end_wake(end);
    go_on();
    expect(told_times("cwg_show") > 0, "not looked at");
    finish();
}

/* One probe of an end is at work at a time, and none once the agent ends. */
TEST(an_end_that_idles_is_not_probed_during_a_probe_or_while_the_agent_ends)
{
    probe_it();
    programs_put("gate.cwg_wait", NULL);
    EXPECT_STATE(END_CONNECTED);
    go_on();
    programs_put("gate.cwg_wait", "");
    let_it_be_due();
    expect(end->probing && told_times("cwg_wait") == 1, "%d tasks", told_times(""));
    let_it_be_due();
    expect(told_times("cwg_show") == 1 && told_times("") == 1, "%d tasks", told_times(""));
    programs_put("gate.cwg_wait", NULL);
    EXPECT_STATE(END_CONNECTED);
    go_on();
    end->idles = end->house->ending = true;
    let_it_be_due();
    expect(told_times("cwg_wait") == 0, "probed");
    finish();
}

TEST(an_end_that_idled_is_looked_at_once_it_has_another_peer)
{
    probe_it();
    programs_put("gate.cwg_wait", NULL);
    EXPECT_STATE(END_CONNECTED);
    go_on();
    programs_put("log", "");
    end->connect_due = 0;
    tell(SERIAL + 1, true, THIRD, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 1 && told_times("cwg_show") >= 1 &&
               told_times("cwg_wait") == 0,
           "probed");
    finish();
}

/* The probe is in vain, and what it says for people stays while the link is silent. */
TEST(a_link_that_is_silent_says_why)
{
    static const char said[] = "no answer from 192.0.2.2:51801; did cwg_connect run there?; is UDP "
                               "open in firewalls?";

    begin();
    connect_it();
    EXPECT_STATE(END_CONNECTED);
    programs_put("refuse.cwg_wait", said);
    programs_put("state", "stale");
    end->heard.peer = end->facts.key;
    end->heard.endpoints = 0; /* there is no other one to try */
    end->probe_due = 1;
    end_wake(end);
    EXPECT_STATE(END_STALE);
    for (int i = 0; i < 50 && !end->reason[0]; i++)
        go_on();
    expect(strcmp(end->reason, "answer from 192.0.2.2:51801; is UDP open in firewalls?") == 0, "%s",
           end->reason);
    /* The other site is connected to another key: its agent doesn't do what it should. */
    end->heard.peer = (struct key){.bytes = {9}};
    end_wake(end);
    go_on();
    expect(strstr(end->reason, "site site2 hasn't connected its end to this one"), "%s",
           end->reason);
    programs_put("refuse.cwg_wait", NULL);
    programs_put("state", "connected");
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(!end->reason[0] && !end->probe_said[0], "%s", end->reason);
    finish();
}

/* Goes on until no probe is at work any more, after there were so many. */
static void end_probe(int count)
{
    const int64_t deadline = clock_now() + SOON_MS;

    while ((told_times("cwg_wait") < count || end->probing) && clock_now() < deadline)
        turn(deadline);
}

/* Nothing was learnt of the peer. The helper's own failures have these codes. */
TEST(a_probe_that_the_helper_could_not_do_is_no_probe_in_vain)
{
    for (const char *const *code =
             TEXTS("helper", "no-helper", "not-permitted", "policy", "system", "shortage");
         *code; code++) {
        char refusal[64];

        probe_it();
        (void)snprintf(refusal, sizeof(refusal), "%s it can't", *code);
        programs_put("refuse.cwg_wait", refusal);
        end->heard.peer = end->facts.key; /* the other end waits for this one's probe */
        programs_put("gate.cwg_wait", NULL);
        end_probe(1);
        expect(end->probe_due > clock_now() && end->probe_due < end->doubt_end, "%s: late", *code);
        end->probe_due += SOON_MS;
        EXPECT_STATE(END_CONNECTED);
        expect(end->tried == 0 && !end->moving && !end->probe_said[0], "%s counts", *code);
        go_on();
        expect(told_times("cwg_wait") == 1, "%s: %d probes at once", *code, told_times("cwg_wait"));
        expect(end->due <= end->probe_due, "%s: no visit", *code);
        programs_put("refuse.cwg_wait", NULL);
        end->due = end->probe_due = clock_now();
        end_probe(2);
        expect(told_times("cwg_wait") == 2 && !end->unasked, "%s: not probed again", *code);
        EXPECT_STATE(END_CONNECTED);
        finish();
    }
}
